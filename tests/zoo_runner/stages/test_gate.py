from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from zoo_runner.evidence import Resamples
from zoo_runner.interfaces import MetricValue
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.manifest.load import LoadedManifest, load
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import MetricRecord, PerformanceRecord, Verdict, WaiverRecord, WaiverState
from zoo_runner.stages.gate import (
    EXIT_CODES,
    decide,
    judge_metric,
    judge_throughput,
    metric_record,
    not_measured,
    too_good,
)
from zoo_runner.stages.targets import Scope, Target, accuracy_target, throughput_target

Manifested = Callable[..., LoadedManifest]

BASE = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 5}
inputs: [{name: x, shape: [batch, 3]}]
outputs: [{name: y, shape: [batch, 2]}]
benchmark: {batch: [1, 16]}
"""
ACCURACY: dict[str, Any] = {
    "metric": "voc07_map",
    "protocol": "reference",
    "value": 79.58,
    "tolerance": {"abs": 0.02},
    "published": "a table",
}
CHIPS: dict[str, Any] = {
    "310P3": {
        "accuracy": {1: 79.60},
        "throughput": {16: 445.783},
        "tolerance": {"rel": 0.05},
        "published": "another table",
    }
}
BOTH = {"accuracy": ACCURACY, "chips": CHIPS}
SUBSETS = {"pr": {"every": 2, "expected": {"value": 60, "tolerance": {"abs": 1}}}, "bare": {"every": 3}}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifested:
    """Load a manifest with these expectations; they begin on line 7."""
    monkeypatch.chdir(tmp_path)

    def load_manifest(**sections: Any) -> LoadedManifest:
        Path("m.yaml").write_text(BASE + (yaml.safe_dump(sections, sort_keys=False) if sections else ""))
        return load(Path("m.yaml"))

    return load_manifest


def scope(**given: Any) -> Scope:
    return Scope(**{"chip": "cpu", "backend": "b", "batch": 16, "samples": 5, "dataset_samples": 5, **given})


def value(number: float, *, protocol: str = "reference", higher: bool = True) -> MetricValue:
    return MetricValue(name="voc07_map", protocol=protocol, value=number, unit="percent", higher_is_better=higher)


def record(number: float, interval: tuple[float, float] | None = None, *, higher: bool = True) -> MetricRecord:
    plain = metric_record(value(number, higher=higher), scope(), Uncertainty())
    return plain.model_copy(update={"interval": ends(*interval) if interval else None})


def ends(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.95, method="bootstrap", resamples=1000, seed=0)


def target(**given: Any) -> Target:
    fields: dict[str, Any] = {
        "value": 80.0,
        "tolerance": 0.5,
        "direction": None,
        "rule": "point",
        "too_good": None,
        "where": "m.yaml:7",
        "published": None,
    }
    return Target(**{**fields, **given})


def timing(rate: float | None, *, chip: str = "310P3", batch: int = 16, backend: str = "ascend") -> PerformanceRecord:
    return PerformanceRecord(backend=backend, chip=chip, batch=batch, loops=10, throughput=rate)


NONE = "no baseline"


@pytest.mark.parametrize(
    ("number", "higher", "direction", "verdict", "why"),
    [
        pytest.param(80.0, True, None, Verdict.PASS, "80.0000, expected at least 80 - 0.5", id="as expected"),
        pytest.param(79.5, True, None, Verdict.PASS, "79.5000, expected at least 80 - 0.5", id="at the bound"),
        pytest.param(79.49, True, None, Verdict.FAIL, "79.4900, expected at least 80 - 0.5", id="below it"),
        pytest.param(99.0, True, None, Verdict.PASS, "99.0000, expected at least 80 - 0.5", id="far better"),
        pytest.param(-100.0, True, None, Verdict.FAIL, "-100.0000, expected at least 80 - 0.5", id="no detection"),
        pytest.param(math.nan, True, None, Verdict.FAIL, "measured nan", id="not a number"),
        pytest.param(math.inf, True, None, Verdict.FAIL, "measured inf", id="infinite"),
        pytest.param(80.5, False, None, Verdict.PASS, "80.5000, expected at most 80 + 0.5", id="low is good"),
        pytest.param(80.51, False, None, Verdict.FAIL, "80.5100, expected at most 80 + 0.5", id="and it is high"),
        pytest.param(99.0, False, "at_least", Verdict.PASS, "99.0000, expected at least 80 - 0.5", id="said otherwise"),
        pytest.param(99.0, True, "at_most", Verdict.FAIL, "99.0000, expected at most 80 + 0.5", id="the other way"),
        pytest.param(80.5, True, "within", Verdict.PASS, "80.5000, expected 80 ± 0.5", id="within, above"),
        pytest.param(79.5, True, "within", Verdict.PASS, "79.5000, expected 80 ± 0.5", id="within, below"),
        pytest.param(80.51, True, "within", Verdict.FAIL, "80.5100, expected 80 ± 0.5", id="too high"),
        pytest.param(79.49, True, "within", Verdict.FAIL, "79.4900, expected 80 ± 0.5", id="too low"),
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
    else:  # the same around no difference; the measured value does not count
        judged = judge_metric(record(1.0, (0.0, 2.0)), wanted, scope(), ends(low - 80, high - 80))
    assert judged.verdict is verdict
    assert judged.rule == rule
    assert ("it reaches to both sides: more samples decide it" in judged.why) is (verdict is Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (
            "interval",
            (
                "79.9000 (95 % interval 79.0000 to 81.0000), expected at least 80 - 0.5; "
                "it reaches to both sides: more samples decide it"
            ),
        ),
        ("paired", "difference from the baseline: 95 % interval 0.1000 to 0.2000, expected at least 0 - 0.5"),
    ],
)
def test_the_reason_has_the_interval(rule: str, why: str) -> None:
    assert judge_metric(record(79.9, (79, 81)), target(rule=rule), scope(), ends(0.1, 0.2)).why == why


def test_an_interval_that_is_not_there_decides_nothing() -> None:
    judged = judge_metric(record(80.0), target(rule="interval"), scope(), NONE)
    assert (judged.verdict, judged.why) == (
        Verdict.INCONCLUSIVE,
        "80.0000 without an interval, expected at least 80 - 0.5",
    )


def test_without_a_baseline_nothing_is_paired() -> None:
    judged = judge_metric(record(80.0, (79, 81)), target(rule="paired"), scope(), NONE)
    assert (judged.verdict, judged.why, judged.expected) == (Verdict.INCONCLUSIVE, NONE, 80.0)


@pytest.mark.parametrize("number", [0.0, 99.0, math.nan])
@pytest.mark.parametrize("rule", ["point", "interval", "paired"])
@pytest.mark.parametrize(("subset", "of"), [(None, "5 samples"), ("pr", "5 samples of the subset pr")])
def test_some_of_the_samples_are_inconclusive_whatever_they_score(
    number: float, rule: str, subset: str | None, of: str
) -> None:
    some = scope(samples=3, subset=subset)
    judged = judge_metric(record(number, (0, 1)), target(rule=rule, too_good=1.0), some, ends(1, 2))
    assert (judged.verdict, judged.why) == (Verdict.INCONCLUSIVE, f"only 3 of {of} were scored")
    assert too_good(judged, target(too_good=1.0)) == ""


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
    ("given", "figure", "line"),
    [
        pytest.param({"chip": "310P3", "batch": 1}, 79.60, 18, id="the chip's own figure"),
        pytest.param({"chip": "310P3", "batch": 16}, 79.58, 11, id="no own figure at this batch size"),
        pytest.param({"chip": "cpu", "batch": 1}, 79.58, 11, id="no table for this chip"),
        pytest.param({"chip": "310P3", "batch": None}, 79.58, 11, id="results from files"),
        pytest.param({"chip": "310P3", "batch": 1, "backend": "other"}, 79.7, 26, id="the backend's own figure"),
        pytest.param({"chip": "310P3", "batch": 16, "backend": "other"}, 79.58, 11, id="which has none at this batch"),
        pytest.param({"chip": "310P3", "batch": 1, "subset": "pr"}, 60.0, 31, id="a subset's own"),
    ],
)
def test_which_accuracy_is_expected(manifest: Manifested, given: dict[str, Any], figure: float, line: int) -> None:
    chips = {**CHIPS, "310P3@other": {"accuracy": {1: 79.70}}}
    loaded = manifest(expected={"accuracy": ACCURACY, "chips": chips}, subsets=SUBSETS)
    found = accuracy_target(loaded, scope(**given))
    assert found is not None
    assert (found.value, found.where) == (figure, f"m.yaml:{line}")
    published = {79.60: "another table", 79.58: "a table", 79.70: "a table", 60.0: None}
    assert found.published == published[figure]


@pytest.mark.parametrize(
    ("sections", "subset"),
    [({}, None), ({"expected": BOTH, "subsets": SUBSETS}, "bare")],
    ids=["nothing", "nothing of this subset"],
)
def test_no_accuracy_is_expected(manifest: Manifested, sections: dict[str, Any], subset: str | None) -> None:
    assert accuracy_target(manifest(**sections), scope(subset=subset)) is None


@pytest.mark.parametrize(
    ("measured", "verdict", "why"),
    [
        pytest.param(timing(446.0), Verdict.PASS, "446.0000, expected at least 445.783 - 22.2892", id="fast enough"),
        pytest.param(timing(423.4), Verdict.FAIL, "423.4000, expected at least 445.783 - 22.2892", id="too slow"),
        pytest.param(timing(None), Verdict.INCONCLUSIVE, "not measured", id="not measured"),
        pytest.param(
            timing(9.0, chip="cpu"),
            Verdict.NOT_GATED,
            "the manifest expects nothing of cpu at batch 16 (it lists 310P3, 310P3@slow)",
            id="another chip",
        ),
        pytest.param(
            timing(9.0, batch=2),
            Verdict.NOT_GATED,
            "the manifest expects nothing of 310P3 at batch 2 (only at 16)",
            id="a batch size that is not in the table",
        ),
        pytest.param(
            timing(9.0, chip="310P3 stand-in"),
            Verdict.NOT_GATED,
            "the manifest expects nothing of 310P3 stand-in at batch 16 (it lists 310P3, 310P3@slow)",
            id="a stand-in is not the chip",
        ),
        pytest.param(
            timing(446.0, backend="slow"), Verdict.PASS, "446.0000, expected at least 9 - 0", id="slow backend"
        ),
        pytest.param(
            timing(8.0, backend="slow"), Verdict.FAIL, "8.0000, expected at least 9 - 0", id="slower than that"
        ),
    ],
)
def test_throughput(manifest: Manifested, measured: PerformanceRecord, verdict: Verdict, why: str) -> None:
    chips = {**CHIPS, "310P3@slow": {"throughput": {16: 9}, "published": "another table"}}
    judged = judge_throughput(measured, manifest(expected={"accuracy": ACCURACY, "chips": chips}))
    assert (judged.verdict, judged.why) == (verdict, why)
    assert judged.id == f"throughput/{measured.chip}/{measured.batch}"
    gated = verdict is not Verdict.NOT_GATED
    assert (judged.where, judged.published) == (
        (f"m.yaml:{26 if measured.backend == 'slow' else 20}", "another table") if gated else ("", None)
    )


def test_figures_of_a_backend_that_nobody_has_say_so(manifest: Manifested) -> None:
    chips = {"310P3@acsend": CHIPS["310P3"]}
    judged = judge_throughput(timing(9.0), manifest(expected={"accuracy": ACCURACY, "chips": chips}))
    assert judged.verdict is Verdict.NOT_GATED
    assert judged.why == (
        "the manifest expects nothing of 310P3 at batch 16 (its figures are for the backend acsend, this is ascend; "
        "none is installed as acsend; did you mean 'ascend'?)"
    )


def test_no_chip_is_listed(manifest: Manifested) -> None:
    judged = judge_throughput(timing(1.0), manifest())
    assert judged.why == "the manifest expects nothing of 310P3 at batch 16 (it lists no chip)"


@pytest.mark.parametrize("rate", [446.0, 1.0, None])
def test_a_device_that_was_not_quiet_says_nothing(manifest: Manifested, rate: float | None) -> None:
    judged = judge_throughput(timing(rate), manifest(expected=BOTH), ["hot", "busy"])
    assert (judged.verdict, judged.why) == (Verdict.INCONCLUSIVE, "the device was not quiet: hot; busy")


@pytest.mark.parametrize(
    ("number", "band", "higher", "beyond"),
    [
        pytest.param(82.01, 2.0, True, True, id="beyond the band"),
        pytest.param(82.0, 2.0, True, False, id="at its end"),
        pytest.param(78.0, 2.0, True, False, id="worse is not too good"),
        pytest.param(99.0, None, True, False, id="no band"),
        pytest.param(77.0, 2.0, False, True, id="low is good"),
        pytest.param(83.0, 2.0, False, False, id="low is good and it is high"),
        pytest.param(math.nan, 2.0, True, False, id="not a number"),
    ],
)
def test_too_good(number: float, band: float | None, higher: bool, beyond: bool) -> None:
    wanted = target(too_good=band)
    judged = judge_metric(record(number, higher=higher), wanted, scope(), NONE)
    assert bool(too_good(judged, wanted)) is beyond


def test_too_good_says_what_it_usually_means(manifest: Manifested) -> None:
    wanted = target(too_good=2.0)
    judged = judge_metric(record(85.0), wanted, scope(), NONE)
    assert judged.verdict is Verdict.PASS
    assert too_good(judged, wanted) == (
        "voc07_map/reference: too good: 85.0000 is 5.0000 percent beyond the expected 80 (m.yaml:7), more than 2; "
        "usually that means test samples among the training data, or a changed metric or data set: "
        "look before raising the figure"
    )
    loaded = manifest(expected={"chips": {"310P3": {"throughput": {16: 400}, "too_good": {"rel": 0.2}}}})
    fast = judge_throughput(timing(500.0), loaded)
    assert too_good(fast, throughput_target(loaded, fast)) == (
        "throughput/310P3/16: too good: 500.0000 is 100.0000 images/s beyond the expected 400 (m.yaml:11), "
        "more than 80; usually that means another model or input size than the figure is for, or a broken clock: "
        "look before raising the figure"
    )
    unsure = judge_throughput(timing(500.0), loaded, ["hot"])
    assert too_good(unsure, throughput_target(loaded, unsure)) == ""
    assert too_good(fast, "nothing is expected") == ""


def decided(
    loaded: LoadedManifest, values: list[MetricValue], timings: list[PerformanceRecord], where: Scope
) -> Verdict:
    wanted = accuracy_target(loaded, where)
    metrics = [metric_record(each, where, Uncertainty()) for each in values]
    judged = [judge_metric(each, wanted, where, NONE) if wanted else each for each in metrics]
    performance = [judge_throughput(each, loaded) for each in timings]
    verdict, why = decide([*judged, *performance], not_measured(loaded, where, judged, performance))
    assert why, "a verdict without a reason helps nobody"
    return verdict


NPU = scope(chip="310P3", backend="ascend")
NPU_PART = scope(chip="310P3", backend="ascend", samples=3)
PR, BARE = scope(subset="pr", samples=3, dataset_samples=3), scope(subset="bare", samples=2, dataset_samples=2)
BARE_NPU = scope(chip="310P3", backend="ascend", subset="bare", samples=2, dataset_samples=2)
CPU = scope()


@pytest.mark.parametrize(
    ("values", "timings", "where", "sections", "verdict"),
    [
        pytest.param([value(80)], [timing(446.0)], NPU, BOTH, Verdict.PASS, id="all met"),
        pytest.param([value(70)], [timing(446.0)], NPU, BOTH, Verdict.FAIL, id="accuracy missed"),
        pytest.param([value(80)], [timing(100.0)], NPU, BOTH, Verdict.FAIL, id="throughput missed"),
        pytest.param([value(80)], [timing(100.0)], NPU_PART, BOTH, Verdict.FAIL, id="a failure beats a doubt"),
        pytest.param([value(80)], [timing(446.0)], NPU_PART, BOTH, Verdict.INCONCLUSIVE, id="part of the data"),
        pytest.param([value(80)], [], NPU, BOTH, Verdict.INCONCLUSIVE, id="throughput not measured"),
        pytest.param([], [timing(446.0)], NPU, BOTH, Verdict.INCONCLUSIVE, id="accuracy not measured"),
        pytest.param([value(80)], [timing(1.0, chip="cpu")], CPU, BOTH, Verdict.PASS, id="other chip's table"),
        pytest.param([value(80)], [], CPU, {}, Verdict.INCONCLUSIVE, id="nothing expected"),
        pytest.param([], [], CPU, {}, Verdict.INCONCLUSIVE, id="nothing expected, nothing measured"),
        pytest.param([value(60)], [], PR, BOTH, Verdict.PASS, id="a subset against its own figure"),
        pytest.param([value(50)], [], PR, BOTH, Verdict.FAIL, id="a subset below its own figure"),
        pytest.param([value(99)], [], BARE, BOTH, Verdict.INCONCLUSIVE, id="a subset without a figure"),
        pytest.param([value(0)], [timing(446.0)], BARE_NPU, BOTH, Verdict.PASS, id="only its throughput is gated"),
        pytest.param([value(0)], [], BARE_NPU, BOTH, Verdict.INCONCLUSIVE, id="and that was not measured"),
    ],
)
def test_verdict_on_the_run(
    manifest: Manifested,
    values: list[MetricValue],
    timings: list[PerformanceRecord],
    where: Scope,
    sections: dict[str, Any],
    verdict: Verdict,
) -> None:
    subsets = {"subsets": SUBSETS} if sections else {}
    assert decided(manifest(expected=sections, **subsets), values, timings, where) is verdict


def test_figures_of_another_backend_are_not_missed(manifest: Manifested) -> None:
    loaded = manifest(expected={"chips": {"310P3@ascend": {"throughput": {16: 4}}}})
    assert not_measured(loaded, NPU, (), ()) == ("the throughput on 310P3 was not measured",)
    assert not_measured(loaded, scope(chip="310P3", backend="other"), (), ()) == ()


@pytest.mark.parametrize(
    ("verdicts", "verdict", "why"),
    [
        pytest.param([Verdict.WAIVED], Verdict.PASS, ("m (p): w0",), id="a waived line alone"),
        pytest.param([Verdict.PASS, Verdict.WAIVED], Verdict.PASS, ("m (p): w0", "m (p): w1"), id="beside a good one"),
        pytest.param([Verdict.WAIVED, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE, ("m (p): w1",), id="and a doubt"),
        pytest.param([Verdict.WAIVED, Verdict.FAIL], Verdict.FAIL, ("m (p): w1",), id="and a failure"),
        pytest.param(
            [Verdict.NOT_GATED],
            Verdict.INCONCLUSIVE,
            ("the manifest expects nothing that applies to this run", "m (p): w0"),
            id="nothing gated, with a reason",
        ),
    ],
)
def test_reasons(verdicts: list[Verdict], verdict: Verdict, why: tuple[str, ...]) -> None:
    lines = [
        MetricRecord(
            id=f"m{index}/p",
            name="m",
            protocol="p",
            value=1,
            unit="",
            samples=1,
            dataset_samples=1,
            verdict=each,
            why=f"w{index}",
        )
        for index, each in enumerate(verdicts)
    ]
    assert decide(lines) == (verdict, why)


def test_an_overdue_waiver_is_red_though_nothing_else_is() -> None:
    overdue = WaiverRecord(
        line="m/p", owner="ann", issue="i", until="2020-01-01", floor=1, state=WaiverState.OVERDUE, why="late"
    )
    passing = judge_metric(record(80.0), target(), scope(), NONE)
    assert decide([passing], (), [overdue]) == (Verdict.FAIL, ("m/p: late",))
    failing = passing.model_copy(update={"id": "m/p", "verdict": Verdict.FAIL, "why": "bad; late"})
    assert decide([failing], (), [overdue]) == (Verdict.FAIL, ("voc07_map (reference): bad; late",))


def test_a_line_of_a_subset_says_so() -> None:
    found = metric_record(value(10.0), scope(subset="pr"), Uncertainty())
    judged = judge_metric(found, target(), scope(subset="pr"), NONE)
    assert decide([judged])[1] == ("voc07_map (reference, subset pr): 10.0000, expected at least 80 - 0.5",)


def test_only_pass_and_stopped_end_in_zero() -> None:
    assert {verdict for verdict, code in EXIT_CODES.items() if code == 0} == {Verdict.PASS, Verdict.STOPPED}
