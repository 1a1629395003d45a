"""Waivers: expectations that need not be met for a while, and what becomes of them when that while is over.

A waiver is red as soon as it should not be there any more: after its last day, and when its line passes without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from zoo_runner.causes import Cause
from zoo_runner.manifest.bands import decimal, factor, floor_band
from zoo_runner.report.model import Line, Verdict, WaiverRecord, WaiverState

if TYPE_CHECKING:
    from datetime import date

    from zoo_runner.manifest.expectations import Waiver

AnyLine = TypeVar("AnyLine", bound=Line)

RED = {WaiverState.OVERDUE, WaiverState.NOT_NEEDED, WaiverState.BELOW_FLOOR}
"""What fails a run."""


def judge_waivers(
    lines: Sequence[Line],
    waivers: Sequence[Waiver],
    today: date,
    places: Sequence[str] = (),
    units: Mapping[str, str] = MappingProxyType({}),
) -> tuple[WaiverRecord, ...]:
    """Say what becomes of each waiver.

    Args:
        lines: What was measured, with the verdicts without waivers.
        waivers: The manifest's, at most one a line.
        today: The day that decides whether a waiver still holds.
        places: ``file:line`` of each waiver.
        units: Of the floors, as the manifest writes them, by the ids of their lines; by default those of the lines.

    Returns:
        A record for each waiver, in their order, with the floor in the unit of the line. Overdue is overdue whatever
        was measured.
    """
    by_id = {line.id: line for line in lines}
    floors = [_floor(waiver.floor, by_id.get(waiver.line), units.get(waiver.line, "")) for waiver in waivers]
    return tuple(
        _record(waiver, *_state(by_id.get(waiver.line), waiver, today, floor), place, floor)
        for waiver, place, floor in zip(waivers, places or [""] * len(waivers), floors, strict=True)
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


def _floor(floor: float, line: Line | None, unit: str) -> float:
    """Return a floor in the unit of its line; a line in a unit that it cannot be converted to is not gated."""
    by = factor(unit, line.unit) if unit and line is not None else None
    return floor if by is None else float(decimal(floor) * by)


def _state(line: Line | None, waiver: Waiver, today: date, floor: float) -> tuple[WaiverState, str]:
    name = f"its waiver ({waiver.owner}, {waiver.issue})"
    if today > waiver.until:
        return WaiverState.OVERDUE, f"{name} held until {waiver.until}: remove or renew it"
    if line is None or line.verdict is Verdict.NOT_GATED:
        return WaiverState.NOT_APPLICABLE, "this run did not gate that line"
    if line.verdict is Verdict.INCONCLUSIVE:
        return WaiverState.NOT_APPLICABLE, "the line is inconclusive, not missed"
    if line.verdict is Verdict.PASS or line.cause == Cause.TOO_GOOD.value:
        return WaiverState.NOT_NEEDED, f"{name} is no longer needed: remove it"
    if not _reaches_floor(line, floor):
        return WaiverState.BELOW_FLOOR, f"{name} ends at {floor:g}, and this is worse"
    confirmed = "" if waiver.confirm is None else f"; floor confirmed: {waiver.confirm}"
    return WaiverState.USED, f"waived until {waiver.until} ({waiver.owner}, {waiver.issue}){confirmed}"


def _reaches_floor(line: Line, floor: float) -> bool:
    """Say whether the measured value is no worse than the floor; what is not a number is worse."""
    value = line.measured
    if value is None or line.expected is None:
        return False
    return floor_band(decimal(line.expected), decimal(floor), line.direction).holds(value, line.direction)


def _record(waiver: Waiver, state: WaiverState, why: str, where: str, floor: float) -> WaiverRecord:
    return WaiverRecord(
        line=waiver.line,
        owner=waiver.owner,
        issue=waiver.issue,
        until=waiver.until.isoformat(),
        floor=floor,
        state=state,
        why=why,
        where=where,
    )
