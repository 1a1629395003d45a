"""Breaking texts into the lines of a terminal, between words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rich.cells import cell_len
from rich.text import Text

_WIDE: Final = "\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING: Final = "\u3001\u3002\uff09\uff0c\uff1a\uff1b\uff1f\uff01"
"""Punctuation that no line begins with."""
_WORD: Final = re.compile(rf"[{_WIDE}][{_CLOSING}]*\s*|[^\s{_WIDE}]+[{_CLOSING}]*\s*")
"""What stays together: a word of letters, or one Chinese character."""


def whole_words(text: Text, width: int) -> Iterator[Text]:
    """Yield the lines of a text, broken between words; a word that is longer than a line is left whole.

    Args:
        text: With styles.
        width: Columns of a line. Lines that continue another one are indented like it.
    """
    for line in text.split("\n", allow_blank=True) if text.plain else [text]:
        indent = " " * min(len(line.plain) - len(line.plain.lstrip(" ")), width // 4)
        first, *rest = line.divide(_breaks(line.plain, indent, width))
        yield _without_end(first)
        yield from (Text(indent) + _without_end(each) for each in rest)


def _breaks(plain: str, indent: str, width: int) -> list[int]:
    """Return where lines begin that continue the first one."""
    found: list[int] = []
    start, before = 0, ""
    for word in _WORD.finditer(plain):
        here = before + plain[start : word.end()].rstrip()
        if cell_len(here) > width and plain[start : word.start()].strip():
            start, before = word.start(), indent
            found.append(start)
    return found


def _without_end(line: Text) -> Text:
    line.rstrip()
    return line
