"""The line that decided a verdict, and how far it is from its limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.report.model import Line, LineKind, Verdict, WaiverState

if TYPE_CHECKING:
    from zoo_runner.report.model import Report

PASSED: Final = (Verdict.PASS, Verdict.WAIVED)
AT_FAULT: Final = (WaiverState.OVERDUE, WaiverState.BELOW_FLOOR, WaiverState.NOT_NEEDED)
"""States of a waiver that fail a run."""


@dataclass(frozen=True, kw_only=True)
class Deciding:
    """The line that a reader must see first.

    Attributes:
        field: Where it is in the report: ``metrics`` or ``performance``, and its place there.
        line: The line.
    """

    field: tuple[str, int]
    line: Line

    @property
    def figure(self) -> str:
        """The name of the field that holds its figure."""
        return "value" if self.line.kind is LineKind.ACCURACY else "throughput"

    @property
    def limit(self) -> float | None:
        """From where on its figure meets the expectation; ``None`` where nothing is expected."""
        return bound(self.line, self.line.measured)

    @property
    def distance(self) -> float | None:
        """How far its figure is from the limit: negative where it is missed. ``None`` where one of them is not there.

        The figure alone: a rule may look at an interval or a baseline too.
        """
        value, limit = self.line.measured, self.limit
        if value is None or limit is None or not math.isfinite(value):
            return None
        low, high = bounds(self.line)
        return min(decimal(value) - decimal(low), decimal(high) - decimal(value)).__float__()


def deciding(report: Report) -> Deciding | None:
    """Return the line that decided the verdict.

    The first one that failed, else the first that is not clear, else the first that was held against anything, else
    the first that was measured. A run that could not finish has none.
    """
    if report.verdict is Verdict.ERROR:
        return None
    every = [
        *(Deciding(field=("metrics", place), line=line) for place, line in enumerate(report.metrics)),
        *(Deciding(field=("performance", place), line=line) for place, line in enumerate(report.performance)),
    ]
    waived = {waiver.line for waiver in report.waivers if waiver.state in AT_FAULT}
    ranks = [_rank(each.line, waived) for each in every]
    return every[ranks.index(min(ranks))] if every else None


def _rank(line: Line, waived: set[str]) -> int:
    """Say how soon a line is looked at."""
    tests = (
        line.verdict is Verdict.FAIL,
        line.label in waived,
        line.verdict is Verdict.INCONCLUSIVE,
        line.verdict in PASSED,
        line.measured is not None,
    )
    return tests.index(True) if True in tests else len(tests)


def shortfall(found: Deciding) -> str:
    """Say by how much the figure misses its limit, in English; empty where it does not."""
    if found.limit is None or found.distance is None or found.distance >= 0:
        return ""
    digits = decimals(found.line.measured, found.limit, found.line.tolerance)
    return f"short of {found.limit:.{digits}f} by {-found.distance:.{digits}f}"


FEWEST: Final = 2
MOST: Final = 6
"""Decimals of a figure that is held against another one."""


def decimals(value: float | None, limit: float | None, tolerance: float | None) -> int:
    """Choose how many decimals it takes to see on which side of the limit a value is."""
    digits = FEWEST
    if tolerance and math.isfinite(tolerance):
        digits = min(max(digits, 1 - math.floor(math.log10(abs(tolerance)))), MOST)
    if value is None or limit is None or not math.isfinite(value) or value == limit:
        return digits
    while digits < MOST and f"{value:.{digits}f}" == f"{limit:.{digits}f}":
        digits += 1
    return digits


def bounds(line: Line) -> tuple[float, float]:
    """Return from where to where a figure meets the expectation; infinite on the side that is free."""
    if line.expected is None:
        return -math.inf, math.inf
    return Band(decimal(line.expected), decimal(line.tolerance or 0.0)).bounds(line.direction)


def bound(line: Line, value: float | None) -> float | None:
    """Return the limit that ``value`` is nearest to."""
    ends = [end for end in bounds(line) if math.isfinite(end)]
    if value is None or not math.isfinite(value):
        return ends[0] if ends else None
    return min(ends, key=lambda end: abs(end - value), default=None)
