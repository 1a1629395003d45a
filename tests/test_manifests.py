"""The manifests that are shipped say what they are meant to say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from refinedet_plugin.config import RefineDetConfig
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import ManifestError
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.manifest.figures import AccuracyExpectation, AccuracyFigure, Tolerance, TooGood
from zoo_runner.manifest.load import LoadedManifest, load, load_plugin_config
from zoo_runner.report.json_schema import json_schema

FOLDER = Path(__file__).parents[1] / "manifests"
NAMES = ("refinedet320", "refinedet320-sample", "refinedet512")
ALL = ("classifier-sample", "efficientnet-lite0", "ppocr-rec", *NAMES, "ssd-sample", "text-sample")
OUTPUTS = ("odm_loc", "odm_conf", "arm_loc", "arm_conf")


def shipped(name: str) -> LoadedManifest:
    return load(FOLDER / f"{name}.yaml")


def test_all_are_listed_here() -> None:
    assert tuple(sorted(path.stem for path in FOLDER.glob("*.yaml"))) == ALL


@pytest.mark.parametrize(("added", "code"), [("", 0), ("infer: {bacth: 1}\n", 2)], ids=["right", "wrong"])
def test_the_hook_of_pre_commit_checks_manifests(tmp_path: Path, added: str, code: int) -> None:
    (hook,) = yaml.safe_load((FOLDER.parent / ".pre-commit-hooks.yaml").read_text())
    assert (hook["id"], hook["language"]) == ("zoo-run-validate", "python")
    assert re.search(hook["files"], "manifests/mine.yaml")
    program, *words = shlex.split(hook["entry"])
    assert program == "zoo-run"
    mine = tmp_path / "mine.yaml"
    mine.write_text(f"extends: {FOLDER}/refinedet320.yaml\nname: mine\n{added}")
    command = [sys.executable, "-m", "zoo_runner", *words, str(mine), str(FOLDER / "refinedet512.yaml")]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, "mine.yaml:3: infer.bacth: unknown key" in done.stderr) == (code, bool(code))


@pytest.mark.parametrize("name", ALL)
class TestAll:
    def test_is_named_after_its_file_and_says_what_it_is(self, name: str) -> None:
        assert shipped(name).manifest.name == name
        assert (FOLDER / f"{name}.yaml").read_text().startswith("# ")

    def test_follows_the_json_schema(self, name: str) -> None:
        data = json.loads(json.dumps(yaml.safe_load((FOLDER / f"{name}.yaml").read_text())))
        assert [error.message for error in Draft202012Validator(json_schema()).iter_errors(data)] == []

    def test_is_valid(self, name: str) -> None:
        resolve(shipped(name), RunOptions(output=Path("out")))


@pytest.mark.parametrize("name", NAMES)
class TestEach:
    def test_tensors_fit_the_configuration(self, name: str) -> None:
        loaded = shipped(name)
        config = load_plugin_config(loaded, RefineDetConfig)
        size, priors = config.input_size, config.num_priors
        assert [(spec.name, spec.dtype, spec.shape) for spec in loaded.manifest.input_specs] == [
            ("image", "float32", ("batch", 3, size, size))
        ]
        widths = (4, config.num_classes, 4, 2)
        assert [(spec.name, spec.dtype, spec.shape) for spec in loaded.manifest.output_specs] == [
            (output, "float32", ("batch", priors, width)) for output, width in zip(OUTPUTS, widths, strict=True)
        ]

    def test_compiles_as_published(self, name: str) -> None:
        manifest = shipped(name).manifest
        assert (manifest.atc.input_format, manifest.atc.precision_mode) == ("NCHW", "allow_fp32_to_fp16")
        assert (manifest.onnx.opset, manifest.onnx.simplify, manifest.onnx.dynamic_batch) == (11, True, True)


def test_published_recipe() -> None:
    loaded = shipped("refinedet320")
    manifest = loaded.manifest
    assert manifest.source is not None
    assert manifest.source.commit == "0e4b24ce07245fcb8c48292326a731729cc5746a"
    (url,) = manifest.weights.urls
    assert url.endswith("/RefineDet320_VOC_final.pth")
    assert manifest.weights.sha256 is None  # nobody has published one: it must not be made up
    assert manifest.dataset.md5 == "b6e924de25625d8de591ea690078ad9f"
    assert (manifest.dataset.samples, manifest.dataset.root_env) == (4952, "VOCDEVKIT")
    assert load_plugin_config(loaded, RefineDetConfig) == RefineDetConfig(classes=VOC_CLASSES)
    assert manifest.infer.batch == 16
    assert manifest.benchmark.loop == 1000


def test_published_figures() -> None:
    expected = shipped("refinedet320").manifest.expected
    assert isinstance(expected.accuracy, AccuracyExpectation)
    assert (expected.accuracy.metric, expected.accuracy.protocol) == ("voc07_map", "reference")
    assert (expected.accuracy.unit, expected.accuracy.value) == ("percent", 79.58)
    assert list(expected.chips) == ["310P3"]
    chip = expected.chips["310P3"]
    assert dict(chip.accuracy) == {1: 79.60}
    assert dict(chip.throughput) == {
        1: 379.450,
        4: 427.239,
        8: 434.099,
        16: 445.783,
        32: 440.789,
        64: 370.347,
    }
    assert (chip.cann, chip.unit) == ("6.0.RC1", "images/s")


def test_the_published_figures_say_what_is_too_good() -> None:
    expected = shipped("refinedet320").manifest.expected
    assert isinstance(expected.accuracy, AccuracyExpectation)
    assert (expected.accuracy.too_good, expected.chips["310P3"].too_good) == (TooGood(abs=1.0), TooGood(rel=0.5))


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        pytest.param(
            "direction=at_most", "direction: at_most is against the metric, of which higher is better", id="mAP"
        ),
        pytest.param("unit=points", "unit: expected 'percent', in which voc07_map/reference is measured", id="unit"),
        pytest.param("value=0.926", "value: 0.926 percent is next to nothing", id="a fraction under percent"),
        pytest.param("tolerance={abs: 92.6}", "tolerance: accepts 0 percent, the worst there is", id="all passes"),
    ],
)
def test_a_slip_of_the_pen_is_refused_before_anything_runs(override: str, complaint: str) -> None:
    figure = ["expected.accuracy.too_good=null", f"expected.accuracy.{override}"]
    with pytest.raises(ManifestError) as caught:
        resolve(load(FOLDER / "refinedet320-sample.yaml", figure), RunOptions(output=Path()))
    assert complaint in str(caught.value)


def test_a_figure_may_be_a_fraction() -> None:
    figure = "expected.accuracy={unit: fraction, value: 0.926, tolerance: {abs: 0.003}, too_good: null}"
    subset = "subsets=null"
    loaded = load(FOLDER / "refinedet320-sample.yaml", [figure, subset])
    assert resolve(loaded, RunOptions(output=Path())).manifest.expected.accuracy is not None


def test_no_figure_of_a_subset_is_made_up() -> None:
    for name in ("refinedet320", "refinedet512"):
        manifest = shipped(name).manifest
        assert {key: (each.size(4952), each.expected) for key, each in manifest.subsets.items()} == {"pr": (496, None)}
        assert manifest.uncertainty == Uncertainty(resamples=1000, seed=0, level=0.95)
        assert manifest.waivers == ()


def test_512_invents_nothing() -> None:
    loaded = shipped("refinedet512")
    manifest, base = loaded.manifest, shipped("refinedet320").manifest
    assert [path.name for path in loaded.sources] == ["refinedet512.yaml", "refinedet320.yaml"]
    assert (manifest.weights.url, manifest.weights.sha256) == (None, None)
    assert manifest.expected.accuracy is None
    assert manifest.expected.chips == {}
    assert (manifest.dataset, manifest.atc, manifest.benchmark) == (base.dataset, base.atc, base.benchmark)
    removed_at = int(loaded.locate(("expected",)).rpartition(":")[2])
    assert loaded.path.read_text().splitlines()[removed_at - 1] == "expected: null"


def test_sample_is_inside_the_package_and_gated() -> None:
    manifest = shipped("refinedet320-sample").manifest
    assert manifest.weights.url == "package:refinedet_plugin/sample/weights.pth"
    assert manifest.dataset.url == "package:refinedet_plugin/sample"
    assert manifest.dataset.samples >= 200
    assert isinstance(manifest.expected.accuracy, AccuracyExpectation)
    assert manifest.expected.accuracy.value >= 80
    assert manifest.expected.accuracy.too_good == TooGood(abs=0.31, then="inconclusive")
    (subset,) = manifest.subsets.values()
    assert isinstance(subset.expected, AccuracyFigure)
    assert (subset.size(manifest.dataset.samples), subset.expected.tolerance) == (60, Tolerance(abs=0.3))
    assert manifest.expected.chips == {}


def test_sample_classes_are_those_that_were_drawn() -> None:
    scenes = (FOLDER.parent / "tools" / "sample" / "scenes.py").read_text()
    config = load_plugin_config(shipped("refinedet320-sample"), RefineDetConfig)
    line = next(line for line in scenes.splitlines() if line.startswith("CLASSES"))
    assert yaml.safe_load(line.partition(" = ")[2].replace("(", "[").replace(")", "]")) == list(config.classes)
