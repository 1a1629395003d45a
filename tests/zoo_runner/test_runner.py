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
from zoo_runner.manifest.load import load
from zoo_runner.options import RunOptions, Stage
from zoo_runner.report.model import Report, Verdict
from zoo_runner.runner import run as run_manifest

if TYPE_CHECKING:
    from tests.conftest import Listener, ZooRun

STREAM = {"preprocess", "infer", "postprocess"}
ALWAYS = {"evaluate", "benchmark", "gate"}
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
        "export: unchanged; torch and ONNX Runtime differ by at most 0.0e+00 (relative)",
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
    assert {path.name for path in (lab.folder / "out").iterdir()} == left | {"report.json"}
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
    ],
)
def test_what_is_refused_leaves_nothing_behind(
    lab: Lab, override: str, options: dict[str, Any], error: type[Exception]
) -> None:
    (lab.folder / "out").mkdir()
    (lab.folder / "out" / "report.json").write_text('{"verdict": "pass"}')
    with pytest.raises(error):
        lab(override, **options)
    assert list((lab.folder / "out").iterdir()) == []


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
