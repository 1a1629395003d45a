from __future__ import annotations

from pathlib import Path

import pytest

from zoo_runner.store.kept_table import add_to_table, read_table


def test_rows_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    table = tmp_path / "folder" / "table"
    assert read_table(table) == {}
    add_to_table(table, {"a": ["x", 1, True, None]})
    add_to_table(table, {"b": [], "é": ["ü"]})
    assert read_table(table) == {"a": ["x", 1, True, None], "b": [], "é": ["ü"]}


@pytest.mark.parametrize(
    ("start", "end", "instead"),
    [(0, None, b""), (0, -1, None), (-3, -2, b"2"), (0, None, b"{}")],
    ids=["empty", "short", "a digit", "without its hash"],
)
def test_a_table_that_is_not_what_was_written_is_none(
    tmp_path: Path, start: int, end: int | None, instead: bytes | None
) -> None:
    table = tmp_path / "table"
    add_to_table(table, {"a": [1]})
    data = table.read_bytes()
    rest = b"" if end is None else data[end:]
    table.write_bytes(data[start:end] if instead is None else data[:start] + instead + rest)
    assert table.read_bytes() != data
    assert read_table(table) == {}
