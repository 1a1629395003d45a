"""The bundled sample from weights to verdict, and everything that must keep it from passing.

Runs share a store, so that the sample is exported once and every variant of it inferred once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from junitparser import JUnitXml

from places import ROOT
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plugin import zoo_dataset, zoo_preprocess
from zoo_runner.manifest.figures import AccuracyExpectation
from zoo_runner.manifest.load import load, load_plugin_config
from zoo_runner.manifest.settings import settings
from zoo_runner.output.names import INVENTORY, ORIGIN
from zoo_runner.report.model import Report
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # the whole sample, again and again

MANIFEST = ROOT / "manifests" / "refinedet320-sample.yaml"
DATA = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
SAMPLES = 240
LOADED = load(MANIFEST)
CONFIG = load_plugin_config(LOADED, RefineDetConfig)
NAME = "refinedet320-sample"
FORMS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}
MOST_BYTES = 5_000_000
KINDS = ["missed", "confusion", "localisation", "duplicate", "background"]
STAGES = ["fetch", "export", "convert", "preprocess", "infer", "postprocess", "evaluate", "benchmark", "gate"]
STREAM = {"preprocess", "infer", "postprocess"}
QUICK = ("--set", "benchmark.batch=[1]", "--set", "benchmark.loop=1")
"""Timing is not what is looked at here."""
SIZES = {i: 6375 * values for i, values in enumerate((4, 7, 4, 2))}
"""Float32 values in each result file."""


@dataclass(frozen=True)
class Finished:
    """A run that is over: what it printed, and what it left in its folder."""

    done: subprocess.CompletedProcess[str]
    report: dict[str, Any]
    folder: Path

    def detections(self) -> bytes:
        return (self.folder / "predictions.npz").read_bytes()


Run = Callable[..., Finished]


@pytest.fixture(scope="module")
def sample(session_zoo_run: ZooRun, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs the sample, with a store no other test has put anything into; the folder is the first argument."""
    alone = session_zoo_run.given(ZOO_RUNNER_CACHE=tmp_path_factory.mktemp("sample-store"))

    def run(name: str, *arguments: str | Path) -> Finished:
        done = alone(MANIFEST, "--output", name, *arguments)
        return Finished(done, alone.report(name), alone.folder / name)

    return run


@pytest.fixture(scope="module")
def whole(sample: Run) -> Finished:
    return sample("whole")


@pytest.fixture(scope="module")
def inferred(sample: Run) -> Iterator[Finished]:
    """The result files of the sample, 100 MB of them."""
    finished = sample("inferred", "--until", "infer")
    yield finished
    shutil.rmtree(finished.folder)


@pytest.fixture
def results(inferred: Finished, tmp_path: Path) -> Path:
    """A folder of its own for a test to break: links, to replace but not to write through."""
    folder = tmp_path / "results"
    folder.mkdir()
    for path in (inferred.folder / "results").iterdir():
        os.link(path, folder / path.name)
    return folder


def line_of(start: str) -> int:
    """Where in the manifest a line begins like that."""
    return next(number for number, line in enumerate(MANIFEST.read_text().splitlines(), 1) if line.startswith(start))


def place_and_table(finished: Finished) -> str:
    """What is printed below a verdict that needs no reason."""
    environment = finished.report["environment"]
    place = f"onnxruntime ({environment['backend_version']}) on cpu, {SAMPLES} of {SAMPLES} images"
    return f"  {place}\n\nline  "


def headline(finished: Finished) -> dict[str, Any]:
    found: dict[str, Any] = finished.report["metrics"][0]
    return found


class TestTheWholeSample:
    def test_passes(self, whole: Finished) -> None:
        assert whole.done.returncode == 0, whole.done.stderr
        report = whole.report
        assert (report["schema_version"], report["verdict"], report["exit_code"]) == (1, "pass", 0)
        assert (report["notice"], report["warnings"], report["waivers"]) == ("", [], [])
        assert (report["subset"], report["comparison"]) == (None, None)
        assert datetime.fromisoformat(report["started"]).utcoffset() == timedelta(0)
        assert 0 < max(stage["seconds"] for stage in report["stages"]) <= report["seconds"]
        (why,) = report["why"]
        assert why.startswith(f"voc07_map (reference): {headline(whole)['value']:.2f}, expected at least ")
        assert f"PASS refinedet320-sample\n{place_and_table(whole)}" in whole.done.stdout
        assert whole.done.stdout.endswith("\nreport: whole/report.html\n")
        assert "Warning" not in whole.done.stderr
        assert {path.name for path in whole.folder.iterdir()} == {"predictions.npz", INVENTORY, *FORMS}
        assert all((whole.folder / name).stat().st_size < MOST_BYTES for name in FORMS)

    def test_every_form_of_the_report_says_so(self, whole: Finished) -> None:
        (suite,) = JUnitXml.fromstring((whole.folder / "junit.xml").read_bytes())
        assert (suite.name, suite.tests, suite.failures, suite.errors, suite.skipped) == (NAME, 5, 0, 0, 4)
        assert [case.name for case in suite if case.is_passed] == ["voc07_map/reference"]
        summary = (whole.folder / "summary.md").read_text(encoding="utf-8")
        assert summary.startswith(f"## ✅ PASS — {NAME}\n")
        assert json.loads((whole.folder / "report.sarif").read_bytes())["runs"][0]["results"] == []
        assert "<svg" in (whole.folder / "report.html").read_text(encoding="utf-8")
        Report.model_validate(whole.report)

    def test_manifest_and_environment(self, whole: Finished) -> None:
        manifest, environment = dict(whole.report["manifest"]), whole.report["environment"]
        assert manifest.pop("settings") == settings(LOADED.manifest)
        assert manifest.pop("config") == settings(CONFIG)
        assert manifest.pop("command") == ["zoo-run", *whole.done.args]
        assert manifest == {
            "name": "refinedet320-sample",
            "path": str(MANIFEST),
            "files": [str(MANIFEST)],
            "digest": LOADED.digest,
            "overrides": [],
            "source": None,
            "imported": None,
        }
        assert (environment["backend"], environment["chip"], environment["devices"]) == ("onnxruntime", "cpu", [0])
        assert environment["backend_version"] == f"onnxruntime {environment['packages']['onnxruntime']}"
        assert {"zoo-runner", "numpy", "onnx", "torch"} <= environment["packages"].keys()
        assert all(environment[name] for name in ("host", "python"))

    def test_metrics(self, whole: Finished) -> None:
        metrics = whole.report["metrics"]
        names = [("voc07_map", "reference"), ("voc07_map", "devkit"), ("voc10_map", "devkit")]
        assert [(metric["name"], metric["protocol"]) for metric in metrics] == names
        accuracy, uncertainty = LOADED.manifest.expected.accuracy, LOADED.manifest.uncertainty
        assert isinstance(accuracy, AccuracyExpectation)
        gated, *others = metrics
        assert [metric["id"] for metric in metrics] == [f"{name}/{protocol}" for name, protocol in names]
        assert (gated["direction"], gated["rule"], gated["published"]) == ("at_least", "point", None)
        assert gated["where"] == f"{MANIFEST}:{line_of('    value:')}"
        assert gated["expected"] == accuracy.value
        assert gated["tolerance"] == pytest.approx(accuracy.tolerance.margin(accuracy.value))
        assert gated["verdict"] == "pass"
        assert gated["value"] >= accuracy.value - accuracy.tolerance.margin(accuracy.value)
        assert gated["value"] >= 80
        for metric in metrics:
            assert (metric["samples"], metric["dataset_samples"]) == (SAMPLES, SAMPLES)
            assert metric["unit"] == "percent"
            assert list(metric["per_class"]) == list(CONFIG.classes)
            assert metric["value"] == pytest.approx(np.mean(list(metric["per_class"].values())))
            interval = metric["interval"]
            assert (interval["method"], interval["level"]) == ("bootstrap", uncertainty.level)
            assert (interval["resamples"], interval["seed"]) == (uncertainty.resamples, uncertainty.seed)
            assert interval["low"] <= metric["value"] <= interval["high"]
            assert 0 < metric["smallest_drop"] < 10
            assert list(metric["per_class_interval"]) == list(metric["support"]) == list(CONFIG.classes)
            assert all(low < high for low, high in metric["per_class_interval"].values())
            assert all(count > 0 for count in metric["support"].values())
        for metric in others:
            assert (metric["expected"], metric["tolerance"], metric["verdict"]) == (None, None, "not_gated")
            assert metric["where"] == ""

    def test_curves_and_diagnosis(self, whole: Finished) -> None:
        curves, diagnosis = whole.report["curves"], whole.report["diagnosis"]
        assert {curve["label"]: curve["average"] for curve in curves} == headline(whole)["per_class"]
        for curve in curves:
            assert len(curve["recall"]) == len(curve["precision"]) > 0
            assert curve["levels"] == pytest.approx(np.linspace(0, 1, 11))
            assert np.mean(curve["level_precision"]) * 100 == pytest.approx(curve["average"])
        assert diagnosis["kinds"] == list(diagnosis["totals"]) == KINDS
        counts = [sum(sample["errors"].values()) for sample in diagnosis["worst"]]
        assert 0 < len(counts) <= SAMPLES
        assert sum(counts) <= sum(diagnosis["totals"].values())
        scores = [sample["score"] for sample in diagnosis["worst"] if sample["score"] is not None]
        assert scores == sorted(scores)

    def test_performance(self, whole: Finished) -> None:
        options = LOADED.manifest.benchmark
        timings = whole.report["performance"]
        assert [timing["batch"] for timing in timings] == list(options.batch)
        for timing in timings:
            assert (timing["backend"], timing["chip"], timing["unit"]) == ("onnxruntime", "cpu", "images/s")
            assert 1 <= timing["loops"] <= options.loop
            assert timing["throughput"] == pytest.approx(1000 * timing["batch"] / timing["mean_ms"])
            assert 0 < timing["min_ms"] <= timing["median_ms"]
            assert (timing["expected"], timing["tolerance"], timing["verdict"]) == (None, None, "not_gated")
            assert timing["id"] == f"throughput/cpu/{timing['batch']}"
            if timing["batch"] == LOADED.manifest.infer.batch:
                assert timing["end_to_end"] > 0

    def test_stages(self, whole: Finished) -> None:
        stages = whole.report["stages"]
        assert [stage["name"] for stage in stages] == STAGES
        assert all(stage["seconds"] >= 0 for stage in stages)
        skipped = {stage["name"]: stage["why"] for stage in stages if stage["skipped"]}
        assert skipped == {
            "fetch": "everything is here already",
            "convert": "the backend onnxruntime runs ONNX as it is",
        }
        for stage in stages:
            if stage["name"] in STREAM:
                assert stage["why"] == f"busy seconds; {SAMPLES} of {SAMPLES} images, stages overlap"
        export = next(stage for stage in stages if stage["name"] == "export")
        assert float(export["why"].split()[-2]) <= 1e-3

    def test_artifacts(self, whole: Finished) -> None:
        artifacts = {artifact["name"]: artifact for artifact in whole.report["artifacts"]}
        assert list(artifacts) == ["weights", "dataset", "onnx", "predictions"]
        for name in ("weights", "onnx", "predictions"):
            path = Path(artifacts[name]["path"])
            path = path if path.is_absolute() else whole.folder.parent / path
            assert artifacts[name]["sha256"] == file_digest(path)
        assert artifacts["weights"]["sha256"] == LOADED.manifest.weights.sha256
        assert artifacts["weights"]["origin"] == LOADED.manifest.weights.url
        assert (artifacts["dataset"]["sha256"], artifacts["dataset"]["origin"]) == (None, LOADED.manifest.dataset.url)

    def test_again_redoes_nothing(self, whole: Finished, sample: Run) -> None:
        again = sample("again", *QUICK)
        assert again.done.returncode == 0
        skipped = {stage["name"] for stage in again.report["stages"] if stage["skipped"]}
        assert skipped == {"fetch", "export", "convert"} | STREAM
        assert "export: unchanged; " in again.done.stderr
        for stage in STREAM:
            assert f"{stage}: unchanged; {SAMPLES} predictions reused\n" in again.done.stderr
        assert again.report["metrics"] == whole.report["metrics"]
        assert again.detections() == whole.detections()


@pytest.mark.slow
class TestFilesOfAisBench:
    def test_inputs_are_the_preprocessed_images(self, sample: Run) -> None:
        made = sample("made", "--until", "preprocess")
        try:
            assert (made.done.returncode, made.report["verdict"]) == (0, "stopped")
            paths = sorted((made.folder / "inputs").iterdir())
            assert [path.name for path in paths] == [f"{index:07d}.bin" for index in range(1, SAMPLES + 1)]
            preprocess = zoo_preprocess(CONFIG)
            for path, entry in zip(paths, zoo_dataset(CONFIG).samples(DATA), strict=True):
                image = preprocess(entry)["image"]
                assert (image.shape, image.dtype.str) == ((3, 320, 320), "<f4")
                assert path.read_bytes() == image.tobytes()
        finally:
            shutil.rmtree(made.folder)

    def test_results_have_their_names_and_sizes(self, inferred: Finished) -> None:
        assert (inferred.done.returncode, inferred.report["verdict"]) == (0, "stopped")
        found = {path.name: path.stat().st_size for path in (inferred.folder / "results").iterdir()}
        expected = {f"{index:07d}_{i}.bin": 4 * n for index in range(1, SAMPLES + 1) for i, n in SIZES.items()}
        sidecar = found.pop(ORIGIN)
        assert found == expected
        assert sidecar > 0

    def test_scoring_them_gives_the_same(self, whole: Finished, results: Path, sample: Run) -> None:
        scored = sample("scored", "--from", "postprocess", "--results", results)
        assert scored.done.returncode == 0, scored.done.stdout
        assert scored.report["metrics"] == whole.report["metrics"]
        assert scored.detections() == whole.detections()
        assert scored.report["environment"]["backend"] == "result files"
        assert scored.report["remarks"] == []
        assert scored.report["performance"] == []

    def test_without_the_sidecar_their_origin_is_unknown(self, whole: Finished, results: Path, sample: Run) -> None:
        (results / ORIGIN).unlink()
        scored = sample("unknown", "--from", "postprocess", "--results", results)
        assert scored.done.returncode == 0, scored.done.stdout
        assert scored.report["remarks"] == ["results of unknown origin"]
        assert "results of unknown origin" in scored.done.stdout
        assert scored.report["metrics"] == whole.report["metrics"]

    @pytest.mark.parametrize(
        ("name", "content", "text"),
        [
            pytest.param("0000005_2.bin", None, "  missing: 0000005_2.bin (sample ", id="missing"),
            pytest.param(
                "0000006_1.bin", bytes(4), "  short: 0000006_1.bin has 4 bytes, expected 178500 (", id="short"
            ),
            pytest.param("0000241_0.bin", bytes(102000), "  extra: 0000241_0.bin\n", id="extra"),
            pytest.param(
                "0000240_3.bin",
                np.full(SIZES[3], np.nan, "<f4").tobytes(),
                "0000240_3.bin: changed since the results were written",
                id="not finite, in the last one",
            ),
        ],
    )
    def test_broken_ones_are_never_scored(
        self, results: Path, sample: Run, name: str, content: bytes | None, text: str
    ) -> None:
        (results / name).unlink(missing_ok=True)
        if content is not None:
            (results / name).write_bytes(content)
        broken = sample("broken", "--from", "postprocess", "--results", results)
        assert (broken.done.returncode, broken.report["verdict"], broken.report["exit_code"]) == (3, "error", 3)
        assert text in broken.report["why"][0]
        assert text in broken.done.stdout
        assert broken.report["metrics"] == []
        assert not (broken.folder / "predictions.npz").exists()


def swap_first_and_third(results: Path) -> None:
    """Give outputs 0 and 2, which have the same size, each other's files, in a folder that was made by hand."""
    (results / ORIGIN).unlink()
    for path in results.glob("*_0.bin"):
        other = path.with_name(path.name.replace("_0.bin", "_2.bin"))
        path.rename(path.with_suffix(".swap"))
        other.rename(path)
        path.with_suffix(".swap").rename(other)


def swap_red_and_blue(devkit: Path) -> None:
    """Exchange the channels of all images, without any other loss."""
    for path in devkit.glob("VOC2007/JPEGImages/*.jpg"):
        image = cv2.imread(str(path))
        assert image is not None
        encoded, data = cv2.imencode(".png", image[:, :, ::-1])
        assert encoded
        path.write_bytes(data.tobytes())


@pytest.mark.slow
class TestTheGateCanFail:
    """Each of these is one mistake that a port of the recipe could make."""

    def failed(self, finished: Finished, whole: Finished) -> None:
        assert finished.done.returncode == 1, finished.done.stdout + finished.done.stderr
        assert (finished.report["verdict"], finished.report["exit_code"]) == ("fail", 1)
        metric = headline(finished)
        assert (metric["verdict"], metric["samples"]) == ("fail", SAMPLES)
        assert metric["value"] < metric["expected"] - metric["tolerance"]
        assert metric["value"] < headline(whole)["value"]
        remarks = "".join(f" ({remark})" for remark in finished.report["remarks"])
        told = f"FAIL refinedet320-sample{remarks}\n  {finished.report['why'][0]}; short of "
        assert told in finished.done.stdout
        results = json.loads((finished.folder / "report.sarif").read_bytes())["runs"][0]["results"]
        (location,) = next(each for each in results if each["ruleId"] == "expectation-missed")["locations"]
        place = location["physicalLocation"]
        assert place["artifactLocation"]["uri"].endswith("/manifests/refinedet320-sample.yaml")
        assert place["region"]["startLine"] == line_of("    value:")
        (suite,) = JUnitXml.fromstring((finished.folder / "junit.xml").read_bytes())
        assert suite.failures == 1

    def test_two_outputs_swapped(self, whole: Finished, results: Path, sample: Run) -> None:
        swap_first_and_third(results)
        self.failed(sample("swapped", "--from", "postprocess", "--results", results), whole)

    @pytest.mark.parametrize("mean", ["[0, 0, 0]", "[123, 117, 104]"], ids=["none", "in the wrong channel order"])
    @pytest.mark.long
    def test_wrong_mean(self, whole: Finished, sample: Run, mean: str) -> None:
        self.failed(sample("mean", *QUICK, "--set", f"plugin.config.mean={mean}"), whole)

    @pytest.mark.long
    def test_red_and_blue_swapped(self, whole: Finished, sample: Run, tmp_path: Path) -> None:
        devkit = shutil.copytree(DATA, tmp_path / "VOCdevkit")
        swap_red_and_blue(devkit)
        self.failed(sample("colours", *QUICK, "--data", devkit), whole)

    def test_two_classes_swapped(self, whole: Finished, sample: Run) -> None:
        first, second, *rest = CONFIG.classes
        order = ", ".join((second, first, *rest))
        self.failed(sample("classes", *QUICK, "--set", f"plugin.config.classes=[{order}]"), whole)

    @pytest.mark.long
    def test_hardly_any_suppression(self, whole: Finished, results: Path, sample: Run) -> None:
        arguments = ("--from", "postprocess", "--results", results, "--set", "plugin.config.nms_threshold=0.9")
        self.failed(sample("suppression", *arguments), whole)
