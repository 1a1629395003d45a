"""Replay files with changes, and replays in the process of the tests."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from zoo_runner.cli import cli


def edited(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """Copy a replay file with a change to its entries."""
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return target


def edit_record(entries: dict[str, bytes], change: Callable[[dict[str, Any]], object]) -> None:
    """Change the main record."""
    record = json.loads(entries["replay.json"])
    change(record)
    entries["replay.json"] = json.dumps(record).encode()


def replayed(file: Path, output: Path, *words: str) -> tuple[int, str]:
    """Replay a file, and return the exit code and what was printed.

    Raises:
        ZooError: It cannot be replayed.
    """
    found = CliRunner().invoke(cli, ["replay", str(file), "-o", str(output), *words], standalone_mode=False)
    if found.exception:
        raise found.exception
    return int(found.return_value), found.output
