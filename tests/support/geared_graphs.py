"""Graphs with open axes whose outputs tell a transposed input from the right one, and what they must give."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from zoo_runner.plugin.interfaces import Arrays, TensorSpec

IMAGE: Final = TensorSpec("image", "float32", ("batch", 3, "height", "width"))
IMAGE_OUTPUTS: Final = (
    TensorSpec("rows", "float32", ("batch", 3, "height")),
    TensorSpec("columns", "float32", ("batch", 3, "width")),
    TensorSpec("mean", "float32", ("batch", 3)),
)
TEXT: Final = (TensorSpec("ids", "int64", ("batch", "length")), TensorSpec("mask", "int64", ("batch", "length")))
TEXT_OUTPUTS: Final = (
    TensorSpec("scores", "float32", ("batch", "length")),
    TensorSpec("found", "int64", ("batch", "hits", 2)),
)
"""The second has an axis of its own: the places of ids that the mask leaves; for one sample a call."""


def image_graph(path: Path, height: int | str = "height", width: int | str = "width") -> Path:
    """Write sums along one axis, along the other one, and the mean of both."""
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, height, width])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, *last])
        for name, last in (("rows", [height]), ("columns", [width]), ("mean", []))
    ]
    axes = [onnx.numpy_helper.from_array(np.array([axis]), f"axis{axis}") for axis in (2, 3)]
    nodes = [
        helper.make_node("ReduceSum", ["image", "axis3"], ["rows"], name="/rows", keepdims=0),
        helper.make_node("ReduceSum", ["image", "axis2"], ["columns"], name="/columns", keepdims=0),
        helper.make_node("ReduceMean", ["image"], ["mean"], name="/mean", axes=[2, 3], keepdims=0),
    ]
    return _saved(path, nodes, [image], outputs, axes)


def text_graph(path: Path) -> Path:
    """Write the masked ids, and where they are not zero."""
    inputs = [helper.make_tensor_value_info(spec.name, TensorProto.INT64, list(spec.shape)) for spec in TEXT]
    outputs = [
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", "length"]),
        helper.make_tensor_value_info("found", TensorProto.INT64, [1, "hits", 2]),
    ]
    nodes = [
        helper.make_node("Mul", ["ids", "mask"], ["left"], name="/left"),
        helper.make_node("Cast", ["left"], ["scores"], name="/scores", to=TensorProto.FLOAT),
        helper.make_node("NonZero", ["left"], ["places"], name="/places"),
        helper.make_node("Transpose", ["places"], ["pairs"], name="/pairs", perm=[1, 0]),
        helper.make_node("Unsqueeze", ["pairs", "axis0"], ["found"], name="/found"),
    ]
    return _saved(path, nodes, inputs, outputs, [onnx.numpy_helper.from_array(np.array([0]), "axis0")])


def _saved(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto],
) -> Path:
    graph = helper.make_graph(nodes, "open", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def images(batch: int, height: int, width: int) -> Arrays:
    """Return a batch in which no two numbers are the same."""
    size = batch * 3 * height * width
    return {"image": np.arange(1, size + 1, dtype=np.float32).reshape(batch, 3, height, width)}


def text(length: int, hits: int) -> Arrays:
    """Return one sample of which the last places are not zero."""
    ids = np.arange(length, dtype=np.int64)[None] + 1
    return {"ids": ids, "mask": (np.arange(length) >= length - hits).astype(np.int64)[None]}


def computed(graph: Path, inputs: Arrays) -> dict[str, np.ndarray]:
    """Return what a graph gives by itself."""
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))
