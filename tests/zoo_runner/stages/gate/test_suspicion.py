"""What is too good to be true: a warning, a verdict that is taken back, and never a better one."""

from __future__ import annotations

import math
from typing import Any

import pytest

from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.plugin.evidence import Scale
from zoo_runner.report.model import MetricRecord, PerformanceRecord, Verdict
from zoo_runner.stages.gate.suspicion import suspect
from zoo_runner.stages.gate.targets import Target

SCALES = {
    "percent": Scale(unit="percent", worst=0.0, best=100.0),
    "fraction": Scale(unit="fraction", worst=0.0, best=1.0),
    "words": Scale(unit="words", higher_is_better=False, worst=None, best=0.0),
}
USUAL = "usually that means test samples among the training data, or a changed metric or data set"


def target(value: float, too_good: float | None, then: str = "warn", unit: str = "percent") -> Target:
    beyond = None if too_good is None else decimal(too_good)
    given: Any = {"then": then, "unit": unit, "where": "m.yaml:7", "too_good": beyond}
    return Target(band=Band(decimal(value), decimal(0.5)), **given)


def metric(value: float, verdict: Verdict = Verdict.PASS, *, unit: str = "percent", **given: Any) -> MetricRecord:
    return MetricRecord(
        id="map/p", name="map", protocol="p", value=value, unit=unit, samples=9, dataset_samples=9, verdict=verdict,
        why="so", **given,
    )  # fmt: skip # one row


@pytest.mark.parametrize(
    ("value", "band", "direction", "warned"),
    [
        pytest.param(82.01, 2.0, "at_least", True, id="beyond the band"),
        pytest.param(82.0, 2.0, "at_least", False, id="at its end"),
        pytest.param(80.3, 0.3, "at_least", False, id="at the double nearest to its end"),
        pytest.param(78.0, 2.0, "at_least", False, id="worse is not too good"),
        pytest.param(89.0, None, "at_least", False, id="no band"),
        pytest.param(77.0, 2.0, "at_most", True, id="low is good"),
        pytest.param(83.0, 2.0, "at_most", False, id="low is good and it is high"),
        pytest.param(85.0, 2.0, "within", False, id="both sides are wrong ones"),
        pytest.param(math.nan, 2.0, "at_least", False, id="not a number"),
    ],
)
def test_a_warning(value: float, band: float | None, direction: str, warned: bool) -> None:
    before = metric(value, direction=direction)
    line, warning = suspect(before, target(80.0, band), SCALES["percent"])
    assert (line, bool(warning)) == (before, warned)


def test_it_says_what_it_usually_means() -> None:
    _, warning = suspect(metric(85.0), target(80.0, 2.0), SCALES["percent"])
    assert warning == (
        "map/p: too good: 85.00 is 5.00 percent beyond the expected 80 (m.yaml:7), more than 2; "
        f"{USUAL}: look before raising the figure"
    )
    fast = PerformanceRecord(
        id="throughput/310P3/16", backend="b", chip="310P3", batch=16, loops=1, throughput=500.0, verdict=Verdict.PASS
    )
    line, warning = suspect(fast, target(400.0, 80.0, unit="images/s"))
    assert line == fast
    assert warning == (
        "throughput/310P3/16: too good: 500.00 is 100.00 images/s beyond the expected 400 (m.yaml:7), "
        "more than 80; usually that means another model or input size than the figure is for, or a broken clock: "
        "look before raising the figure"
    )
    assert suspect(fast.model_copy(update={"throughput": None}), target(400.0, 80.0))[1] == ""
    assert suspect(fast, target(40.0, None))[1] == ""


@pytest.mark.parametrize("verdict", [Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_GATED])
@pytest.mark.parametrize(
    ("value", "then", "becomes", "cause"),
    [
        pytest.param(85.0, "fail", Verdict.FAIL, "too_good", id="fail"),
        pytest.param(85.0, "inconclusive", Verdict.INCONCLUSIVE, "too_good", id="inconclusive"),
        pytest.param(90.0, "warn", Verdict.PASS, "", id="ten points"),
        pytest.param(90.01, "warn", Verdict.INCONCLUSIVE, "too_good", id="more than ten points"),
        pytest.param(90.01, "fail", Verdict.INCONCLUSIVE, "too_good", id="whatever the manifest says"),
        pytest.param(100.00000000000003, "inconclusive", Verdict.INCONCLUSIVE, "too_good", id="rounding"),
        pytest.param(100.01, "warn", Verdict.INCONCLUSIVE, "impossible", id="outside the range"),
    ],
)
def test_only_a_pass_is_taken_back(verdict: Verdict, value: float, then: str, becomes: Verdict, cause: str) -> None:
    before = metric(value, verdict)
    line, _ = suspect(before, target(80.0, 2.0, then), SCALES["percent"])
    if verdict is Verdict.PASS:
        assert (line.verdict, line.cause) == (becomes, cause)
        assert line.why.startswith("so")
    else:
        assert line == before


@pytest.mark.parametrize(
    ("unit", "expected", "value", "direction", "cause"),
    [
        pytest.param("fraction", 0.8, 0.9, "at_least", "", id="ten points of a fraction"),
        pytest.param("fraction", 0.8, 0.91, "at_least", "too_good", id="eleven"),
        pytest.param("fraction", 0.95, 1.01, "at_least", "impossible", id="more than all"),
        pytest.param("words", 30.0, 1.0, "at_most", "", id="a unit without points"),
        pytest.param("words", 30.0, -1.0, "at_most", "impossible", id="fewer than none"),
        pytest.param("percent", 99.0, 100.2, "within", "impossible", id="within, and impossible"),
    ],
)
def test_units(unit: str, expected: float, value: float, direction: str, cause: str) -> None:
    line, _ = suspect(metric(value, unit=unit, direction=direction), target(expected, None, unit=unit), SCALES[unit])
    assert line.cause == cause
