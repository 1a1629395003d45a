"""What a run does, what it does not do again, and what it says about both."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dates import SOON
from lab import NOTHING, Lab, other_weights, redone
from reports import small_report
from zoo_runner.errors import ManifestError, PluginError, UsageError
from zoo_runner.history.ledger import LEDGER, Ledger
from zoo_runner.job.options import Stage
from zoo_runner.output.names import FILES, INVENTORY, PREVIOUS
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.plugin.scoring import WholeSet
from zoo_runner.report.files import write_report
from zoo_runner.report.model import Verdict, WaiverState

pytestmark = pytest.mark.slow  # whole runs

REPORT = set(FILES)


def test_weights_that_are_not_the_manifests_are_judged_where_they_are_meant(lab: Lab) -> None:
    own = hashlib.sha256((lab.folder / "weights.pth").read_bytes()).hexdigest()
    other, pin = str(other_weights(lab, 2)), f"weights.sha256={own}"
    assert lab(pin).remarks == ()
    assert lab(pin, weights=str(lab.folder / "weights.pth")).verdict is Verdict.PASS
    report = lab(pin, weights=other)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert f"the weights are not the manifest's: expected sha256 {own} (--set weights.sha256), found " in report.why[0]
    meant = lab(pin, weights=other, other_weights=True)
    assert (meant.verdict, meant.remarks) == (Verdict.PASS, ("other weights than the manifest's",))
    lab(pin, weights=other, last=Stage.INFER)
    assert lab(pin, first=Stage.POSTPROCESS).verdict is Verdict.ERROR
    assert lab(pin, first=Stage.POSTPROCESS, weights=other).verdict is Verdict.INCONCLUSIVE
    assert lab(pin, first=Stage.POSTPROCESS, weights=other, other_weights=True).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("last", "stages", "artifacts", "left"),
    [
        pytest.param(Stage.FETCH, ["fetch"], {"weights", "dataset"}, set(), id="fetch"),
        pytest.param(Stage.EXPORT, ["fetch", "export"], {"weights", "onnx"}, set(), id="export"),
        pytest.param(Stage.CONVERT, ["fetch", "export", "convert"], {"weights", "onnx"}, set(), id="convert"),
        pytest.param(Stage.PREPROCESS, ["fetch", "preprocess"], {"dataset", "inputs"}, {"inputs"}, id="preprocess"),
        pytest.param(
            Stage.INFER,
            ["fetch", "export", "convert", "infer"],
            {"weights", "dataset", "onnx", "results"},
            {"results"},
            id="infer",
        ),
        pytest.param(
            Stage.POSTPROCESS,
            ["fetch", "export", "convert", "preprocess", "infer", "postprocess"],
            {"weights", "dataset", "onnx", "predictions"},
            {"predictions.npz"},
            id="postprocess",
        ),
        pytest.param(
            Stage.EVALUATE,
            ["fetch", "export", "convert", "preprocess", "infer", "postprocess", "evaluate"],
            {"weights", "dataset", "onnx", "predictions"},
            {"predictions.npz"},
            id="evaluate",
        ),
    ],
)
def test_until(lab: Lab, last: Stage, stages: list[str], artifacts: set[str], left: set[str]) -> None:
    report = lab(last=last)
    assert (report.verdict, report.exit_code) == (Verdict.STOPPED, 0)
    assert report.why == (f"stopped after {last.value}, as asked",)
    assert [stage.name for stage in report.stages] == stages
    assert {artifact.name for artifact in report.artifacts} == artifacts
    assert {path.name for path in (lab.folder / "out").iterdir()} == left | REPORT | {INVENTORY}
    assert bool(report.metrics) is (last is Stage.EVALUATE)


def test_inputs_and_results_are_what_ais_bench_reads_and_writes(lab: Lab) -> None:
    lab(last=Stage.PREPROCESS)
    lab(last=Stage.INFER)
    inputs = sorted((lab.folder / "out" / "inputs").iterdir())
    results = sorted((lab.folder / "out" / "results").glob("*.bin"))
    assert [path.name for path in inputs] == [f"{index:07d}.bin" for index in range(1, 151)]
    assert [path.name for path in results] == [f"{index:07d}_0.bin" for index in range(1, 151)]
    text = sorted((lab.folder / "data").iterdir())[149].read_text()
    assert inputs[149].read_bytes() == np.array(text.split(), dtype="<f4").tobytes()
    assert results[149].read_bytes() == inputs[149].read_bytes()  # the model is the identity


def test_scoring_result_files_gives_the_same(lab: Lab) -> None:
    whole = lab()
    detections = (lab.folder / "out" / "predictions.npz").read_bytes()
    lab(last=Stage.INFER)
    report = lab(first=Stage.POSTPROCESS)
    assert report.verdict is Verdict.PASS
    assert report.metrics == whole.metrics
    assert (lab.folder / "out" / "predictions.npz").read_bytes() == detections
    assert report.environment is not None
    assert (report.environment.backend, report.environment.chip) == ("result files", "result files")
    assert {artifact.name for artifact in report.artifacts} == {"dataset", "results", "predictions"}
    benchmark = next(stage for stage in report.stages if stage.name == "benchmark")
    assert (benchmark.skipped, benchmark.why) == (True, "no model in this run: the results came from files")


def test_going_on_from_a_stage_needs_what_was_before_it(lab: Lab) -> None:
    lab()  # the model is there, and predictions of another batch size
    report = lab("infer.batch=7", first=Stage.EVALUATE)
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert "--from evaluate: expected what an earlier run made (predictions), found none" in report.why[0]
    lab("infer.batch=7")
    report = lab("infer.batch=7", first=Stage.EVALUATE)
    assert (report.verdict, redone(report)) == (Verdict.PASS, NOTHING)


def test_timing_alone_cannot_pass(lab: Lab) -> None:
    lab(last=Stage.EXPORT)  # what comes before --from has to be there
    report = lab(first=Stage.BENCHMARK)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert report.why == ("accuracy (top1) was not measured; run all the stages",)
    assert [record.batch for record in report.performance] == [1]


def test_a_failure_is_in_the_report(lab: Lab) -> None:
    report = lab("dataset.samples=149")
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert "expected the 149 samples of numbers, found 150" in report.why[0]
    assert [(stage.name, stage.why) for stage in report.stages] == [("fetch", "failed")]
    assert lab.saved() == json.loads(report.model_dump_json())


def test_a_bug_of_a_plugin_is_in_the_report(lab: Lab) -> None:
    assert lab("plugin.config.breaks={metric: bug}").verdict is Verdict.ERROR
    saved = lab.saved()
    assert (saved["verdict"], saved["exit_code"]) == ("error", 3)
    assert saved["why"][0].startswith("plugin 'trial': zoo_metric failed: RuntimeError: the plugin has a bug (")
    assert [stage["why"] for stage in saved["stages"] if stage["name"] == "evaluate"] == ["failed"]


@pytest.mark.parametrize(
    ("override", "options", "error"),
    [
        pytest.param("plugin.name=trail", {}, PluginError, id="plugin"),
        pytest.param("plugin.config.clases=[a]", {}, ManifestError, id="configuration"),
        pytest.param("expected.accuracy.protocol=top5", {}, ManifestError, id="metric"),
        pytest.param("infer.batch=1", {"backend": "nonsense"}, PluginError, id="backend"),
        pytest.param("infer.batch=1", {"first": Stage.GATE}, UsageError, id="options"),
        pytest.param("infer.batch=1", {"subset": "pr"}, UsageError, id="subset"),
        pytest.param("infer.batch=1", {"baseline": Path("nowhere")}, UsageError, id="baseline"),
        pytest.param("expected.accuracy.rule=interval", {}, ManifestError, id="rule"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    lab: Lab, override: str, options: dict[str, Any], error: type[Exception]
) -> None:
    (lab.folder / "out").mkdir()
    write_report(lab.folder / "out", small_report())
    with pytest.raises(error):
        lab(override, **options)
    assert {path.name for path in (lab.folder / "out").iterdir()} == {INVENTORY, *PREVIOUS.values()}


def waived(until: str, value: float = 99, floor: float = 98) -> tuple[str, ...]:
    waiver = f"line: accuracy/top1, owner: ann, issue: 'https://example.org/1', until: {until}, floor: {floor}"
    return f"expected.accuracy={{value: {value}, direction: within, tolerance: null}}", f"waivers=[{{{waiver}}}]"


@pytest.mark.parametrize(
    ("given", "verdict", "state", "reason"),
    [
        pytest.param(
            waived(SOON),
            Verdict.PASS,
            WaiverState.USED,
            f"accuracy (top1): 100.00, expected 99 ± 0; waived until {SOON} (ann, https://example.org/1)",
            id="in force",
        ),
        pytest.param(
            waived("2020-01-01"),
            Verdict.FAIL,
            WaiverState.OVERDUE,
            "accuracy (top1): 100.00, expected 99 ± 0; its waiver (ann, https://example.org/1) "
            "held until 2020-01-01: remove or renew it",
            id="overdue",
        ),
        pytest.param(
            waived(SOON, value=100),
            Verdict.FAIL,
            WaiverState.NOT_NEEDED,
            "accuracy (top1): 100.00, expected 100 ± 0; its waiver (ann, https://example.org/1) "
            "is no longer needed: remove it",
            id="no longer needed",
        ),
        pytest.param(
            waived(SOON, floor=98.5),
            Verdict.FAIL,
            WaiverState.BELOW_FLOOR,
            "accuracy (top1): 100.00, expected 99 ± 0; its waiver (ann, https://example.org/1) "
            "ends at 98.5, and this is worse",
            id="below the floor",
        ),
        pytest.param(
            (waived(SOON)[0], "expected.accuracy={unit: fraction, value: 0.99}", waived(SOON, floor=0.98)[1]),
            Verdict.PASS,
            WaiverState.USED,
            f"accuracy (top1): 100.00, expected 99 ± 0; waived until {SOON} (ann, https://example.org/1)",
            id="floor in the unit of the figure",
        ),
    ],
)
def test_waivers(lab: Lab, given: tuple[str, ...], verdict: Verdict, state: WaiverState, reason: str) -> None:
    report = lab(*given)
    assert (report.verdict, report.why) == (verdict, (reason,))
    (record,) = report.waivers
    assert (record.state, record.line, record.where) == (state, "accuracy/top1", "--set waivers")
    assert lab.saved()["waivers"][0]["state"] == state.value


def test_an_overdue_waiver_fails_also_a_run_that_does_not_measure_its_line(lab: Lab) -> None:
    report = lab(*waived("2020-01-01"), first=Stage.BENCHMARK)
    assert (report.verdict, report.metrics) == (Verdict.FAIL, ())
    assert report.why == (
        "accuracy/top1: its waiver (ann, https://example.org/1) held until 2020-01-01: remove or renew it",
    )


def test_a_run_is_compared_with_its_baseline(lab: Lab) -> None:
    first = lab(output=lab.folder / "base")
    second = lab("plugin.config.classes=[bee, ant, cat, dog]", baseline=lab.folder / "base")
    assert (first.comparison, second.verdict) == (None, Verdict.FAIL)
    assert second.comparison is not None
    assert (second.comparison.verdict, second.comparison.same_samples) == ("pass", 150)
    (change,) = second.comparison.metrics
    assert (change.before, change.after) == pytest.approx((100.0, 100 * 74 / 150))
    assert "plugin.config.classes" in {each.name for each in second.comparison.changes}
    timing = lab(first=Stage.BENCHMARK, baseline=lab.folder / "base" / "report.json")
    assert timing.comparison is not None
    assert [each.batch for each in timing.comparison.performance] == [1]


def test_every_prediction_is_scored_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is told of the score: intervals, comparison, pictures. A baseline's predictions are, too."""
    taken: Counter[str] = Counter()
    update = WholeSet.update

    def counted(self: WholeSet, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        taken.update(sample.id for sample in samples)
        update(self, samples, predictions)

    monkeypatch.setattr(WholeSet, "update", counted)
    lab(output=lab.folder / "base")
    assert (len(taken), set(taken.values())) == (150, {1})
    taken.clear()
    lab(baseline=lab.folder / "base")
    assert (len(taken), set(taken.values())) == (150, {2})


def test_a_baseline_is_not_overwritten(lab: Lab) -> None:
    lab()
    with pytest.raises(UsageError, match="expected another folder than --output"):
        lab(baseline=lab.folder / "out" / "report.json")
    assert lab.saved()["verdict"] == "pass"


def test_every_run_is_in_the_ledger(lab: Lab) -> None:
    store = lab.folder / "store"
    lab.cache = store
    done, failed = lab(), lab("dataset.samples=149")
    lab("plugin.config.breaks={metric: bug}")
    entries = Ledger(store / LEDGER).last("trial", 9)
    assert [each.verdict for each in entries] == [Verdict.ERROR, failed.verdict, done.verdict]
    assert {each.report for each in entries} == {lab.folder / "out" / "report.json"}


def test_a_ledger_that_is_damaged_costs_a_warning(lab: Lab) -> None:
    lab.cache = lab.folder / "store"
    lab()
    (lab.cache / LEDGER).write_bytes(b"no database" * 1000)
    report = lab()
    assert report.verdict is Verdict.PASS
    assert lab.saved()["verdict"] == "pass"
    assert lab.listener.heard[-1].startswith("warning: this run is not in the history: ")


def test_the_report_says_what_the_run_was_asked(lab: Lab) -> None:
    report = lab(batch_size=4)
    assert report.manifest.settings["infer.batch"] == "4"
    assert report.started
    assert report.seconds > 0


def test_warnings_are_told_and_kept(lab: Lab) -> None:
    report = lab()
    (warning,) = report.warnings
    assert warning.startswith("weights.pth has no hash in the manifest and is trusted on first use")
    assert lab.listener.heard[0] == f"warning: {warning}"


def test_paths_are_relative_to_the_file_that_says_them(lab: Lab) -> None:
    (lab.folder / "ours").mkdir()
    (lab.folder / "ours" / "m.yaml").write_text("extends: ../trial.yaml\nname: ours\n")
    report = lab(manifest="ours/m.yaml")
    assert report.verdict is Verdict.PASS
    found = {artifact.name: Path(artifact.path).resolve() for artifact in report.artifacts}
    assert (found["weights"], found["dataset"]) == (lab.folder / "weights.pth", lab.folder / "data")


@pytest.mark.parametrize(
    ("options", "checked"),
    [({}, True), ({"last": Stage.EVALUATE}, True), ({"last": Stage.INFER}, False), ({"last": Stage.FETCH}, False)],
    ids=["whole", "until evaluate", "until infer", "until fetch"],
)
def test_canaries_are_scored_before_any_work(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], checked: bool
) -> None:
    def broken(metric: Any, plugin: str) -> None:
        assert metric.measures == (("accuracy", "top1"),)
        raise PluginError(f"plugin {plugin!r}: the metric breaks a rule")

    monkeypatch.setattr("zoo_runner.runner.check_canaries", broken)
    if not checked:
        assert lab(**options).verdict is Verdict.STOPPED
        return
    with pytest.raises(PluginError, match="plugin 'trial': the metric breaks a rule"):
        lab(**options)
    assert not (lab.folder / "out").exists()
    assert not lab.listener.heard
