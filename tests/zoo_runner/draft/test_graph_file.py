"""The tensors of an ONNX file as a manifest has them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import pytest
from onnx import TensorProto, helper

from zoo_runner.draft.graph_file import graph_file
from zoo_runner.errors import ExportError, UsageError
from zoo_runner.plugin.interfaces import TensorSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    Shape = Sequence[int | str]


def written(path: Path, shape: Shape, kind: int = TensorProto.FLOAT, other: Shape | None = None) -> Path:
    tensors = [helper.make_tensor_value_info(name, kind, size) for name, size in (("x", shape), ("y", other or shape))]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", tensors[:1], tensors[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def test_an_open_batch(tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", ["n", 3, 8])
    found = graph_file(path)
    assert found.inputs == (TensorSpec("x", "float32", ("batch", 3, 8)),)
    assert found.outputs == (TensorSpec("y", "float32", ("batch", 3, 8)),)
    assert (found.size, len(found.sha256), found.sections) == (path.stat().st_size, 64, {})


def test_a_fixed_batch_says_so(tmp_path: Path) -> None:
    found = graph_file(written(tmp_path / "a.onnx", [4, 3], TensorProto.UINT8))
    assert found.inputs == (TensorSpec("x", "uint8", ("batch", 3)),)
    assert found.sections == {"onnx": {"dynamic_batch": False}, "infer": {"batch": 4}, "benchmark": {"batch": [4]}}


def test_a_person_has_to_write_what_has_no_batch_axis(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected tensors with a batch axis and fixed sizes, found x tensor"):
        graph_file(written(tmp_path / "a.onnx", []))


def test_open_axes_get_names_and_are_refused_where_the_plugin_says_no_sizes(tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", ["n", 3, "Dynamic.Dim-1", "7x"], other=["n", 3, "width", 4])
    found = graph_file(path)
    assert found.inputs[0].shape == ("batch", 3, "dynamic_dim_1", "axis_7x")
    assert found.outputs[0].shape == ("batch", 3, "width", 4)
    with pytest.raises(UsageError, match=r"fixed sizes, found x float32\[batch, 3, dynamic_dim_1, axis_7x\]"):
        found.require_sizes(path)
    graph_file(written(tmp_path / "b.onnx", ["n", 3])).require_sizes(path)


def test_what_is_no_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"weights")
    with pytest.raises(ExportError, match="expected an ONNX model, ONNX Runtime says: "):
        graph_file(tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="expected an ONNX file, found none: No such file or directory"):
        graph_file(tmp_path / "b.onnx")
    with pytest.raises(UsageError, match="expected an ONNX file, found a folder"):
        graph_file(tmp_path)
