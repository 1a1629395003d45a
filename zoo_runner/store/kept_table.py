"""A table in one file of the store: thousands of small facts, such as findings on samples, which take long to find."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from zoo_runner.files.regular import read_regular
from zoo_runner.store.durable import write_durably

MOST: Final = 1 << 30
"""Largest table that is read, in bytes."""
Row: TypeAlias = "list[int | str | bool | None]"


def read_table(path: Path) -> dict[str, Row]:
    """Return the rows by key; an empty table if the file is absent or damaged."""
    try:
        digest, _, text = read_regular(path, MOST).partition(b"\n")
    except OSError:
        return {}
    if digest != hashlib.sha256(text).hexdigest().encode():
        return {}
    rows: dict[str, Row] = json.loads(text)
    return rows


def add_to_table(path: Path, rows: Mapping[str, Row]) -> None:
    """Write rows into the table; rows that are there already, also those of other processes, stay.

    Raises:
        OSError: The table cannot be written.
    """
    text = json.dumps({**read_table(path), **rows}, separators=(",", ":")).encode("ascii")
    write_durably(path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
