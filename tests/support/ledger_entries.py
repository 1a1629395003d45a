"""Runs as the ledger returns them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_runner.history.ledger import Entry, EntryLine
from zoo_runner.report.model import Verdict


def make_line(name: str, value: float | None, **facts: Any) -> EntryLine:
    """Return a line that passed, in the unit that its name calls for."""
    unit = "images/s" if name.startswith("throughput") else "percent"
    return EntryLine(id=name, value=value, **{"unit": unit, "verdict": Verdict.PASS, **facts})


def make_entry(*lines: EntryLine, day: int = 1, **facts: Any) -> Entry:
    """Return a run of that day in November 2026 that passed, on a 310P3."""
    usual: dict[str, Any] = {
        "started": f"2026-11-{day:02d}T09:30:59+00:00",
        "name": "toy",
        "digest": "d",
        "verdict": Verdict.PASS,
        "exit_code": 0,
        "backend": "ascend",
        "chip": "310P3",
        "subset": None,
        "weights": None,
        "seconds": 1.0,
        "manifest": Path("/m.yaml"),
        "report": Path(f"/out/{day}/report.json"),
        "lines": lines,
    }
    return Entry(**usual | facts)
