"""Whole runs of the bundled sample with ``atc.aipp: auto``: each backend, against the plain path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ascend_host import NO_GOLDEN, on
from places import ROOT
from zoo_runner.aipp.config_file import aipp_text
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.testing import stand_in_environment
from zoo_runner.testing.om_file import read_om

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs

AIPP = ("--set", "atc.aipp=auto")
SAMPLE = ROOT / "manifests" / "refinedet320-sample.yaml"
LIMIT = 5  # not a multiple of the batch size

Run = Callable[..., tuple[Path, Mapping[str, Any]]]


@pytest.fixture(scope="module")
def command(session_zoo_run: ZooRun, tmp_path_factory: pytest.TempPathFactory) -> ZooRun:
    """``zoo-run`` at the root of the repository, on a host with stand-ins and with a store of its own."""
    pytest.importorskip("torch")
    pytest.importorskip("onnxsim")
    folder = tmp_path_factory.mktemp("host")
    here = replace(session_zoo_run, folder=ROOT).given(ZOO_RUNNER_CACHE=folder / "store")
    return on(here, stand_in_environment(folder / "host"))


@pytest.fixture(scope="module")
def run(command: ZooRun, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the sample's first images; give the output folder and the report."""
    folder = tmp_path_factory.mktemp("runs")

    def zoo_run(name: str, *arguments: str, code: int = 0) -> tuple[Path, Mapping[str, Any]]:
        output = folder / name
        few = ("--limit", str(LIMIT), "--set", "infer.batch=4", *NO_GOLDEN)
        done = command(SAMPLE, *few, "--output", str(output), *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return output, json.loads((output / "report.json").read_text(encoding="utf-8"))

    return zoo_run


@pytest.fixture(scope="module")
def plain(run: Run) -> Path:
    output, _ = run("plain", "--backend", "onnxruntime", "--until", "evaluate")
    return output


def artifact(report: Mapping[str, Any], name: str) -> Path:
    (path,) = (each["path"] for each in report["artifacts"] if each["name"] == name)
    return Path(path)


def assert_same_detections(folder: Path, wanted: Path) -> None:
    with np.load(folder / "predictions.npz") as found, np.load(wanted / "predictions.npz") as expected:
        assert sorted(found.files) == sorted(expected.files)
        assert expected["labels"].size > 0
        np.testing.assert_array_equal(found["sample.ids"], expected["sample.ids"])
        for name in set(expected.files) - {"sample.ids"}:
            # Measured: the files are equal byte for byte.
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-3)


def test_onnxruntime_runs_the_folded_graph(run: Run, plain: Path) -> None:
    output, report = run("folded", "--backend", "onnxruntime", "--until", "evaluate", *AIPP)
    assert artifact(report, "folded").name == "model.onnx"
    (convert,) = (stage for stage in report["stages"] if stage["name"] == "convert")
    assert convert["why"] == "AIPP's arithmetic is folded into the graph, which takes 8-bit pixels"
    assert_same_detections(output, plain)
    _, again = run("folded", "--backend", "onnxruntime", "--until", "evaluate", *AIPP)
    skipped = {stage["name"] for stage in again["stages"] if stage["skipped"]}
    assert skipped == {"fetch", "export", "convert", "preprocess", "infer", "postprocess"}


def test_the_npu_s_model_takes_pixels(run: Run, plain: Path) -> None:
    timing = ("--set", "benchmark={batch: [1], loop: 2, warmup: 0}")
    output, report = run("npu", "--backend", "ascend", *AIPP, *timing, code=4)  # too few images for a verdict
    atc, _, _ = (output / "logs" / "atc_bs4.log").read_text(encoding="utf-8").partition("\n")
    assert "--insert_op_conf=" in atc
    assert "--input_shape=image:4,3,320,320" in atc
    models = [read_om(Path(each["path"])) for each in report["artifacts"] if each["name"] == "om"]
    assert [[(each.dtype, each.shape) for each in model.inputs] for model in models] == [
        [("uint8", (size, 320, 320, 3))] for size in (1, 4)
    ]
    assert {model.aipp["mean_chn_0"] for model in models} == {"123"}
    assert [each["batch"] for each in report["performance"]] == [1]
    assert_same_detections(output, plain)


def test_a_file_of_ones_own_makes_a_model_that_takes_pixels(run: Run, plain: Path, tmp_path: Path) -> None:
    recipe = resolve(load(SAMPLE), RunOptions(output=tmp_path))
    assert isinstance(recipe.parts.preprocess, PixelPreprocess)
    text = aipp_text(recipe.parts.preprocess.normalisation)
    (tmp_path / "own.cfg").write_text(text, encoding="utf-8")
    own = ("--set", f"atc.insert_op_conf={tmp_path / 'own.cfg'}", "--until", "evaluate")
    output, report = run("own", "--backend", "ascend", *own)
    model = read_om(artifact(report, "om"))
    assert [(each.dtype, each.shape) for each in model.inputs] == [("uint8", (4, 320, 320, 3))]
    assert_same_detections(output, plain)
    by_command, _ = run("own-command", "--backend", "ascend", *own, "--set", "infer.tool=ais_bench-cli")
    assert_same_detections(by_command, plain)
    elsewhere, _ = run("own-cpu", "--backend", "onnxruntime", *own)  # which reads no such file
    assert_same_detections(elsewhere, plain)
    (tmp_path / "own.cfg").write_text(text.replace("mean_chn_0: 123", "mean_chn_0: 0"), encoding="utf-8")
    changed, report = run("own", "--backend", "ascend", *own)
    assert read_om(artifact(report, "om")).aipp["mean_chn_0"] == "0"  # the file's content counts, and not its name
    assert (changed / "predictions.npz").read_bytes() != (by_command / "predictions.npz").read_bytes()


def test_input_files_hold_pixels(run: Run) -> None:
    until = ("--until", "preprocess")
    pixels, _ = run("pixels", *until, *AIPP)
    floats, _ = run("floats", *until)
    sizes = [[path.stat().st_size for path in (each / "inputs").iterdir()] for each in (pixels, floats)]
    assert sizes == [[3 * 320 * 320] * LIMIT, [4 * 3 * 320 * 320] * LIMIT]
    raw = np.fromfile(pixels / "inputs" / "0000001.bin", np.uint8).reshape(320, 320, 3)
    wanted = np.fromfile(floats / "inputs" / "0000001.bin", "<f4").reshape(3, 320, 320)
    found = raw[..., ::-1].astype(np.float32) - np.array([123, 117, 104], np.float32)
    assert np.array_equal(found.transpose(2, 0, 1), wanted)


def test_the_plan_names_the_file(command: ZooRun) -> None:
    done = command(SAMPLE, "--dry-run", *AIPP)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.strip().startswith("atc ")]
    assert len(lines) == 2  # batch 8 for the images, 1 and 8 for timing
    for line in lines:
        (file,) = (part.partition("=")[2] for part in line.split() if part.startswith("--insert_op_conf="))
        assert Path(file).read_text(encoding="utf-8").startswith("aipp_op {")
