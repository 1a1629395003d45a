"""Waivers: expectations that need not be met for a while, and what becomes of them when that while is over.

A waiver is red as soon as it should not be there any more: after its last day, and when its line passes without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeVar

from zoo_runner.report.model import Line, MetricRecord, PerformanceRecord, Verdict, WaiverRecord, WaiverState

if TYPE_CHECKING:
    from datetime import date

    from zoo_runner.manifest.expectations import Waiver

AnyLine = TypeVar("AnyLine", bound=Line)

RED = {WaiverState.OVERDUE, WaiverState.NOT_NEEDED, WaiverState.BELOW_FLOOR}
"""What fails a run."""


def judge_waivers(
    lines: Sequence[MetricRecord | PerformanceRecord],
    waivers: Sequence[Waiver],
    today: date,
    places: Sequence[str] = (),
) -> tuple[WaiverRecord, ...]:
    """Say what becomes of each waiver.

    Args:
        lines: What was measured, with the verdicts without waivers.
        waivers: The manifest's, at most one a line.
        today: The day that decides whether a waiver still holds.
        places: ``file:line`` of each waiver.

    Returns:
        A record for each waiver, in their order. Overdue is overdue whatever was measured.
    """
    by_id = {line.id: line for line in lines}
    return tuple(
        _record(waiver, *_state(by_id.get(waiver.line), waiver, today), place)
        for waiver, place in zip(waivers, places or [""] * len(waivers), strict=True)
    )


def waived(line: AnyLine, records: Sequence[WaiverRecord]) -> AnyLine:
    """Return the line with the verdict its waiver leaves it; without one, as it is.

    A line that is gated fails when its waiver is overdue or no longer needed, even where the figure itself passes.
    """
    record = next((each for each in records if each.line == line.id), None)
    if record is None or line.verdict is Verdict.NOT_GATED or record.state is WaiverState.NOT_APPLICABLE:
        return line
    verdict = Verdict.WAIVED if record.state is WaiverState.USED else Verdict.FAIL
    return line.model_copy(update={"verdict": verdict, "why": f"{line.why}; {record.why}"})


def _state(line: MetricRecord | PerformanceRecord | None, waiver: Waiver, today: date) -> tuple[WaiverState, str]:
    name = f"its waiver ({waiver.owner}, {waiver.issue})"
    if today > waiver.until:
        return WaiverState.OVERDUE, f"{name} held until {waiver.until}: remove or renew it"
    if line is None or line.verdict is Verdict.NOT_GATED:
        return WaiverState.NOT_APPLICABLE, "this run did not gate that line"
    if line.verdict is Verdict.INCONCLUSIVE:
        return WaiverState.NOT_APPLICABLE, "the line is inconclusive, not missed"
    if line.verdict is Verdict.PASS:
        return WaiverState.NOT_NEEDED, f"{name} is no longer needed: remove it"
    if not _reaches_floor(line, waiver.floor):
        return WaiverState.BELOW_FLOOR, f"{name} ends at {waiver.floor:g}, and this is worse"
    return WaiverState.USED, f"waived until {waiver.until} ({waiver.owner}, {waiver.issue})"


def _reaches_floor(line: MetricRecord | PerformanceRecord, floor: float) -> bool:
    """Say whether the measured value is no worse than the floor; what is not a number is worse."""
    value = line.value if isinstance(line, MetricRecord) else line.throughput
    if value is None:
        return False
    if line.direction == "within":
        return line.expected is not None and abs(value - line.expected) <= abs(floor - line.expected)
    return value <= floor if line.direction == "at_most" else value >= floor


def _record(waiver: Waiver, state: WaiverState, why: str, where: str) -> WaiverRecord:
    return WaiverRecord(
        line=waiver.line,
        owner=waiver.owner,
        issue=waiver.issue,
        until=waiver.until.isoformat(),
        floor=waiver.floor,
        state=state,
        why=why,
        where=where,
    )
