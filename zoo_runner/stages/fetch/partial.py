"""An unfinished download on the disk: what arrived, and what the server said about it."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zoo_runner.files.regular import read_regular
from zoo_runner.store.durable import write_durably

_FACTS: Final = 1 << 16


@dataclass(frozen=True)
class Partial:
    """An unfinished download.

    Attributes:
        data: The bytes that arrived.
        facts: What the server said about them, as JSON.
    """

    data: Path
    facts: Path

    @classmethod
    def at(cls, stem: Path) -> Partial:
        """Return the unfinished download whose files have this path without their suffixes."""
        return cls(stem.with_suffix(".part"), stem.with_suffix(".json"))

    def start(self, version: str | None, total: int | None, coding: str) -> None:
        """Begin anew, with what the server says now."""
        self.clear()
        write_durably(self.facts, json.dumps({"version": version, "total": total, "coding": coding}).encode())

    def coding(self) -> str:
        """Return how the server encoded it."""
        return str(self._said().get("coding", ""))

    @property
    def decoded(self) -> Path:
        """Where the file is made of what the server encoded."""
        return self.data.with_suffix(".decoded")

    def clear(self) -> None:
        """Remove all of it."""
        self.decoded.unlink(missing_ok=True)
        self.data.unlink(missing_ok=True)
        self.facts.unlink(missing_ok=True)

    def state(self) -> tuple[int, str | None, int | None]:
        """Return bytes present, the server's version of the file, and its total size."""
        said = self._said()
        version, total = said.get("version"), said.get("total")
        known = (
            said.keys() >= {"version", "total"} and isinstance(version, str | None) and isinstance(total, int | None)
        )
        try:
            found = self.data.lstat()
        except OSError:
            return 0, None, None
        # A link or a pipe in its place is not written to: the next answer is a file of its own.
        return (found.st_size, version, total) if known and stat.S_ISREG(found.st_mode) else (0, None, None)

    def _said(self) -> dict[str, Any]:
        try:
            said = json.loads(read_regular(self.facts, _FACTS))
        except (OSError, ValueError, RecursionError):  # nothing there, or not to be relied on
            return {}
        return said if isinstance(said, dict) else {}
