"""What is expected and was not measured, or measured and not judged."""

from __future__ import annotations

from typing import Any

import pytest

from gate_lines import (
    BARE_NPU,
    BOTH,
    CHIPS_ONLY,
    CPU,
    NPU,
    PR,
    SUBSETS,
    Manifested,
    scope,
    timing,
    value,
)
from zoo_runner.causes import Cause, Doubt
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.report.model import PerformanceRecord, Verdict
from zoo_runner.stages.gate.judging import judge_throughput, metric_record, undecided
from zoo_runner.stages.gate.targets import accuracy_targets
from zoo_runner.stages.gate.verdicts import (
    accuracy_not_judged,
    decide,
    not_measured,
    not_timed,
    throughput_not_judged,
    without_figure,
)


@pytest.mark.parametrize(
    ("where", "batches", "text"),
    [
        pytest.param(NPU, [1], "the figure for batch 16 was not judged", id="left out"),
        pytest.param(NPU, [2], "the figure for batch 1, 16 was not judged", id="all of them"),
        pytest.param(NPU, [1, 16], "", id="none left out"),
        pytest.param(NPU, [], "", id="nothing timed, which is said anyway"),
        pytest.param(CPU, [1], "", id="another chip"),
    ],
)
def test_figures_of_batch_sizes_that_were_left_out(
    manifest: Manifested, where: Scope, batches: list[int], text: str
) -> None:
    loaded = manifest(expected={"chips": {"310P3": {"throughput": {1: 30, 16: 400}}}})
    assert not_timed(loaded, where, [timing(446.0, chip=where.chip, batch=batch) for batch in batches]) == text


@pytest.mark.parametrize(
    ("where", "timings", "sections", "judged"),
    [
        pytest.param(BARE_NPU, [timing(446.0)], BOTH, False, id="a fast model of any accuracy"),
        pytest.param(BARE_NPU, [timing(446.0, batch=1)], BOTH, True, id="nothing judged, which is said anyway"),
        pytest.param(BARE_NPU, [timing(446.0)], {"chips": CHIPS_ONLY}, True, id="no accuracy is expected at all"),
        pytest.param(PR, [timing(446.0)], BOTH, True, id="the subset has a figure"),
        pytest.param(NPU, [timing(446.0)], BOTH, True, id="the whole set"),
    ],
)
def test_an_accuracy_that_a_subset_leaves_unjudged(
    manifest: Manifested, where: Scope, timings: list[PerformanceRecord], sections: dict[str, Any], judged: bool
) -> None:
    subsets = {"pr": SUBSETS["pr"], "bare": SUBSETS["bare"]} if "accuracy" in sections else {"bare": SUBSETS["bare"]}
    loaded = manifest(expected=sections, subsets=subsets)
    performance = [judge_throughput(each, loaded) for each in timings]
    doubts = accuracy_not_judged(loaded, where, performance)
    assert doubts == (
        ()
        if judged
        else (
            Doubt(
                cause=Cause.NOTHING_EXPECTED,
                text="voc07_map (reference) was not judged: the subset bare has no figure of its own; "
                "measure one and add subsets.bare.expected",
            ),
        )
    )


def test_figures_of_another_backend_are_not_missed(manifest: Manifested) -> None:
    loaded = manifest(expected={"chips": {"310P3@ascend": {"throughput": {16: 4}}}})
    (doubt,) = not_measured(loaded, NPU, (), ())
    assert (doubt.cause, doubt.text) == (
        Cause.NOT_MEASURED,
        "the throughput on 310P3 was not measured; run all the stages",
    )
    assert not_measured(loaded, scope(chip="310P3", backend="other"), (), ()) == ()


def test_what_cannot_be_compared_was_measured_all_the_same(manifest: Manifested) -> None:
    loaded = manifest(expected=BOTH)
    record, target = (
        metric_record(value(79.6), CPU, Uncertainty()),
        accuracy_targets(loaded, CPU).get("voc07_map/reference"),
    )
    assert target
    judged = undecided(record, target, Doubt(cause=Cause.UNIT, text="the figure is in points"))
    assert not_measured(loaded, CPU, (judged,), ()) == ()
    assert [each.cause for each in not_measured(loaded, CPU, (record,), ())] == [Cause.NOT_MEASURED]


LISTED = {"chips": {"310P3": {"throughput": {16: 400}}, "910B3@other": {"throughput": {16: 900, 1: 800}}}}


@pytest.mark.parametrize(
    ("chip", "accelerator", "performance", "says"),
    [
        pytest.param("310P3", True, [timing(500)], "", id="judged"),
        pytest.param("cpu", False, [timing(50, chip="cpu")], "", id="on the CPU"),
        pytest.param(
            "310P1",
            True,
            [timing(5, chip="310P1")],
            "this run is on 310P1 with the backend ascend at batch 16; did you",
            id="a chip that is nearly listed",
        ),
        pytest.param("310P3", True, [timing(500, batch=8)], "on 310P3 with the backend ascend at batch 8;", id="batch"),
        pytest.param("910B3", True, [timing(5, chip="910B3")], "910B3@other at batch 16, 1, this run", id="backend"),
        pytest.param("310P1", True, [], "on 310P1 with the backend ascend; did you mean '310P3'", id="not timed"),
    ],
)
def test_throughput_that_no_figure_is_for(
    manifest: Manifested, chip: str, accelerator: bool, performance: list[PerformanceRecord], says: str
) -> None:
    loaded = manifest(expected=LISTED)
    judged = [judge_throughput(each, loaded) for each in performance]
    here = scope(chip=chip, backend="ascend", accelerator=accelerator)
    doubts = throughput_not_judged(loaded, here, judged)
    assert [each.cause for each in doubts] == ([Cause.THROUGHPUT_NOT_JUDGED] if says else [])
    for doubt in doubts:
        assert says in doubt.text
        assert doubt.text.endswith("; correct expected.chips, or give --accuracy-only")
        assert decide(judged, doubts)[0] is Verdict.INCONCLUSIVE


def test_a_manifest_without_throughput_needs_none(manifest: Manifested) -> None:
    assert throughput_not_judged(manifest(), scope(chip="310P1", accelerator=True), [timing(5, chip="310P1")]) == ()


@pytest.mark.parametrize(
    ("batches", "text"),
    [((), ""), ((16,), ""), ((8,), ""), ((8, 16), "no figure for batch 8"), ((1, 8, 16), "no figure for batch 1, 8")],
)
def test_batch_sizes_beside_those_with_a_figure(manifest: Manifested, batches: tuple[int, ...], text: str) -> None:
    loaded = manifest(expected={"chips": {"310P3": {"throughput": {16: 400}}}})
    assert without_figure([judge_throughput(timing(500, batch=each), loaded) for each in batches]) == text
