"""Tables that a recipe writes in HTML: their texts, with cells that span several rows or columns in each of them."""

from __future__ import annotations

import html
import re
from typing import Final

MOST_SPANNED: Final = 64
"""Rows or columns of one cell; published tables have up to a dozen."""
MOST_CELLS: Final = 20_000
# Python's own reader of HTML takes a time that grows with the square of what is not closed.
_TAG: Final = re.compile(r"<(/?)(table|tr|td|th|br|p|li)\b([^<>]{0,500})>", re.IGNORECASE)
_OTHER: Final = re.compile(r"</?[a-zA-Z][^<>]{0,500}>|<!--[^<>]{0,500}-->")
_SPAN: Final = re.compile(r"\b(rowspan|colspan)\s{0,3}=\s{0,3}[\"']?([0-9]{1,3})\b", re.IGNORECASE)


def html_tables(text: str, first_line: int) -> list[list[tuple[int, tuple[str, ...]]]]:
    """Return the rows of each table, each with its line.

    Args:
        text: A block of HTML.
        first_line: Its line in the file, counted from 1.
    """
    reader = _Reader()
    end, line = 0, first_line
    for match in _TAG.finditer(text):
        between = text[end : match.start()]
        reader.text(between)
        line += between.count("\n")
        (reader.close if match[1] else reader.open)(match[2].lower(), match[3], line)
        line += match[0].count("\n")
        end = match.end()
    reader.end_table()
    return [table for table in reader.tables if table]


class _Reader:
    """Collects the cells of tables; a table within a table ends the outer one."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, tuple[str, ...]]] = []
        self._row: list[str] | None = None
        self._row_line = 0
        self._cell: list[str] | None = None
        self._spans = (1, 1)
        self._spanned: dict[int, tuple[int, str]] = {}  # column -> rows to come, text
        self._count = 0
        self.tables: list[list[tuple[int, tuple[str, ...]]]] = []

    def open(self, tag: str, attributes: str, line: int) -> None:
        """Begin an element."""
        if tag == "table":
            self.end_table()
        elif tag == "tr":
            self._end_row()
            self._row, self._row_line = [], line
        elif tag in {"td", "th"}:
            self._end_cell()
            named = {name.lower(): int(value) for name, value in _SPAN.findall(attributes)}
            self._cell, self._spans = [], (_span(named.get("rowspan", 1)), _span(named.get("colspan", 1)))
        else:
            self.text(" ")

    def close(self, tag: str, _attributes: str, _line: int) -> None:
        """End an element."""
        if tag == "table":
            self.end_table()
        elif tag == "tr":
            self._end_row()
        elif tag in {"td", "th"}:
            self._end_cell()

    def text(self, written: str) -> None:
        """Take the text between two elements."""
        if self._cell is not None:
            self._cell.append(html.unescape(_OTHER.sub("", written)))

    def end_table(self) -> None:
        """End the table that is open, if one is."""
        self._end_row()
        self.tables.append(self._rows)
        self._rows, self._spanned = [], {}

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is not None:
            self._take_spanned(self._row)
            self._rows.append((self._row_line, tuple(self._row)))
        self._row = None

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        text, self._cell = " ".join("".join(self._cell).split()), None
        if self._row is None:
            return
        self._take_spanned(self._row)
        down, across = self._spans
        for _ in range(across):
            if self._count >= MOST_CELLS:
                return
            self._count += 1
            if down > 1:
                self._spanned[len(self._row)] = (down - 1, text)
            self._row.append(text)

    def _take_spanned(self, row: list[str]) -> None:
        """Write cells of rows above that reach down into this one."""
        while (spanned := self._spanned.get(len(row))) is not None and self._count < MOST_CELLS:
            left, text = spanned
            if left > 1:
                self._spanned[len(row)] = (left - 1, text)
            else:
                del self._spanned[len(row)]
            row.append(text)
            self._count += 1


def _span(number: int) -> int:
    return min(max(number, 1), MOST_SPANNED)
