"""A run of the fault suite that is over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


class NotAppliedError(Exception):
    """A fault could not be made: its table is out of date."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A run that is over.

    Attributes:
        code: Its exit code.
        report: Its report.json; empty if it left none.
        text: What it printed.
        truth: The figure that the model, data and metric of this run really have, where that is not the one that the
            run may have reported: a run that takes over old results reports an old figure.
        against: What a good model scores on the same samples, where those are not the ones of all other runs.
        folder: Its output.
    """

    code: int
    report: dict[str, Any]
    text: str
    truth: float | None = None
    against: float | None = None
    folder: Path = Path()

    @property
    def figure(self) -> float | None:
        """The headline's value, if it came to that."""
        metrics = self.report.get("metrics") or [{}]
        value: float | None = metrics[0].get("value")
        return value

    @property
    def why(self) -> str:
        """The reasons for the verdict, in one line."""
        reasons = self.report.get("why") or [line for line in self.text.splitlines() if line.strip()][-1:]
        return " ".join("; ".join(map(str, reasons)).split())
