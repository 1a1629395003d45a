"""A published ONNX file runs in the place of an export only if it is one of these weights by this code."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lab import Lab, other_weights
from zoo_runner.report.model import Report, Verdict
from zoo_runner.stages.export import model as exported_model
from zoo_runner.stages.export import origin, published
from zoo_runner.stages.export.origin import CODE, NETWORK, OPTIONS, WEIGHTS

onnx = pytest.importorskip("onnx")
pytestmark = pytest.mark.slow  # whole runs of the command

Change = Callable[[Any], object]
EXPECTED = "expected an export of these weights by this code, found another:"
PUBLISH = (
    "publish a new export (zoo-run pack MANIFEST --export writes one), or leave out onnx.url: then the run exports by "
    "itself"
)


@pytest.fixture
def model(lab: Lab) -> Path:
    """An export of the trial's weights, beside the manifest."""
    target = lab.folder / "published.onnx"
    shutil.copyfile(onnx_of(lab()), target)
    return target


def onnx_of(report: Report) -> Path:
    return Path(next(item.path for item in report.artifacts if item.name == "onnx"))


def overrides(model: Path) -> tuple[str, ...]:
    return (f"onnx.url={model}", f"onnx.sha256={hashlib.sha256(model.read_bytes()).hexdigest()}")


def changed(path: Path, change: Change) -> None:
    model = onnx.load(path)
    change(model)
    onnx.save(model, path)


def saying(name: str, text: str) -> Change:
    def change(model: Any) -> None:
        onnx.helper.set_model_props(model, {item.key: item.value for item in model.metadata_props} | {name: text})

    return change


def test_it_is_what_runs_and_is_compared_with_an_export(lab: Lab, model: Path) -> None:
    report = lab(*overrides(model))
    assert report.verdict is Verdict.PASS
    (artifact,) = (item for item in report.artifacts if item.name == "onnx")
    assert (artifact.sha256, artifact.origin) == (hashlib.sha256(model.read_bytes()).hexdigest(), str(model))
    said = "a new export and the published ONNX differ by at most 0.0e+00 (relative)"
    assert f"export: {said}" in lab.listener.heard
    again = lab(*overrides(model))
    assert next(stage for stage in again.stages if stage.name == "export").why == f"unchanged; {said}"


@pytest.mark.parametrize(
    ("change", "text"),
    [
        pytest.param(
            saying(WEIGHTS, "0" * 64), f"the weights' sha256: expected WEIGHTS, found {'0' * 64}", id="weights"
        ),
        pytest.param(saying(NETWORK, "9"), "what plugin.config says of the network: expected 4, found 9", id="network"),
        pytest.param(saying(CODE, "old"), "the sha256 of the code of the network: expected CODE, found old", id="code"),
        pytest.param(
            saying(OPTIONS, "{}"),
            'the section onnx: expected {"dynamic_batch": true, "exporter": "torchscript", "opset": 17, '
            '"simplify": false}, found {}',
            id="options",
        ),
        pytest.param(
            lambda model: model.ClearField("metadata_props"),
            "the weights' sha256: expected WEIGHTS, found nothing",
            id="silent",
        ),
    ],
)
@pytest.mark.long_rows("silent", "network", "options")
def test_one_of_another_origin_is_refused(lab: Lab, model: Path, change: Change, text: str) -> None:
    own = {item.key: item.value for item in onnx.load(model).metadata_props}
    changed(model, change)
    report = lab(*overrides(model))
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    first, *lines, last = report.why[0].split("\n")
    assert first == f"--set onnx.url: onnx.url: {model}: {EXPECTED}"
    assert f"  {text.replace('WEIGHTS', own[WEIGHTS]).replace('CODE', own[CODE])}" in lines
    assert last == PUBLISH


def doubled(model: Any) -> None:
    weights = next(tensor for tensor in model.graph.initializer if len(tensor.dims) == 2)
    values = onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(values * 2, weights.name))


def test_one_that_computes_something_else_is_refused(lab: Lab, model: Path) -> None:
    changed(model, doubled)
    report = lab(*overrides(model))
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert report.why[0].startswith(
        "the published ONNX does not compute what these weights do; a new export differs from it in scores by "
    )
    assert report.why[0].endswith("at most 0.001 is allowed; publish a new export, or leave out onnx.url")


def test_one_that_keeps_tensors_in_other_files_is_refused(lab: Lab, model: Path) -> None:
    loaded = onnx.load(model)
    onnx.save(loaded, model, save_as_external_data=True, location="tensors.bin", size_threshold=0)
    report = lab(*overrides(model))
    assert report.exit_code == 3
    assert report.why[0].endswith("expected a model in one file, found one that keeps tensors in other files")


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_one_that_is_no_model_is_refused(lab: Lab, model: Path, content: bytes) -> None:
    model.write_bytes(content)
    report = lab(*overrides(model))
    assert report.exit_code == 3
    assert f"onnx.url: {model}: expected an ONNX model, found a" in report.why[0]


def test_of_other_weights_it_is_not(lab: Lab, model: Path) -> None:
    report = lab(*overrides(model), weights=str(other_weights(lab)))
    assert onnx_of(report).read_bytes() != model.read_bytes()
    assert "torch and ONNX Runtime differ" in next(stage for stage in report.stages if stage.name == "export").why


def test_the_weights_of_the_manifest_may_be_given_too(lab: Lab, model: Path) -> None:
    weights = lab.folder / "weights.pth"
    pinned = f"weights.sha256={hashlib.sha256(weights.read_bytes()).hexdigest()}"
    report = lab(*overrides(model), pinned, weights=str(weights))
    assert onnx_of(report).read_bytes() == model.read_bytes()


@pytest.mark.long
def test_at_another_fixed_batch_size_it_is_not(lab: Lab, model: Path) -> None:
    fixed = ("onnx.dynamic_batch=false", "benchmark.batch=[8]")
    shutil.copyfile(onnx_of(lab(*fixed)), model)
    assert onnx_of(lab(*fixed, *overrides(model))).read_bytes() == model.read_bytes()
    other = lab(*fixed, *overrides(model), batch_size=4)
    assert other.verdict is Verdict.PASS
    assert onnx_of(other).read_bytes() != model.read_bytes()
    wrong = lab(*fixed, *overrides(model), "infer.batch=4", "benchmark.batch=[4]")
    assert '"batch": 4' in wrong.why[0]


def without_torch(name: str) -> Any:
    return None if name == "torch" else find_spec(name)


def test_without_torch_it_runs_and_says_that_it_was_not_compared(
    lab: Lab, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(published, "find_spec", without_torch)
        report = lab(*overrides(model))
    said = (
        "the published ONNX says that it is of these weights and this network; it was not compared with them, which "
        "needs torch: pip install 'zoo-runner[export]' --extra-index-url https://download.pytorch.org/whl/cpu"
    )
    assert report.verdict is Verdict.PASS
    assert report.remarks == ("the published ONNX was not compared with the weights",)
    assert f"export: {said}" in lab.listener.heard
    assert next(stage for stage in report.stages if stage.name == "export").why == said
    compared = lab(*overrides(model))
    assert compared.remarks == ()
    assert "a new export and " in next(stage for stage in compared.stages if stage.name == "export").why


def test_without_torch_it_is_not_reused_once_the_code_of_the_network_is_another(
    lab: Lab, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "find_spec", without_torch)
    assert lab(*overrides(model)).verdict is Verdict.PASS
    for module in (origin, exported_model):  # without torch that code is in no record, for nothing loads it
        monkeypatch.setattr(module, "network_code", lambda _recipe: "another", raising=False)
    report = lab(*overrides(model))
    assert (report.verdict, report.exit_code) == (Verdict.ERROR, 3)
    assert "the sha256 of the code of the network: expected another, found " in report.why[0]
