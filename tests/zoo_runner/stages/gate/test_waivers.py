from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.manifest.expectations import Waiver
from zoo_runner.report.model import Line, MetricRecord, PerformanceRecord, Verdict, WaiverState
from zoo_runner.stages.gate.verdicts import decide
from zoo_runner.stages.gate.waivers import judge_waivers, waived

TODAY = date(2026, 6, 15)
ISSUE = "https://example.org/1"


def waiver(line: str = "m/p", until: date = TODAY, floor: float = 70.0) -> Waiver:
    # not checked: the day of these tests is a fixed one
    return Waiver.model_construct(line=line, owner="ann", issue=ISSUE, until=until, floor=floor)


def metric(verdict: Verdict, value: float = 75.0, **given: Any) -> MetricRecord:
    fields: dict[str, Any] = {"id": "m/p", "expected": 80.0, "why": "it is so", **given}
    return MetricRecord(
        name="m",
        protocol="p",
        value=value,
        unit="percent",
        samples=9,
        dataset_samples=9,
        verdict=verdict,
        **fields,
    )


def test_what_is_too_good_needs_no_waiver() -> None:
    suspicious = metric(Verdict.FAIL, 91.0, cause="too_good")
    (record,) = judge_waivers([suspicious], [waiver(until=TOMORROW)], TODAY)
    assert (record.state, waived(suspicious, [record]).verdict) == (WaiverState.NOT_NEEDED, Verdict.FAIL)


@pytest.mark.parametrize(
    ("unit", "floor", "written", "state"),
    [
        ("percent", 70.0, 70.0, WaiverState.USED),
        ("fraction", 0.7, 70.0, WaiverState.USED),
        ("fraction", 0.7501, 75.01, WaiverState.BELOW_FLOOR),
        ("fraction", 0.75, 75.0, WaiverState.USED),
        ("", 75.0, 75.0, WaiverState.USED),
    ],
)
def test_a_floor_is_in_the_unit_of_the_manifest(unit: str, floor: float, written: float, state: WaiverState) -> None:
    given = waiver(until=TOMORROW, floor=floor)
    (record,) = judge_waivers([metric(Verdict.FAIL)], [given], TODAY, [""], {given.line: unit})
    assert (record.state, record.floor) == (state, written)


def test_a_confirmed_floor_says_so() -> None:
    given = waiver(until=TOMORROW).model_copy(update={"confirm": "the card is slow"})
    (record,) = judge_waivers([metric(Verdict.FAIL)], [given], TODAY)
    assert record.why.endswith("; floor confirmed: the card is slow")


def timing(verdict: Verdict, rate: float | None) -> PerformanceRecord:
    return PerformanceRecord(
        id="throughput/310P3/16",
        backend="ascend",
        chip="310P3",
        batch=16,
        loops=1,
        throughput=rate,
        expected=400.0,
        verdict=verdict,
        why="it is so",
    )


YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
BY = f"ann, {ISSUE}"


@pytest.mark.parametrize(
    ("line", "given", "state", "verdict", "why"),
    [
        pytest.param(
            metric(Verdict.FAIL),
            waiver(until=TOMORROW),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-16 ({BY})",
            id="in force",
        ),
        pytest.param(
            metric(Verdict.FAIL),
            waiver(),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-15 ({BY})",
            id="its last day",
        ),
        pytest.param(
            metric(Verdict.FAIL, 70.0),
            waiver(),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-15 ({BY})",
            id="at the floor",
        ),
        pytest.param(
            metric(Verdict.FAIL, 69.99),
            waiver(),
            WaiverState.BELOW_FLOOR,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) ends at 70, and this is worse",
            id="below the floor",
        ),
        pytest.param(
            metric(Verdict.FAIL, math.nan),
            waiver(),
            WaiverState.BELOW_FLOOR,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) ends at 70, and this is worse",
            id="not a number",
        ),
        pytest.param(
            metric(Verdict.FAIL),
            waiver(until=YESTERDAY),
            WaiverState.OVERDUE,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) held until 2026-06-14: remove or renew it",
            id="overdue",
        ),
        pytest.param(
            metric(Verdict.PASS, 81.0),
            waiver(until=YESTERDAY),
            WaiverState.OVERDUE,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) held until 2026-06-14: remove or renew it",
            id="overdue though the figure passes",
        ),
        pytest.param(
            metric(Verdict.INCONCLUSIVE),
            waiver(until=YESTERDAY),
            WaiverState.OVERDUE,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) held until 2026-06-14: remove or renew it",
            id="overdue on a line in doubt",
        ),
        pytest.param(
            metric(Verdict.PASS, 81.0),
            waiver(until=TOMORROW),
            WaiverState.NOT_NEEDED,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) is no longer needed: remove it",
            id="no longer needed",
        ),
        pytest.param(
            metric(Verdict.INCONCLUSIVE),
            waiver(),
            WaiverState.NOT_APPLICABLE,
            Verdict.INCONCLUSIVE,
            "it is so",
            id="a line in doubt stays in doubt",
        ),
        pytest.param(
            metric(Verdict.NOT_GATED),
            waiver(),
            WaiverState.NOT_APPLICABLE,
            Verdict.NOT_GATED,
            "it is so",
            id="not gated here",
        ),
        pytest.param(
            metric(Verdict.NOT_GATED),
            waiver(until=YESTERDAY),
            WaiverState.OVERDUE,
            Verdict.NOT_GATED,
            "it is so",
            id="overdue and not gated here",
        ),
        pytest.param(
            metric(Verdict.FAIL, id="m/p@pr"),
            waiver(),
            WaiverState.NOT_APPLICABLE,
            Verdict.FAIL,
            "it is so",
            id="another subset",
        ),
        pytest.param(
            metric(Verdict.FAIL, 82.0, direction="at_most"),
            waiver(floor=85.0),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-15 ({BY})",
            id="low is good",
        ),
        pytest.param(
            metric(Verdict.FAIL, 86.0, direction="at_most"),
            waiver(floor=85.0),
            WaiverState.BELOW_FLOOR,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) ends at 85, and this is worse",
            id="low is good and it is too high",
        ),
        pytest.param(
            metric(Verdict.FAIL, 84.0, direction="within"),
            waiver(floor=75.0),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-15 ({BY})",
            id="two-sided, off on the other side",
        ),
        pytest.param(
            metric(Verdict.FAIL, 86.0, direction="within"),
            waiver(floor=75.0),
            WaiverState.BELOW_FLOOR,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) ends at 75, and this is worse",
            id="two-sided and too far",
        ),
        pytest.param(
            timing(Verdict.FAIL, 380.0),
            waiver("throughput/310P3/16", floor=350),
            WaiverState.USED,
            Verdict.WAIVED,
            f"it is so; waived until 2026-06-15 ({BY})",
            id="throughput",
        ),
        pytest.param(
            timing(Verdict.FAIL, None),
            waiver("throughput/310P3/16", floor=350),
            WaiverState.BELOW_FLOOR,
            Verdict.FAIL,
            f"it is so; its waiver ({BY}) ends at 350, and this is worse",
            id="a rate that is not there",
        ),
    ],
)
def test_what_becomes_of_a_line(line: Line, given: Waiver, state: WaiverState, verdict: Verdict, why: str) -> None:
    records = judge_waivers([line], [given], TODAY, ["m.yaml:9"])
    assert [(each.state, each.line, each.where) for each in records] == [(state, given.line, "m.yaml:9")]
    after = waived(line, records)
    assert (after.verdict, after.why) == (verdict, why)
    assert after.model_copy(update={"verdict": line.verdict, "why": line.why}) == line


def test_the_record_has_what_the_manifest_says() -> None:
    (record,) = judge_waivers([], [waiver(floor=70.5)], TODAY)
    assert record.model_dump(mode="json") == {
        "line": "m/p",
        "owner": "ann",
        "issue": ISSUE,
        "until": "2026-06-15",
        "floor": 70.5,
        "state": "not_applicable",
        "why": "this run did not gate that line",
        "where": "",
    }


def test_nothing_is_waived_without_waivers() -> None:
    assert judge_waivers([metric(Verdict.FAIL)], [], TODAY) == ()
    assert waived(metric(Verdict.FAIL), ()) == metric(Verdict.FAIL)


GATED = st.sampled_from([Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_GATED])
DAYS = st.dates(date(2020, 1, 1), date(2035, 1, 1))


@given(
    st.dictionaries(st.sampled_from("abcd"), st.tuples(GATED, st.floats()), max_size=4),
    st.dictionaries(st.sampled_from("abcde"), st.tuples(DAYS, st.floats(-1e3, 1e3)), max_size=5),
    DAYS,
)
def test_no_run_is_green_with_a_waiver_that_should_be_gone(
    measured: dict[str, tuple[Verdict, float]], given_waivers: dict[str, tuple[date, float]], today: date
) -> None:
    lines = [metric(verdict, value, id=name) for name, (verdict, value) in measured.items()]
    waivers = [waiver(name, until, floor) for name, (until, floor) in given_waivers.items()]
    records = judge_waivers(lines, waivers, today)
    after = [waived(line, records) for line in lines]
    verdict, why = decide(after, (), records)
    assert why
    passing = {line.id for line in lines if line.verdict is Verdict.PASS}
    stale = [each for each in waivers if today > each.until or each.line in passing]
    if stale:
        assert verdict is Verdict.FAIL
        assert all(any(each.owner in reason and each.issue in reason for reason in why) for each in stale)
    if verdict is Verdict.PASS:  # every failing line is excused by name
        excused = {each.line for each in records if each.state is WaiverState.USED}
        assert {line.id for line in lines if line.verdict is Verdict.FAIL} == excused
