"""Which figure of the manifest a line is held against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate_lines import (
    ACCURACY,
    BOTH,
    CHIPS,
    MEASURE,
    SUBSETS,
    Manifested,
    scope,
    timing,
)
from zoo_runner.causes import Cause
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.load import load
from zoo_runner.report.model import PerformanceRecord, Verdict
from zoo_runner.stages.gate.judging import judge_throughput
from zoo_runner.stages.gate.targets import accuracy_targets


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
    found = accuracy_targets(loaded, scope(**given)).get(MEASURE)
    assert found is not None
    assert (found.value, found.where) == (figure, f"m.yaml:{line}")
    published = {79.60: "another table", 79.58: "a table", 79.70: "a table", 60.0: None}
    assert found.published == published[figure]


TWO = {
    MEASURE: {"value": 79.58, "tolerance": {"abs": 0.02}},
    "loss/mean": {"value": 2, "unit": "nats", "direction": "at_most", "too_good": {"abs": 1, "then": "fail"}},
}


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        pytest.param({}, {MEASURE: 79.58, "loss/mean": 2.0}, id="the whole set"),
        pytest.param({"chip": "310P3", "batch": 1}, {MEASURE: 79.58, "loss/mean": 2.1}, id="a chip's own of one"),
        pytest.param({"chip": "310P3", "batch": 16}, {MEASURE: 79.58, "loss/mean": 2.0}, id="none at this batch"),
        pytest.param({"chip": "310P3", "batch": None}, {MEASURE: 79.58, "loss/mean": 2.0}, id="results from files"),
        pytest.param({"subset": "pr"}, {"loss/mean": 3.0}, id="a subset with a figure of one"),
        pytest.param({"subset": "bare"}, {}, id="a subset without"),
    ],
)
def test_each_metric_has_its_own_figure(manifest: Manifested, given: dict[str, Any], wanted: dict[str, float]) -> None:
    chips = {"310P3": {"accuracy": {"loss/mean": {1: 2.1}}}}
    subsets = {"pr": {"every": 2, "expected": {"loss/mean": {"value": 3}}}, "bare": {"every": 3}}
    found = accuracy_targets(manifest(expected={"accuracy": TWO, "chips": chips}, subsets=subsets), scope(**given))
    assert {line: target.value for line, target in found.items()} == wanted
    loss = found.get("loss/mean")
    if loss is not None and not given.get("subset"):
        assert (loss.unit, loss.direction, loss.then) == ("nats", Direction.AT_MOST, "fail")


@pytest.mark.parametrize(
    ("over", "confirmed"),
    [("value: 79", True), ("direction: at_most", False), ("direction: at_most, confirm: it counts errors", True)],
)
def test_a_direction_is_confirmed_where_it_is_written(manifest: Manifested, over: str, confirmed: bool) -> None:
    manifest(expected={"accuracy": {**ACCURACY, "confirm": "few samples"}})
    Path("child.yaml").write_text(f"extends: m.yaml\nexpected: {{accuracy: {{{over}}}}}\n")
    found = accuracy_targets(load(Path("child.yaml")), scope()).get(MEASURE)
    assert found is not None
    assert (found.confirm is not None) is confirmed


@pytest.mark.parametrize(
    ("sections", "subset"),
    [({}, None), ({"expected": BOTH, "subsets": SUBSETS}, "bare")],
    ids=["nothing", "nothing of this subset"],
)
def test_no_accuracy_is_expected(manifest: Manifested, sections: dict[str, Any], subset: str | None) -> None:
    assert accuracy_targets(manifest(**sections), scope(subset=subset)) == {}


@pytest.mark.parametrize(
    ("measured", "verdict", "why"),
    [
        pytest.param(timing(446.0), Verdict.PASS, "446.00, expected at least 445.783 - 22.2891", id="fast enough"),
        pytest.param(timing(423.4), Verdict.FAIL, "423.40, expected at least 445.783 - 22.2891", id="too slow"),
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
        pytest.param(timing(446.0, backend="slow"), Verdict.PASS, "446.00, expected at least 9 - 0", id="slow backend"),
        pytest.param(timing(8.0, backend="slow"), Verdict.FAIL, "8.00, expected at least 9 - 0", id="slower than that"),
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


@pytest.mark.parametrize(
    ("rate", "noise", "cause"),
    [(446.0, [], Cause.UNWATCHED), (1.0, [], Cause.UNWATCHED), (446.0, ["hot"], Cause.NOT_QUIET)],
)
def test_a_device_that_nobody_saw_says_nothing(
    manifest: Manifested, rate: float, noise: list[str], cause: Cause
) -> None:
    judged = judge_throughput(timing(rate), manifest(expected=BOTH), noise, "no tool")
    assert (judged.verdict, judged.cause) == (Verdict.INCONCLUSIVE, cause)
    assert ("nobody could see whether the device was quiet: no tool" in judged.why) is not bool(noise)


@pytest.mark.parametrize("rate", [446.0, 1.0, None])
def test_a_device_that_was_not_quiet_says_nothing(manifest: Manifested, rate: float | None) -> None:
    judged = judge_throughput(timing(rate), manifest(expected=BOTH), ["hot", "busy"])
    assert (judged.verdict, judged.why) == (Verdict.INCONCLUSIVE, "the device was not quiet: hot; busy")
