"""Reading the catalogue: gettext's ``.po`` file, as it is committed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

LOCALES: Final = {"zh": "zh_CN"}
"""The folder of each language; English needs none: it is what the code says."""


@dataclass(frozen=True)
class Entry:
    """One text of the catalogue.

    Attributes:
        context: The key of a fixed text; empty for a sentence of the code.
        english: The text, with ``{0}``, ``{1}`` for what the code puts in.
        translation: The same in the other language; empty where nobody wrote it yet.
        fuzzy: Whether it is a guess that nobody looked at.
    """

    context: str
    english: str
    translation: str
    fuzzy: bool = False


@cache
def catalogue(language: str) -> tuple[Entry, ...]:
    """Return all entries of a language; none of English."""
    if language not in LOCALES:
        return ()
    name = f"locale/{LOCALES[language]}/LC_MESSAGES/zoo_runner.po"
    return tuple(entries((resources.files(__package__) / name).read_text(encoding="utf-8")))


def entries(text: str) -> Iterator[Entry]:
    """Read a ``.po`` file: the part of the format that has contexts, and no plural forms."""
    for block in text.split("\n\n"):
        fields = {"msgctxt": "", "msgid": "", "msgstr": ""}
        name, fuzzy = "", False
        for line in block.splitlines():
            if line.startswith("#"):
                fuzzy |= line.startswith("#,") and "fuzzy" in line
                continue
            word, _, rest = line.partition(" ")
            name, quoted = (word, rest) if word in fields else (name, line)
            if name and quoted.startswith('"'):
                fields[name] += ast.literal_eval(quoted)
        if fields["msgid"]:
            yield Entry(fields["msgctxt"], fields["msgid"], fields["msgstr"], fuzzy)
