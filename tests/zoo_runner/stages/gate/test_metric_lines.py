"""How the line of a metric is judged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gate_lines import (
    NONE,
    PERCENT,
    ends,
    record,
    scope,
    target,
    value,
)
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.plugin.evidence import Resamples
from zoo_runner.report.model import Verdict
from zoo_runner.stages.gate.judging import judge_metric, metric_record
from zoo_runner.stages.gate.suspicion import suspect


@pytest.mark.parametrize(
    ("number", "higher", "direction", "verdict", "why"),
    [
        pytest.param(80.0, True, None, Verdict.PASS, "80.00, expected at least 80 - 0.5", id="as expected"),
        pytest.param(79.5, True, None, Verdict.PASS, "79.50, expected at least 80 - 0.5", id="at the bound"),
        pytest.param(79.49, True, None, Verdict.FAIL, "79.49, expected at least 80 - 0.5", id="below it"),
        pytest.param(99.0, True, None, Verdict.PASS, "99.00, expected at least 80 - 0.5", id="far better"),
        pytest.param(-100.0, True, None, Verdict.FAIL, "-100.00, expected at least 80 - 0.5", id="no detection"),
        pytest.param(math.nan, True, None, Verdict.FAIL, "measured nan", id="not a number"),
        pytest.param(math.inf, True, None, Verdict.FAIL, "measured inf", id="infinite"),
        pytest.param(80.5, False, None, Verdict.PASS, "80.50, expected at most 80 + 0.5", id="low is good"),
        pytest.param(80.51, False, None, Verdict.FAIL, "80.51, expected at most 80 + 0.5", id="and it is high"),
        pytest.param(99.0, False, "at_least", Verdict.PASS, "99.00, expected at least 80 - 0.5", id="said otherwise"),
        pytest.param(99.0, True, "at_most", Verdict.FAIL, "99.00, expected at most 80 + 0.5", id="the other way"),
        pytest.param(80.5, True, "within", Verdict.PASS, "80.50, expected 80 ± 0.5", id="within, above"),
        pytest.param(79.5, True, "within", Verdict.PASS, "79.50, expected 80 ± 0.5", id="within, below"),
        pytest.param(80.51, True, "within", Verdict.FAIL, "80.51, expected 80 ± 0.5", id="too high"),
        pytest.param(79.49, True, "within", Verdict.FAIL, "79.49, expected 80 ± 0.5", id="too low"),
    ],
)
def test_point(number: float, higher: bool, direction: str | None, verdict: Verdict, why: str) -> None:
    judged = judge_metric(record(number, higher=higher), target(direction=direction), scope(), NONE)
    assert (judged.verdict, judged.why) == (verdict, why)
    assert (judged.expected, judged.tolerance, judged.where, judged.rule) == (80.0, 0.5, "m.yaml:7", "point")
    assert judged.direction == (direction or ("at_least" if higher else "at_most"))


@pytest.mark.parametrize(
    ("interval", "direction", "verdict"),
    [
        pytest.param((79.5, 81.0), "at_least", Verdict.PASS, id="all above the bound"),
        pytest.param((79.4, 81.0), "at_least", Verdict.INCONCLUSIVE, id="on both sides"),
        pytest.param((78.0, 79.5), "at_least", Verdict.INCONCLUSIVE, id="up to the bound"),
        pytest.param((78.0, 79.4), "at_least", Verdict.FAIL, id="all below"),
        pytest.param((79.5, 79.5), "at_least", Verdict.PASS, id="a point at the bound"),
        pytest.param((79.0, 80.5), "at_most", Verdict.PASS, id="all below the other bound"),
        pytest.param((79.0, 80.6), "at_most", Verdict.INCONCLUSIVE, id="on both sides of it"),
        pytest.param((80.6, 81.0), "at_most", Verdict.FAIL, id="all above it"),
        pytest.param((79.5, 80.5), "within", Verdict.PASS, id="between both"),
        pytest.param((79.4, 80.5), "within", Verdict.INCONCLUSIVE, id="beyond one"),
        pytest.param((70.0, 90.0), "within", Verdict.INCONCLUSIVE, id="beyond both"),
        pytest.param((80.6, 90.0), "within", Verdict.FAIL, id="above both"),
        pytest.param((70.0, 79.4), "within", Verdict.FAIL, id="below both"),
    ],
)
@pytest.mark.parametrize("rule", ["interval", "paired"])
def test_intervals(rule: str, interval: tuple[float, float], direction: str, verdict: Verdict) -> None:
    low, high = interval
    wanted = target(rule=rule, direction=direction)
    if rule == "interval":
        judged = judge_metric(record(80.0, interval), wanted, scope(), NONE)
    else:  # the same around no difference
        judged = judge_metric(record(80.0, (0.0, 2.0)), wanted, scope(), ends(low - 80, high - 80))
    assert judged.verdict is verdict
    assert judged.rule == rule
    assert ("it reaches to both sides: more samples decide it" in judged.why) is (verdict is Verdict.INCONCLUSIVE)
    assert judged.cause == ("unsure" if verdict is Verdict.INCONCLUSIVE else "")


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            "interval",
            (
                "79.90 (95 % interval 79.00 to 81.00), expected at least 80 - 0.5; "
                "it reaches to both sides: more samples decide it"
            ),
        ),
        (
            "paired",
            (
                "79.90, expected at least 80 - 0.5; difference from the baseline: 95 % interval 0.1000 to 0.2000, "
                "expected at least 0 - 0.5"
            ),
        ),
    ],
)
def test_the_reason_has_the_interval(rule: str, why: str) -> None:
    assert judge_metric(record(79.9, (79, 81)), target(rule=rule), scope(), ends(0.1, 0.2)).why == why


@pytest.mark.parametrize(
    ("number", "interval", "direction", "verdict"),
    [
        pytest.param(79.5, (80.0, 82.0), "at_least", Verdict.PASS, id="the value at the bound"),
        pytest.param(79.4, (80.0, 82.0), "at_least", Verdict.INCONCLUSIVE, id="below it"),
        pytest.param(20.0, (99.0, 99.0), "at_least", Verdict.INCONCLUSIVE, id="far below: the draws are wrong"),
        pytest.param(80.6, (79.0, 80.0), "at_most", Verdict.INCONCLUSIVE, id="above it"),
        pytest.param(80.6, (79.9, 80.1), "within", Verdict.INCONCLUSIVE, id="beyond both"),
        pytest.param(79.6, (70.0, 79.0), "at_least", Verdict.FAIL, id="only the value is good"),
    ],
)
def test_an_interval_alone_does_not_pass(
    number: float, interval: tuple[float, float], direction: str, verdict: Verdict
) -> None:
    judged = judge_metric(record(number, interval), target(rule="interval", direction=direction), scope(), NONE)
    assert judged.verdict is verdict
    assert judged.cause == ("unsure" if verdict is Verdict.INCONCLUSIVE else "")
    assert ("the value itself is on the wrong side" in judged.why) is (verdict is Verdict.INCONCLUSIVE)


def test_an_interval_that_is_not_there_decides_nothing() -> None:
    judged = judge_metric(record(80.0), target(rule="interval"), scope(), NONE)
    assert (judged.verdict, judged.why) == (
        Verdict.INCONCLUSIVE,
        "80.00 without an interval, expected at least 80 - 0.5",
    )


def test_without_a_baseline_nothing_is_paired() -> None:
    judged = judge_metric(record(80.0, (79, 81)), target(rule="paired"), scope(), NONE)
    assert (judged.verdict, judged.why, judged.expected) == (Verdict.INCONCLUSIVE, NONE.text, 80.0)


@pytest.mark.parametrize("number", [0.0, 99.0, math.nan])
@pytest.mark.parametrize("rule", ["point", "interval", "paired"])
@pytest.mark.parametrize(("subset", "of"), [(None, "5 samples"), ("pr", "5 samples of the subset pr")])
def test_some_of_the_samples_are_inconclusive_whatever_they_score(
    number: float, rule: str, subset: str | None, of: str
) -> None:
    some = scope(samples=3, subset=subset)
    judged = judge_metric(record(number, (0, 1)), target(rule=rule, too_good=1.0), some, ends(1, 2))
    assert (judged.verdict, judged.why) == (Verdict.INCONCLUSIVE, f"only 3 of {of} were scored; run without --limit")
    assert suspect(judged, target(too_good=1.0), PERCENT) == (judged, "")


def test_what_nothing_is_expected_of_is_reported() -> None:
    found = metric_record(value(10.0, protocol="devkit", higher=False), scope(subset="pr"), Uncertainty())
    assert (found.id, found.verdict, found.expected) == ("voc07_map/devkit@pr", Verdict.NOT_GATED, None)
    assert (found.direction, found.interval, found.smallest_drop, found.rule) == ("at_most", None, None, "point")


def test_resamples_become_an_interval() -> None:
    values = np.arange(101.0)
    resamples = Resamples(
        name="voc07_map",
        protocol="reference",
        values=values,
        per_class={"cat": values / 100, "dog": np.full(101, np.nan)},
    )
    found = metric_record(value(50.0), scope(), Uncertainty(resamples=101, seed=7, level=0.9), resamples)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((5.0, 95.0))
    others = found.interval.model_dump(exclude={"low", "high"})
    assert others == {"level": 0.9, "method": "bootstrap", "resamples": 101, "seed": 7}
    assert found.smallest_drop == pytest.approx(2.4865 * np.std(values, ddof=1))
    assert found.per_class_interval == {"cat": pytest.approx((0.05, 0.95))}


def test_resamples_that_are_all_the_same_show_no_drop() -> None:
    resamples = Resamples(name="voc07_map", protocol="reference", values=np.full(100, 100.00000000000003))
    found = metric_record(value(100.0), scope(), Uncertainty(), resamples)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high, found.smallest_drop) == (100.00000000000003,) * 2 + (None,)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_resamples_that_are_no_numbers_give_no_interval(bad: float) -> None:
    values = np.array([1.0, 2.0, bad])
    found = metric_record(
        value(1.0), scope(), Uncertainty(), Resamples(name="voc07_map", protocol="reference", values=values)
    )
    assert (found.interval, found.smallest_drop) == (None, None)


@pytest.mark.parametrize(
    ("spread", "bound_within"),
    [(None, False), ((80.0, 80.0), False), ((79.6, 80.2), False), ((79.5, 80.2), False), ((79.4, 80.2), True)],
    ids=["unknown", "no ties", "all pass", "down to the bound", "around the bound"],
)
def test_a_bound_within_the_spread_of_ties_is_mentioned(spread: tuple[float, float] | None, bound_within: bool) -> None:
    measured = record(80.0).model_copy(update={"tie_spread": spread})
    judged = judge_metric(measured, target(), scope(), NONE)
    assert (judged.verdict, judged.tie_spread) == (Verdict.PASS, spread)
    told = "; the order of equal scores alone moves it from 79.40 to 80.20"
    assert judged.why == f"80.00, expected at least 80 - 0.5{told if bound_within else ''}"
    partial = judge_metric(measured, target(), scope(samples=3), NONE)
    assert "equal scores" not in partial.why


def test_the_record_has_the_spread_of_ties() -> None:
    assert record(80.0).tie_spread is None
    given = replace(value(80.0), tie_spread=(79.0, 81.0))
    assert metric_record(given, scope(), Uncertainty()).tie_spread == (79.0, 81.0)
