"""The expectations of a report as rows of text: what the terminal, ``summary.md`` and ``junit.xml`` show alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.section import RATE_UNIT
from zoo_runner.report.model import LineKind, Verdict

if TYPE_CHECKING:
    from zoo_runner.report.changes import Interval
    from zoo_runner.report.model import Line, MetricRecord, Report
    from zoo_runner.report.references import ReferenceRecord

UNITS: Final = {"percent": "%"}
NEARLY_EVEN: Final = 0.1
"""Sides of an interval that differ by less than this part of it are written as one ± figure."""
ABSENT: Final = "-"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the expectations table.

    Attributes:
        line: The line's id.
        measured: The figure with its interval and unit.
        expected: The figure to reach, with its direction.
        tolerance: The allowed distance on the wrong side.
        verdict: What the gate says of it.
        why: The reason for that.
    """

    line: str
    measured: str
    expected: str
    tolerance: str
    verdict: Verdict
    why: str


def rows(report: Report, *, all_lines: bool = True) -> tuple[Row, ...]:
    """Return the rows of the expectations table.

    Args:
        report: Of one run.
        all_lines: Also timings of which nothing is expected.
    """
    return tuple(
        _row(line, rate_noun(report))
        for line in report.lines
        if all_lines or line.kind is LineKind.ACCURACY or line.verdict is not Verdict.NOT_GATED
    )


def measured(line: Line, noun: str = "") -> str:
    """Write what was measured: ``79.58 ± 0.41 %``, or ``79.58 [79.10, 79.86] %`` where the sides differ.

    ``noun`` is what the data set calls its samples, if it says.
    """
    value = line.measured
    if value is None:
        return ABSENT
    return f"{figure(value)}{_interval(line.spread, value)} {UNITS.get(line.unit, rate_unit(line.unit, noun))}"


def grouped(metric: MetricRecord) -> str:
    """Say in how many groups its samples are, as in `` in 12 groups``; nothing where they name none."""
    if metric.groups is None:
        return ""
    return f" in {metric.groups} group{'' if metric.groups == 1 else 's'}"


def rate_noun(report: Report) -> str:
    """Return what throughput counts, in the plural; empty where nobody says."""
    return "inferences" if report.inferences else report.noun


def rate_unit(unit: str, noun: str) -> str:
    """Return how a unit is shown: that of throughput names what is counted, where there is a noun for it."""
    return f"{noun}/s" if unit == RATE_UNIT and noun else unit


def tie_spreads(report: Report) -> tuple[str, ...]:
    """Write between what values the order of equal scores alone moves the metrics; those it moves visibly."""
    ends = [(line.label, tuple(map(figure, line.tie_spread))) for line in report.metrics if line.tie_spread]
    return tuple(f"{name} [{low}, {high}]" for name, (low, high) in ends if low != high)


def reference_texts(report: Report) -> tuple[str, ...]:
    """Write the figures of other chips and frameworks, each with what this run measured beside it."""
    return tuple(_reference(each, report.noun) for each in report.references)


def _reference(record: ReferenceRecord, noun: str) -> str:
    unit = UNITS.get(record.unit, rate_unit(record.unit, noun))
    text = f"{record.line}: {record.of} {figure(record.value)} {unit}"
    if record.measured is None:
        return f"{text}; {record.why}"
    times = "" if record.ratio is None else f", {record.ratio:.3g} times that"
    return f"{text}; here {figure(record.measured)}{times}"


def figure(value: float) -> str:
    """Write a figure with two decimals, or with four digits where that would say little."""
    small = math.isfinite(value) and 0 < abs(value) < 1
    return f"{value:.4g}" if small else f"{value:.2f}"


def _interval(interval: Interval | None, value: float) -> str:
    if interval is None or interval.method != "bootstrap":  # a paired one is of a difference
        return ""
    below, above = value - interval.low, interval.high - value
    width = interval.high - interval.low
    even = abs(above - below) <= NEARLY_EVEN * width and min(below, above) >= 0
    return f" ± {width / 2:.2f}" if even else f" [{interval.low:.2f}, {interval.high:.2f}]"


def _row(line: Line, noun: str) -> Row:
    return Row(
        line=line.label,
        measured=measured(line, noun),
        expected=ABSENT if line.expected is None else f"{line.direction.symbol} {figure(line.expected)}".lstrip(),
        tolerance=ABSENT if line.tolerance is None else f"{line.tolerance:.4g}",
        verdict=line.verdict,
        why=line.why,
    )
