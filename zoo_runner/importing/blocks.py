"""The Markdown of a recipe: its headings, paragraphs, blocks of code and tables, each with its line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markdown_it import MarkdownIt

from zoo_runner.errors import UsageError
from zoo_runner.importing.html_tables import html_tables

if TYPE_CHECKING:
    from markdown_it.token import Token

    from zoo_runner.importing.reading import Recipe

_BREAK: Final = re.compile(r"<br[ /]*>", re.IGNORECASE)
_ELEMENT: Final = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<!--[^<>]{0,500}-->")
_MARKS: Final = re.compile(r"\*\*|__|`|\\(?=[|*_<>~])")
_FENCE_LINES: Final = 2
"""Of a block of code: the line that begins it, and the one that ends it."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """A block of code.

    Attributes:
        line: Of its first line of code, counted from 1.
        lines: The code.
        language: What stands behind the opening fence, in small letters.
    """

    line: int
    lines: tuple[str, ...]
    language: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table: its line, and the texts of its cells without marks of Markdown and HTML."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        header: The row that names the columns.
        rows: The others.
        heading: The heading that it stands below.
    """

    header: Row
    rows: tuple[Row, ...]
    heading: str


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """A line of prose or of a heading, with the heading that it stands below, as it is written."""

    line: int
    text: str
    heading: str
    is_heading: bool = False


@dataclass(frozen=True, kw_only=True)
class Document:
    """A recipe's parts, each kind in its order."""

    paragraphs: tuple[Paragraph, ...]
    codes: tuple[Code, ...]
    tables: tuple[Table, ...]

    @property
    def title(self) -> str:
        """The first heading; empty without one."""
        return next((plain(each.text) for each in self.paragraphs if each.is_heading), "")


def plain(text: str) -> str:
    """Return a text of Markdown without its marks and elements of HTML, in one line."""
    return " ".join(_MARKS.sub("", _ELEMENT.sub("", _BREAK.sub(" ", text))).split())


def document(recipe: Recipe) -> Document:
    """Read the Markdown of a recipe.

    Raises:
        UsageError: A block of code has no end, so that what comes after it would be taken for code.
    """
    # Text within a line is looked at by this room itself, for numbers and addresses: whatever Markdown makes of it
    # would only be taken off again, and its rules take long for texts that are made to make them.
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").disable(["inline", "text_join", "reference"])
    tokens = parser.parse(recipe.text)
    parts = _Parts(recipe, tokens)
    parts.read()
    return Document(paragraphs=tuple(parts.paragraphs), codes=tuple(parts.codes), tables=tuple(parts.tables))


class _Parts:
    """Collects the parts of a document while its tokens are read in order."""

    def __init__(self, recipe: Recipe, tokens: Sequence[Token]) -> None:
        self._recipe, self._tokens = recipe, tokens
        self._heading = ""
        self.paragraphs: list[Paragraph] = []
        self.codes: list[Code] = []
        self.tables: list[Table] = []

    def read(self) -> None:
        """Read all tokens."""
        rows: list[Row] = []
        cells: list[str] = []
        line = 0
        for before, token in zip([None, *self._tokens], self._tokens, strict=False):
            if token.type == "table_open":
                rows = []
            elif token.type == "tr_open":
                cells, line = [], _line(token)
            elif token.type == "tr_close":
                rows.append(Row(line=line, cells=tuple(cells)))
            elif token.type == "table_close":
                self._table(rows)
            elif token.type == "inline" and before is not None and before.type in {"td_open", "th_open"}:
                cells.append(plain(token.content))
            else:
                self._other(token, before)

    def _table(self, rows: Sequence[Row]) -> None:
        if rows:
            self.tables.append(Table(header=rows[0], rows=tuple(rows[1:]), heading=self._heading))

    def _other(self, token: Token, before: Token | None) -> None:
        if token.type == "fence":
            self._fence(token)
        elif token.type == "code_block":
            self.codes.append(Code(line=_line(token), lines=tuple(token.content.split("\n"))))
        elif token.type == "html_block":
            self._html(token)
        elif token.type == "inline" and before is not None:
            is_heading = before.type == "heading_open"
            if is_heading:
                self._heading = plain(token.content)
            for place, text in enumerate(token.content.split("\n")):
                line = _line(token) + place
                self.paragraphs.append(Paragraph(line=line, text=text, heading=self._heading, is_heading=is_heading))

    def _fence(self, token: Token) -> None:
        begin, end = token.map or (0, 0)
        last = self._recipe.lines[end - 1].strip(" \t>") if end - begin >= _FENCE_LINES else ""
        if not (last.startswith(token.markup) and set(last) == {token.markup[0]}):
            text = f"expected the end of the block of code that begins here ({token.markup[:10]}), found none"
            raise UsageError(f"{self._recipe.at(begin + 1)}: {text}; what comes after it would be taken for code")
        language = token.info.strip().partition(" ")[0].lower()
        self.codes.append(Code(line=begin + 2, lines=tuple(token.content.split("\n")), language=language))

    def _html(self, token: Token) -> None:
        line = _line(token)
        for rows in html_tables(token.content, line):
            self._table([Row(line=at, cells=cells) for at, cells in rows])
        for place, text in enumerate(token.content.split("\n")):
            self.paragraphs.append(Paragraph(line=line + place, text=text, heading=self._heading))


def _line(token: Token) -> int:
    return (token.map or (0, 0))[0] + 1
