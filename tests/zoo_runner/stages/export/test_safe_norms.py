"""L2 norms that fp16 can hold, and the proof that they are the same in fp32."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from norm_graphs import norm_model, write_norm
from zoo_runner.errors import ExportError
from zoo_runner.stages.export.safe_norms import BEFORE, FLOOR, l2_norms, make_safe

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NUMBERS = np.concatenate([np.random.default_rng(0).normal(0, 2, (50, 4)), np.zeros((1, 4))]).astype(np.float32)


def scores(path: Path) -> NDArray[Any]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["scores"], {"numbers": NUMBERS})[0])


def twice(model: onnx.ModelProto) -> onnx.ModelProto:
    """Add a second norm behind the first, which shares its constants."""
    again = {"large": "scores", "squares": "b2", "sum": "b3", "norm": "b4", "safe": "b5", "unit": "more"}
    for node in [each for each in model.graph.node if each.name in {"pow", "sum", "sqrt", "add", "div"}]:
        inputs = [again.get(name, name) for name in node.input]
        copy = helper.make_node(node.op_type, inputs, [again[node.output[0]]], name=f"{node.name}2")
        copy.attribute.extend(node.attribute)
        model.graph.node.append(copy)
    model.graph.output[0].name = "more"
    return model


@pytest.mark.parametrize("exponent", [1, 6, 16])
@pytest.mark.parametrize("scale", [1.0, 512.0])
def test_no_bit_changes(exponent: int, scale: float, tmp_path: Path) -> None:
    path = write_norm(tmp_path / "m.onnx", scale)
    before, expected = path.read_bytes(), scores(path)
    assert make_safe(path, exponent, "m.yaml:1") == 1
    assert scores(path).tobytes() == expected.tobytes()
    assert (tmp_path / BEFORE).read_bytes() == before


def test_what_is_written(tmp_path: Path) -> None:
    path = write_norm(tmp_path / "m.onnx")
    make_safe(path, 6, "")
    model = onnx.load(path)
    numbers = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    assert [numbers[f"div_safe_{name}"].item() for name in ("factor", "epsilon", "floor")] == [
        2.0**-6,
        float(np.float32(1e-10) * np.float32(2.0**-6)),
        FLOOR,
    ]
    inputs = {node.name: list(node.input) for node in model.graph.node if node.name}
    assert inputs["pow"] == ["div_safe_scaled", "two"]
    assert inputs["div_safe_Mul"] == ["large", "div_safe_factor"]
    assert inputs["add"] == ["norm", "div_safe_epsilon"]
    assert inputs["div_safe_Max"] == ["safe", "div_safe_floor"]
    assert inputs["div"] == ["div_safe_scaled", "div_safe_floored"]


def test_all_norms_are_changed(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save(twice(norm_model()), path)
    assert make_safe(path, 6, "") == 2
    inputs = {node.name: list(node.input) for node in onnx.load(path).graph.node}
    assert (inputs["add"][1], inputs["add2"][1]) == ("div_safe_epsilon", "div2_safe_epsilon")
    assert (inputs["div"][0], inputs["div2"][0]) == ("div_safe_scaled", "div2_safe_scaled")


def times_itself(model: onnx.ModelProto) -> None:
    (node,) = [each for each in model.graph.node if each.name == "pow"]
    node.op_type, node.input[1] = "Mul", node.input[0]


def swapped(model: onnx.ModelProto) -> None:
    (node,) = [each for each in model.graph.node if each.name == "add"]
    node.input[:] = [node.input[1], node.input[0]]


def cubed(model: onnx.ModelProto) -> None:
    (node,) = [each for each in model.graph.node if each.name == "two"]
    node.attribute[0].t.CopyFrom(onnx.numpy_helper.from_array(np.float32(3).reshape(()), "two"))


def read_elsewhere(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["sum"], ["more"], name="more"))


def of_another(model: onnx.ModelProto) -> None:
    (node,) = [each for each in model.graph.node if each.name == "div"]
    node.input[0] = "numbers"


@pytest.mark.parametrize(
    ("change", "norms"), [(times_itself, 1), (swapped, 1), (cubed, 0), (read_elsewhere, 0), (of_another, 0)]
)
def test_what_is_an_l2_norm(change: Any, norms: int, tmp_path: Path) -> None:
    model = norm_model()
    change(model)
    assert len(list(l2_norms(model))) == norms
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    if norms:
        expected = scores(path)
        make_safe(path, 6, "")
        assert scores(path).tobytes() == expected.tobytes()
        return
    with pytest.raises(ExportError, match=r"m\.yaml:3: onnx\.safe_l2_norm: expected a network with an L2 norm, "):
        make_safe(path, 6, "m.yaml:3")
