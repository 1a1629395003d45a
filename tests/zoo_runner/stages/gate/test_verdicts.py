from __future__ import annotations

from typing import Any

import pytest

from gate_lines import (
    BARE,
    BARE_NPU,
    BOTH,
    CPU,
    NONE,
    NPU,
    NPU_PART,
    PR,
    SUBSETS,
    Manifested,
    record,
    scope,
    target,
    timing,
    value,
)
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.manifest.load import LoadedManifest
from zoo_runner.plugin.interfaces import MetricValue
from zoo_runner.report.model import EXIT_CODES, MetricRecord, PerformanceRecord, Verdict, WaiverRecord, WaiverState
from zoo_runner.stages.gate.judging import judge_metric, judge_throughput, metric_record
from zoo_runner.stages.gate.targets import accuracy_targets
from zoo_runner.stages.gate.verdicts import (
    NOTHING,
    accuracy_not_judged,
    decide,
    not_measured,
)


def decided(
    loaded: LoadedManifest, values: list[MetricValue], timings: list[PerformanceRecord], where: Scope
) -> Verdict:
    wanted = accuracy_targets(loaded, where).get("voc07_map/reference")
    metrics = [metric_record(each, where, Uncertainty()) for each in values]
    judged = [judge_metric(each, wanted, where, NONE) if wanted else each for each in metrics]
    performance = [judge_throughput(each, loaded) for each in timings]
    doubts = [*not_measured(loaded, where, judged, performance), *accuracy_not_judged(loaded, where, performance)]
    verdict, why = decide([*judged, *performance], doubts)
    assert why, "a verdict without a reason helps nobody"
    return verdict


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
        pytest.param([value(0)], [timing(446.0)], BARE_NPU, BOTH, Verdict.INCONCLUSIVE, id="only its throughput is"),
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
            (NOTHING.text, "m (p): w0"),
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
    assert decide([judged])[1] == ("voc07_map (reference, subset pr): 10.00, expected at least 80 - 0.5",)


def test_only_pass_and_stopped_end_in_zero() -> None:
    assert {verdict for verdict, code in EXIT_CODES.items() if code == 0} == {Verdict.PASS, Verdict.STOPPED}
