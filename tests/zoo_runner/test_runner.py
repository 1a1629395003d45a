"""What a run does, what it does not do again, and what it says about both."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo_runner.artifacts import Store
from zoo_runner.errors import ManifestError, PluginError, UsageError
from zoo_runner.ledger import LEDGER, Ledger
from zoo_runner.manifest.load import load
from zoo_runner.options import RunOptions, Stage
from zoo_runner.report.files import FILES
from zoo_runner.report.model import Report, Verdict, WaiverState
from zoo_runner.runner import run as run_manifest

if TYPE_CHECKING:
    from tests.conftest import Listener, ZooRun

STREAM = {"preprocess", "infer", "postprocess"}
ALWAYS = {"evaluate", "benchmark", "gate"}
REPORT = set(FILES)
NOTHING: set[str] = set()


class Lab:
    """Runs of the trial manifest in this process, which share a store."""

    def __init__(self, folder: Path, cache: Path, listener: Listener) -> None:
        self.folder = folder
        self.cache = cache
        self.listener = listener

    def __call__(self, *overrides: str, manifest: str = "trial.yaml", **options: Any) -> Report:
        self.listener.heard.clear()
        loaded = load(self.folder / manifest, overrides)
        given = RunOptions(**{"output": self.folder / "out", **options})
        return run_manifest(loaded, given, store=Store(self.cache), progress=self.listener)

    def saved(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out" / "report.json").read_text())
        return found


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def lab(
    trial_files: Path,
    trial_site: Path,
    tmp_path: Path,
    cache: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    monkeypatch.syspath_prepend(trial_site)
    shutil.copytree(trial_files, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path, cache, listener)


def redone(report: Report) -> set[str]:
    return {stage.name for stage in report.stages if not stage.skipped} - ALWAYS


def other_weights(lab: Lab) -> Path:
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    path = lab.folder / "other.pth"
    torch.save({"weight": 3 * torch.eye(4), "bias": torch.ones(4)}, path)
    return path


def test_a_second_run_redoes_nothing_and_says_so(lab: Lab) -> None:
    first = lab()
    detections = (lab.folder / "out" / "detections.npz").read_bytes()
    second = lab()
    assert (first.verdict, second.verdict, redone(second)) == (Verdict.PASS, Verdict.PASS, NOTHING)
    assert lab.listener.heard[1:] == [
        "fetch: everything is here already",
        "export: 0 of None ",
        "export: unchanged; torch and ONNX Runtime differ by at most 0.0e+00 (relative)",
        "convert: 0 of None ",
        "convert: the backend onnxruntime runs ONNX as it is",
        "predict: 150 of 150 images",
        "preprocess: unchanged; 150 predictions reused",
        "infer: unchanged; 150 predictions reused",
        "postprocess: unchanged; 150 predictions reused",
        "benchmark: 1 of 1 batch sizes",
    ]
    assert second.metrics == first.metrics
    assert second.artifacts == first.artifacts
    assert (lab.folder / "out" / "detections.npz").read_bytes() == detections
    assert lab.saved() == json.loads(second.model_dump_json())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param("onnx.opset=18", {"export"} | STREAM, id="export options"),
        pytest.param("plugin.config.offset=0.5", STREAM, id="preprocessing"),
        pytest.param("plugin.config.floor=1.5", STREAM, id="postprocessing"),
        pytest.param("infer.batch=5", STREAM, id="batch size"),
        pytest.param("infer.threads=1", NOTHING, id="threads"),
        pytest.param("plugin.config.classes=[cat, bee, ant, dog]", NOTHING, id="scoring"),
        pytest.param("benchmark.loop=4", NOTHING, id="benchmark"),
        pytest.param("expected.accuracy.value=90", NOTHING, id="expectation"),
    ],
)
def test_a_change_redoes_what_depends_on_it(lab: Lab, change: str, expected: set[str]) -> None:
    lab()
    assert redone(lab(change)) == expected
    assert redone(lab(change)) == NOTHING
    assert redone(lab()) == NOTHING


def test_other_weights_redo_everything(lab: Lab) -> None:
    before = {artifact.name: artifact.sha256 for artifact in lab().artifacts}
    report = lab(weights=str(other_weights(lab)))
    after = {artifact.name: artifact.sha256 for artifact in report.artifacts}
    assert redone(report) == {"export"} | STREAM
    assert {name for name, digest in after.items() if digest != before[name]} == {"weights", "onnx", "detections"}


def test_a_changed_file_redoes_its_chunk(lab: Lab) -> None:
    lab()
    (lab.folder / "data" / "dog_147.txt").write_text("0 0 0 5")
    report = lab()
    assert redone(report) == STREAM
    assert next(stage.why for stage in report.stages if stage.name == "infer").startswith("busy seconds; 22 of 150 ")


def test_a_limit_takes_what_whole_runs_left(lab: Lab) -> None:
    lab()
    report = lab(limit=64)
    assert (report.verdict, redone(report)) == (Verdict.INCONCLUSIVE, NOTHING)


def test_edited_plugin_code_redoes_everything(trial: ZooRun, trial_site: Path, tmp_path: Path) -> None:
    site = shutil.copytree(trial_site, tmp_path / "site")
    edited = trial.given(PYTHONPATH=site)
    from_files = ("--from", "postprocess", "--results", "files/results")

    def work(*arguments: str) -> set[str]:
        assert edited("trial.yaml", "--output", "out", *arguments).returncode == 0
        return {stage["name"] for stage in edited.report()["stages"] if not stage["skipped"]} - ALWAYS

    assert edited("trial.yaml", "--output", "files", "--until", "infer").returncode == 0
    work()
    work(*from_files)
    assert (work(), work(*from_files)) == (NOTHING, NOTHING)
    with (site / "trial_plugin.py").open("a") as file:
        file.write("# changed\n")
    assert (work(), work(*from_files)) == ({"export"} | STREAM, {"postprocess"})


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
            {"weights", "dataset", "onnx", "detections"},
            {"detections.npz"},
            id="postprocess",
        ),
        pytest.param(
            Stage.EVALUATE,
            ["fetch", "export", "convert", "preprocess", "infer", "postprocess", "evaluate"],
            {"weights", "dataset", "onnx", "detections"},
            {"detections.npz"},
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
    assert {path.name for path in (lab.folder / "out").iterdir()} == left | REPORT
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
    detections = (lab.folder / "out" / "detections.npz").read_bytes()
    lab(last=Stage.INFER)
    report = lab(first=Stage.POSTPROCESS)
    assert report.verdict is Verdict.PASS
    assert report.metrics == whole.metrics
    assert (lab.folder / "out" / "detections.npz").read_bytes() == detections
    assert report.environment is not None
    assert (report.environment.backend, report.environment.chip) == ("result files", "result files")
    assert {artifact.name for artifact in report.artifacts} == {"dataset", "results", "detections"}
    benchmark = next(stage for stage in report.stages if stage.name == "benchmark")
    assert (benchmark.skipped, benchmark.why) == (True, "no model in this run: the results came from files")


def test_going_on_from_a_stage_needs_what_was_before_it(lab: Lab) -> None:
    report = lab("infer.batch=7", first=Stage.EVALUATE)
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert "--from evaluate: expected what an earlier run made (predictions), found none" in report.why[0]
    lab("infer.batch=7")
    report = lab("infer.batch=7", first=Stage.EVALUATE)
    assert (report.verdict, redone(report)) == (Verdict.PASS, NOTHING)


def test_timing_alone_cannot_pass(lab: Lab) -> None:
    report = lab(first=Stage.BENCHMARK)
    assert (report.verdict, report.exit_code) == (Verdict.INCONCLUSIVE, 4)
    assert report.why == ("accuracy (top1) was not measured",)
    assert [record.batch for record in report.performance] == [1]


def test_a_failure_is_in_the_report(lab: Lab) -> None:
    report = lab("dataset.samples=149")
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert "expected the 149 samples of numbers, found 150" in report.why[0]
    assert [(stage.name, stage.why) for stage in report.stages] == [("fetch", "failed")]
    assert lab.saved() == json.loads(report.model_dump_json())


def test_a_bug_is_in_the_report_and_not_swallowed(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="the plugin has a bug"):
        lab("plugin.config.breaks={metric: bug}")
    saved = lab.saved()
    assert (saved["verdict"], saved["exit_code"]) == ("error", 3)
    assert saved["why"] == ["RuntimeError: the plugin has a bug"]
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
    for name in FILES:
        (lab.folder / "out" / name).write_text('{"verdict": "pass"}')
    with pytest.raises(error):
        lab(override, **options)
    assert list((lab.folder / "out").iterdir()) == []


PR = "subsets={pr: {every: 10, offset: 3, expected: {value: 100, tolerance: {abs: 0.5}}}, bare: {every: 50}}"


def test_a_subset_is_all_that_is_inferred(lab: Lab) -> None:
    report = lab(PR, "plugin.config.offset=0.25", subset="pr")
    assert (report.verdict, report.subset) == (Verdict.PASS, "pr")
    assert report.why == ("accuracy (top1, subset pr): 100.0000, expected at least 100 - 0.5",)
    (record,) = report.metrics
    assert (record.id, record.samples, record.dataset_samples) == ("accuracy/top1@pr", 15, 15)
    assert record.where.endswith("--set subsets")
    assert next(stage.why for stage in report.stages if stage.name == "infer").startswith("busy seconds; 15 of 15 ")
    with np.load(lab.folder / "out" / "detections.npz") as file:
        assert int(file["count"]) == 15
    assert redone(lab(PR, "plugin.config.offset=0.25", subset="pr")) == NOTHING


def test_a_subset_and_the_whole_set_are_not_taken_for_each_other(lab: Lab) -> None:
    lab(PR)
    part, whole = lab(PR, subset="pr"), lab(PR)
    assert [(each.metrics[0].samples, each.metrics[0].dataset_samples) for each in (part, whole)] == [
        (15, 15),
        (150, 150),
    ]
    assert (whole.subset, whole.metrics[0].id) == (None, "accuracy/top1")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        pytest.param(
            {"subset": "bare"},
            (
                "the manifest expects nothing that applies to this run",
                (
                    "accuracy (top1, subset bare): the subset has no figure of its own; "
                    "measure one and add subsets.bare.expected"
                ),
            ),
            id="no figure",
        ),
        pytest.param(
            {"subset": "pr", "limit": 4},
            ("accuracy (top1, subset pr): only 4 of 15 samples of the subset pr were scored",),
            id="only some of it",
        ),
    ],
)
def test_a_subset_that_cannot_be_judged(lab: Lab, options: dict[str, Any], why: tuple[str, ...]) -> None:
    report = lab(PR, **options)
    assert (report.verdict, report.exit_code, report.why) == (Verdict.INCONCLUSIVE, 4, why)


def test_files_of_a_subset(lab: Lab) -> None:
    lab(PR, subset="pr", last=Stage.PREPROCESS)
    names = [path.name for path in sorted((lab.folder / "out" / "inputs").iterdir())]
    assert names == [f"{index:07d}.bin" for index in range(4, 151, 10)]  # called as in the whole set
    lab(PR, subset="pr", last=Stage.INFER)
    assert lab(PR, subset="pr", first=Stage.POSTPROCESS).verdict is Verdict.PASS
    report = lab(PR, first=Stage.POSTPROCESS)
    assert "missing: 0000001_0.bin" in report.why[0]


def waived(until: str, value: float = 101, floor: float = 99) -> tuple[str, ...]:
    waiver = f"line: accuracy/top1, owner: ann, issue: 'https://example.org/1', until: {until}, floor: {floor}"
    return f"expected.accuracy={{value: {value}, unit: points, tolerance: null}}", f"waivers=[{{{waiver}}}]"


@pytest.mark.parametrize(
    ("given", "verdict", "state", "reason"),
    [
        pytest.param(
            waived("2999-12-31"),
            Verdict.PASS,
            WaiverState.USED,
            "accuracy (top1): 100.0000, expected at least 101 - 0; waived until 2999-12-31 (ann, https://example.org/1)",
            id="in force",
        ),
        pytest.param(
            waived("2020-01-01"),
            Verdict.FAIL,
            WaiverState.OVERDUE,
            "accuracy (top1): 100.0000, expected at least 101 - 0; its waiver (ann, https://example.org/1) "
            "held until 2020-01-01: remove or renew it",
            id="overdue",
        ),
        pytest.param(
            waived("2999-12-31", value=100),
            Verdict.FAIL,
            WaiverState.NOT_NEEDED,
            "accuracy (top1): 100.0000, expected at least 100 - 0; its waiver (ann, https://example.org/1) "
            "is no longer needed: remove it",
            id="no longer needed",
        ),
        pytest.param(
            waived("2999-12-31", floor=100.5),
            Verdict.FAIL,
            WaiverState.BELOW_FLOOR,
            "accuracy (top1): 100.0000, expected at least 101 - 0; its waiver (ann, https://example.org/1) "
            "ends at 100.5, and this is worse",
            id="below the floor",
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


def test_a_baseline_is_not_overwritten(lab: Lab) -> None:
    lab()
    with pytest.raises(UsageError, match="expected another folder than --output"):
        lab(baseline=lab.folder / "out" / "report.json")
    assert lab.saved()["verdict"] == "pass"


def test_every_run_is_in_the_ledger(lab: Lab) -> None:
    store = lab.folder / "store"
    lab.cache = store
    done, failed = lab(), lab("dataset.samples=149")
    with pytest.raises(RuntimeError):
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
