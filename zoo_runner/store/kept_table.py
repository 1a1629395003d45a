"""A table that is kept in one file of the store: small facts that cost much to find out, thousands at a time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from zoo_runner.files.regular import read_regular
from zoo_runner.store.durable import write_durably

MOST: Final = 1 << 30
"""Bytes of a table."""
Row: TypeAlias = "list[int | str | bool | None]"


def read_table(path: Path) -> dict[str, Row]:
    """Return the rows by key; none when the file is absent or not exactly what was written."""
    try:
        digest, _, text = read_regular(path, MOST).partition(b"\n")
    except OSError:
        return {}
    if digest != hashlib.sha256(text).hexdigest().encode():
        return {}
    rows: dict[str, Row] = json.loads(text)
    return rows


def add_to_table(path: Path, rows: Mapping[str, Row]) -> None:
    """Write rows into the table; those that another process wrote meanwhile stay."""
    text = json.dumps({**read_table(path), **rows}, separators=(",", ":")).encode("ascii")
    write_durably(path, hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
