"""``onnx.check: none``: graphs that only the target runs; what was not checked stands beside the verdict."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from lab import Lab, redone
from this_host import enter
from zoo_runner.errors import ExitCode
from zoo_runner.job.options import Stage
from zoo_runner.stages.export.declared import UNCHECKED
from zoo_runner.testing import stand_in_environment

NONE = "onnx.check=none"


def graph(
    path: Path,
    *,
    domain: str = "target",
    name: str = "numbers",
    dtype: int = TensorProto.FLOAT,
    shape: tuple[str | int, ...] = ("batch", 4),
    output: tuple[str | int, ...] | None = ("batch", 4),
) -> Path:
    """Write a graph of one operator, which in the domain ``target`` nobody here knows."""
    node = helper.make_node("Softmax", [name], ["scores"], name="own", domain=domain)
    inputs = [helper.make_tensor_value_info(name, dtype, shape)]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, output)]
    sets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
    onnx.save(helper.make_model(helper.make_graph([node], "own", inputs, outputs), opset_imports=sets), path)
    return path


@pytest.fixture
def given(lab: Lab) -> Lab:
    (lab.folder / "trial.yaml").write_text((lab.folder / "trial.yaml").read_text().replace("weights.pth", "model.onnx"))
    return lab


def test_what_onnx_runtime_can_run_is_scored_with_a_remark(given: Lab, tmp_path: Path) -> None:
    given.cache = tmp_path / "cache"
    graph(given.folder / "model.onnx", domain="")
    first = given(NONE)
    assert (first.verdict.value, first.metrics[0].value, first.remarks) == ("pass", 100.0, (UNCHECKED,))
    (why,) = [stage.why for stage in first.stages if stage.name == "export"]
    assert why.startswith("onnx.check is none: names, types and shapes of the tensors are the manifest's")
    again = given(NONE)
    assert (redone(again), again.remarks) == (set(), (UNCHECKED,))
    checked = given()  # nothing that was not checked is taken for what was
    assert ("export" in redone(checked), checked.remarks) == (True, ())


def test_an_operator_of_the_target(given: Lab) -> None:
    graph(given.folder / "model.onnx")
    report = given()
    assert "the given ONNX does not fit the manifest: ONNX Runtime" in report.why[0]
    report = given(NONE)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert report.why[0].startswith(
        "--set onnx.check: onnx.check: none is for graphs that only the target runs, and the backend onnxruntime "
        "cannot run this one: ONNX Runtime "
    )
    assert report.why[0].endswith("; give the target's --backend")
    assert UNCHECKED in report.remarks


@pytest.mark.parametrize(
    ("made", "overrides", "text"),
    [
        pytest.param({"name": "values"}, (), "it has no input 'numbers', only values", id="name"),
        pytest.param({"name": "values"}, (), "it also takes values; name every input in the manifest", id="another"),
        pytest.param({"dtype": TensorProto.INT8}, (), "found numbers int8[batch, 4]", id="type"),
        pytest.param({"shape": ("batch", 5)}, (), "found numbers float32[batch, 5]", id="size"),
        pytest.param({"shape": ("batch", 4, 1)}, (), "found numbers float32[batch, 4, 1]", id="axes"),
        pytest.param({"shape": (2, 4)}, (), "found numbers float32[2, 4]", id="fixed-batch"),
        pytest.param(
            {"shape": (2, 4)}, ("onnx.dynamic_batch=false", "benchmark.batch=[8]"), "[8, 4]", id="another-batch"
        ),
        pytest.param({"output": ("batch", 3)}, (), "found scores float32[batch, 3]", id="output"),
    ],
)
@pytest.mark.long_rows("another", "size", "name")
def test_what_the_file_tells_is_held_against_the_manifest(
    given: Lab, made: dict[str, object], overrides: tuple[str, ...], text: str
) -> None:
    graph(given.folder / "model.onnx", **made)  # type: ignore[arg-type] # one table for all
    report = given(NONE, *overrides, last=Stage.EXPORT)
    assert report.exit_code == ExitCode.STAGE_FAILED
    assert "model.onnx does not fit the manifest: " in report.why[0]
    assert text in report.why[0]


def test_no_model_at_all(given: Lab) -> None:
    (given.folder / "model.onnx").write_bytes(b"\x08\x08garbage")
    assert "model.onnx: expected an ONNX model, found a file " in given(NONE, last=Stage.EXPORT).why[0]


def test_an_export_is_made_and_not_compared(lab: Lab) -> None:
    report = lab(NONE)
    assert (report.verdict.value, report.metrics[0].value, report.remarks) == ("pass", 100.0, (UNCHECKED,))
    assert "export" in redone(report)


@pytest.mark.slow
def test_an_operator_of_the_target_comes_to_the_conversion(
    given: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ATC's stand-in knows no operators of the target, and says so: until there nothing is in the way."""
    environment = stand_in_environment(tmp_path / "host", devices=1)
    enter(environment, monkeypatch)
    graph(given.folder / "model.onnx")
    report = given(NONE, backend="ascend", last=Stage.CONVERT)
    assert {stage.name: stage.why for stage in report.stages}["convert"] == "failed"
    assert "atc" in report.why[0]
    assert UNCHECKED in report.remarks
    graph(given.folder / "model.onnx", domain="")
    report = given(NONE, backend="ascend", last=Stage.CONVERT)
    assert (report.exit_code, report.remarks) == (ExitCode.PASS, (UNCHECKED,))
