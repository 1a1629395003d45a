from __future__ import annotations

import math
from typing import Any

import pytest

from zoo_runner.interfaces import MetricValue
from zoo_runner.manifest.schema import Expected
from zoo_runner.report.model import PerformanceRecord, Verdict
from zoo_runner.stages.gate import EXIT_CODES, Scope, accuracy_target, decide, judge_metrics, judge_throughput

ACCURACY = {
    "metric": "voc07_map",
    "protocol": "reference",
    "value": 79.58,
    "tolerance": {"abs": 0.02},
}
CHIPS = {"310P3": {"accuracy": {1: 79.60}, "throughput": {16: 445.783}, "tolerance": {"rel": 0.05}}}
WHOLE = Scope(chip="cpu", batch=16, samples=4952, dataset_samples=4952)


def expected(**sections: Any) -> Expected:
    return Expected.model_validate(sections)


def metric(value: float, *, protocol: str = "reference", higher: bool = True) -> MetricValue:
    return MetricValue(name="voc07_map", protocol=protocol, value=value, unit="percent", higher_is_better=higher)


def timing(rate: float | None, *, chip: str = "310P3", batch: int = 16) -> PerformanceRecord:
    return PerformanceRecord(backend="ascend", chip=chip, batch=batch, loops=10, throughput=rate)


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        pytest.param(79.58, Verdict.PASS, id="exactly what is expected"),
        pytest.param(79.5601, Verdict.PASS, id="inside the tolerance"),
        pytest.param(79.5599, Verdict.FAIL, id="just below the tolerance"),
        pytest.param(99.0, Verdict.PASS, id="better than expected"),
        pytest.param(-100.0, Verdict.FAIL, id="no detection in any class"),
        pytest.param(math.nan, Verdict.FAIL, id="not a number"),
    ],
)
def test_accuracy_on_the_whole_data_set(value: float, verdict: Verdict) -> None:
    (record,) = judge_metrics([metric(value)], expected(accuracy=ACCURACY), WHOLE)
    assert record.verdict is verdict
    assert (record.expected, record.tolerance, record.samples, record.dataset_samples) == (79.58, 0.02, 4952, 4952)


def test_a_metric_that_should_be_low_fails_when_it_is_high() -> None:
    records = judge_metrics([metric(80.0, higher=False)], expected(accuracy=ACCURACY), WHOLE)
    assert records[0].verdict is Verdict.FAIL
    assert records[0].why == "80.0000, expected at most 79.58 + 0.02"


def test_another_protocol_is_reported_and_not_gated() -> None:
    record = judge_metrics([metric(10.0, protocol="devkit")], expected(accuracy=ACCURACY), WHOLE)[0]
    assert (record.verdict, record.expected) == (Verdict.NOT_GATED, None)


@pytest.mark.parametrize("value", [0.0, 99.0])
def test_part_of_the_data_is_inconclusive_whatever_it_scores(value: float) -> None:
    part = Scope(chip="cpu", batch=16, samples=10, dataset_samples=4952)
    record = judge_metrics([metric(value)], expected(accuracy=ACCURACY), part)[0]
    assert record.verdict is Verdict.INCONCLUSIVE
    assert record.why == "only 10 of 4952 samples were scored"


@pytest.mark.parametrize(
    ("chip", "batch", "target"),
    [
        pytest.param("310P3", 1, 79.60, id="the chip's own figure"),
        pytest.param("310P3", 16, 79.58, id="no own figure at this batch size"),
        pytest.param("cpu", 1, 79.58, id="no table for this chip"),
        pytest.param("310P3", None, 79.58, id="results from files"),
    ],
)
def test_a_chip_may_have_its_own_accuracy(chip: str, batch: int | None, target: float) -> None:
    scope = Scope(chip=chip, batch=batch, samples=1, dataset_samples=1)
    found = accuracy_target(expected(accuracy=ACCURACY, chips=CHIPS), scope)
    assert found is not None
    assert found.value == target


@pytest.mark.parametrize(
    ("record", "verdict", "why"),
    [
        pytest.param(timing(446.0), Verdict.PASS, "446.0000, expected at least 445.783 - 22.2892", id="fast enough"),
        pytest.param(timing(423.4), Verdict.FAIL, "423.4000, expected at least 445.783 - 22.2892", id="too slow"),
        pytest.param(timing(None), Verdict.INCONCLUSIVE, "not measured", id="not measured"),
        pytest.param(
            timing(9.0, chip="cpu"),
            Verdict.NOT_GATED,
            "the manifest expects nothing of cpu at batch 16 (it lists 310P3)",
            id="another chip",
        ),
        pytest.param(
            timing(9.0, batch=2),
            Verdict.NOT_GATED,
            "the manifest expects nothing of 310P3 at batch 2 (it lists 310P3)",
            id="a batch size that is not in the table",
        ),
        pytest.param(
            timing(9.0, chip="310P3 stand-in"),
            Verdict.NOT_GATED,
            "the manifest expects nothing of 310P3 stand-in at batch 16 (it lists 310P3)",
            id="a stand-in is not the chip",
        ),
    ],
)
def test_throughput(record: PerformanceRecord, verdict: Verdict, why: str) -> None:
    judged = judge_throughput(record, expected(accuracy=ACCURACY, chips=CHIPS))
    assert (judged.verdict, judged.why) == (verdict, why)


def decided(values: list[MetricValue], timings: list[PerformanceRecord], scope: Scope, **sections: Any) -> Verdict:
    wanted = expected(**sections)
    metrics = judge_metrics(values, wanted, scope)
    performance = [judge_throughput(each, wanted) for each in timings]
    verdict, why = decide(metrics, performance, wanted, scope)
    assert why, "a verdict without a reason helps nobody"
    return verdict


NPU = Scope(chip="310P3", batch=16, samples=5, dataset_samples=5)
NPU_PART = Scope(chip="310P3", batch=16, samples=3, dataset_samples=5)
BOTH = {"accuracy": ACCURACY, "chips": CHIPS}


@pytest.mark.parametrize(
    ("values", "timings", "scope", "sections", "verdict"),
    [
        pytest.param([metric(80)], [timing(446.0)], NPU, BOTH, Verdict.PASS, id="all met"),
        pytest.param([metric(70)], [timing(446.0)], NPU, BOTH, Verdict.FAIL, id="accuracy missed"),
        pytest.param([metric(80)], [timing(100.0)], NPU, BOTH, Verdict.FAIL, id="throughput missed"),
        pytest.param([metric(80)], [timing(100.0)], NPU_PART, BOTH, Verdict.FAIL, id="a failure beats a doubt"),
        pytest.param([metric(80)], [timing(446.0)], NPU_PART, BOTH, Verdict.INCONCLUSIVE, id="part of the data"),
        pytest.param([metric(80)], [], NPU, BOTH, Verdict.INCONCLUSIVE, id="throughput not measured"),
        pytest.param([], [timing(446.0)], NPU, BOTH, Verdict.INCONCLUSIVE, id="accuracy not measured"),
        pytest.param([metric(80)], [timing(1.0, chip="cpu")], WHOLE, BOTH, Verdict.PASS, id="other chip's table"),
        pytest.param([metric(80)], [], WHOLE, {}, Verdict.INCONCLUSIVE, id="nothing expected"),
        pytest.param([], [], WHOLE, {}, Verdict.INCONCLUSIVE, id="nothing expected, nothing measured"),
    ],
)
def test_verdict_on_the_run(
    values: list[MetricValue],
    timings: list[PerformanceRecord],
    scope: Scope,
    sections: dict[str, Any],
    verdict: Verdict,
) -> None:
    assert decided(values, timings, scope, **sections) is verdict


def test_only_pass_and_stopped_end_in_zero() -> None:
    assert {verdict for verdict, code in EXIT_CODES.items() if code == 0} == {Verdict.PASS, Verdict.STOPPED}
