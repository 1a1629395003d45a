"""Graphs as precision sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from norm_graphs import norm_model, write_norm
from zoo_runner.errors import ExportError
from zoo_runner.precision.graph import read_float_graph


def test_constants_and_numbers(tmp_path: Path) -> None:
    graph = read_float_graph(write_norm(tmp_path / "m.onnx"))
    assert [node.name for node in graph.nodes] == ["product", "pow", "sum", "sqrt", "add", "div", "relu"]
    assert {name: array.dtype for name, array in graph.constants.items()} == dict.fromkeys(
        ("weight", "two", "epsilon"), np.dtype(np.float32)
    )
    assert (graph.inputs, graph.outputs, graph.notes) == (("numbers",), frozenset({"scores"}), ())
    assert not graph.holds("axes")
    assert [node.name for node in graph.consumers("large")] == ["pow", "div"]
    assert graph.operators == graph.nodes


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    model = norm_model()
    for name in ("unit", "odd", "odder", "oddest"):
        model.graph.node.append(helper.make_node("Odd", ["unit"], [f"{name}_out"], domain="own", name=name))
    model.graph.node[-1].name = ""
    model.graph.node.append(helper.make_node("Cast", ["unit"], ["double"], to=TensorProto.DOUBLE, name="cast"))
    model.opset_import.append(helper.make_opsetid("own", 1))
    onnx.save(model, tmp_path / "m.onnx")
    unknown, doubles, unnamed = read_float_graph(tmp_path / "m.onnx").notes
    assert unknown == "4 operators are left out, as nothing tells their dtypes: unit, odd, odder and 1 more"
    assert doubles == "1 tensors of fp64 are left out: double"
    assert unnamed.startswith("1 operators had no name, which keep_dtype needs; ")


def in_halves(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Cast", ["unit"], ["half"], to=TensorProto.FLOAT16, name="cast"))


def of_old(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 9


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            in_halves,
            r"expected an fp32 network, found fp16 or bf16 tensors in it, such as half: .*; give the fp32",
        ),
        (of_old, r"expected opset 11 or newer, found 9; export it again, with onnx\.opset"),
    ],
)
def test_graphs_that_cannot_be_looked_at(change: object, text: str, tmp_path: Path) -> None:
    model = norm_model()
    assert callable(change)
    change(model)
    onnx.save(model, tmp_path / "m.onnx")
    with pytest.raises(ExportError, match=text):
        read_float_graph(tmp_path / "m.onnx")


def test_no_graph_at_all(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"no model")
    with pytest.raises(ExportError, match=r"m\.onnx: expected an ONNX model, found none"):
        read_float_graph(tmp_path / "m.onnx")
