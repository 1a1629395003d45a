"""Runs of a given ONNX file that keeps tensors in other files."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lab import Lab, redone
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.manifest.load import load
from zoo_runner.pack.pack import pack
from zoo_runner.stages.export.large_given import HASHES
from zoo_runner.stages.export.metadata import model_metadata
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import Listener

MANIFEST = "large.yaml"
MODEL = "net/model.onnx"


def write(folder: Path, *, scale: float = 1.0, location: str = "tensors/weight.bin", file: bool = True) -> Path:
    """Write the trial's network with its weight in another file, and all of it as an archive."""
    import onnx  # noqa: PLC0415 - half a second that most tests do not need
    from onnx import TensorProto, helper  # noqa: PLC0415 - likewise

    weight = onnx.TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[4, 4])
    weight.data_location = TensorProto.EXTERNAL
    content = (scale * np.eye(4, dtype=np.float32)).tobytes()
    for key, value in {"location": location, "offset": "0", "length": str(len(content))}.items():
        weight.external_data.add(key=key, value=value)
    node = helper.make_node("MatMul", ["numbers", "weight"], ["scores"], name="product")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("numbers", "scores")]
    made = helper.make_graph([node], "trial", values[:1], values[1:], [weight])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "net" / "tensors").mkdir(parents=True, exist_ok=True)
    (folder / MODEL).write_bytes(model.SerializeToString())
    if file:
        (folder / "net" / "tensors" / "weight.bin").write_bytes(content)
    with tarfile.open(folder / "net.tar", "w") as archive:
        archive.add(folder / "net", "net")
    return folder / "net.tar"


@pytest.fixture
def large(lab: Lab, tmp_path: Path) -> Lab:
    """The trial with such a network, in an archive."""
    lab.cache = tmp_path / "cache"
    write(lab.folder)
    (lab.folder / MANIFEST).write_text(f"extends: trial.yaml\nweights: {{url: net.tar, member: {MODEL}}}\n")
    return lab


def test_a_run_to_the_verdict(large: Lab) -> None:
    report = large(manifest=MANIFEST)
    assert (report.verdict.value, report.metrics[0].value) == ("pass", 100.0)
    (model,) = [each for each in report.artifacts if each.name == "onnx"]
    digest = hashlib.sha256((large.folder / "net" / "tensors" / "weight.bin").read_bytes()).hexdigest()
    assert json.loads(model_metadata(Path(model.path))[HASHES]) == {"tensors/weight.bin": digest}
    assert not redone(large(manifest=MANIFEST))


def test_other_tensors_are_another_model(large: Lab) -> None:
    first = large(manifest=MANIFEST)
    write(large.folder, scale=-1.0)
    other = large(manifest=MANIFEST)
    assert {"export", "infer"} <= redone(other)
    assert (first.verdict.value, other.verdict.value) == ("pass", "fail")


def test_tensors_that_change_in_the_store_are_not_used(large: Lab) -> None:
    report = large(manifest=MANIFEST)
    (model,) = [each for each in report.artifacts if each.name == "onnx"]
    kept = Path(model.path).parent / "tensors" / "weight.bin"
    kept.chmod(0o644)
    kept.write_bytes(bytes(64))
    again = large(manifest=MANIFEST)
    assert "export" in redone(again)
    assert again.metrics[0].value == 100.0


def test_a_file_without_an_archive_is_refused(large: Lab) -> None:
    report = large(f"weights.url={large.folder / MODEL}", "weights.member=null", manifest=MANIFEST)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert report.why[0].startswith("--set weights.url: weights.url: ")
    assert "put all of them into one archive, and name the model in it as weights.member" in report.why[0]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../weight.bin", "expected names of files below the model's folder, found '../weight.bin'"),
        ("/etc/passwd", "expected names of files below the model's folder, found '/etc/passwd'"),
        ("tensors/other.bin", "expected the file 'tensors/other.bin' beside the model in the archive, found none"),
        ("tensors", "expected the file 'tensors' beside the model in the archive, found none"),
    ],
)
def test_files_elsewhere(large: Lab, location: str, message: str) -> None:
    write(large.folder, location=location)
    report = large(manifest=MANIFEST)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert message in report.why[0]


def test_a_pack_has_all_files(large: Lab, listener: Listener) -> None:
    options = RunOptions(output=large.folder / "out", last=Stage.CONVERT)
    target = large.folder / "packed"
    pack(load(large.folder / MANIFEST), options, target, store=Store(large.cache), progress=listener)
    assert (target / "tensors" / "weight.bin").read_bytes() == np.eye(4, dtype=np.float32).tobytes()
    report = large(manifest="packed/manifest.yaml", data=large.folder / "data")
    assert report.metrics[0].value == 100.0
