"""Pieces of Markdown that read the same on GitHub and in Sphinx."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

_SECTION: Final = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")
_ROLE: Final = re.compile(r":\w+:`[~!]?([^`]+)`")
_OPTION: Final = re.compile(r"(?<![\w-])--[a-z][\w-]*")
_ITEM: Final = re.compile(r"^(\*{0,2}[\w.]+): (.*)$")


def heading(level: int, text: str) -> str:
    """Return a heading and the blank line after it."""
    return f"{'#' * level} {text}\n"


def slug(text: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def code(text: str) -> str:
    """Return inline code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table, without the columns that no row has anything in."""
    used = [place for place in range(len(titles)) if any(row[place] for row in rows)]
    lines = [[titles[place] for place in used], ["---"] * len(used), *([row[place] for place in used] for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def inline(text: str) -> str:
    """Turn the markup of docstrings into that of Markdown, on one line; options become code, `<` stays what it is."""
    plain = _ROLE.sub(r"`\1`", " ".join(text.split())).replace("``", "`")
    pieces = plain.split("`")
    pieces[::2] = [_OPTION.sub(r"`\g<0>`", piece).replace("<", r"\<") for piece in pieces[::2]]
    return "`".join(pieces)


def prose(docstring: str | None) -> str:
    """Turn a docstring in Google's style into paragraphs, and its sections into lists."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    starts = [number for number, line in enumerate(lines) if _SECTION.match(line)]
    head = lines[: starts[0]] if starts else lines
    parts = [inline(paragraph) for paragraph in "\n".join(head).split("\n\n") if paragraph.strip()]
    for start, end in pairwise([*starts, len(lines)]):
        parts.append(f"*{lines[start]}*\n\n" + "\n".join(f"- {item}" for item in _items(lines[start + 1 : end])))
    return "".join(f"{part}\n\n" for part in parts).rstrip("\n") + "\n" if parts else ""


def attributes(docstring: str | None) -> dict[str, str]:
    """Return what the section ``Attributes`` of a docstring says, by name."""
    text = inspect.cleandoc(docstring or "")
    _, _, section = text.partition("\nAttributes:\n")
    found = {}
    for item in _items(section.splitlines()):
        name, _, meaning = item.partition(": ")
        found[name.strip("`")] = meaning
    return found


def without_attributes(docstring: str | None) -> str:
    """Return a docstring up to its section ``Attributes``."""
    return inspect.cleandoc(docstring or "").partition("\nAttributes:\n")[0]


def _items(lines: Sequence[str]) -> Iterator[str]:
    """Join the lines of each entry of a section; an entry is less indented than what continues it."""
    texts = [line for line in lines if line.strip()]
    indent = min((len(line) - len(line.lstrip()) for line in texts), default=0)
    entries: list[str] = []
    for line in texts:
        if line[indent] == " " or (entries and not _ITEM.match(line.strip())):
            entries[-1] += f" {line.strip()}"
        else:
            entries.append(line.strip())
    for entry in entries:
        named = _ITEM.match(entry)
        yield f"`{named[1]}`: {inline(named[2])}" if named else inline(entry)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))
