"""The trial's network as ONNX with an L2 norm in it, whose squares pass what fp16 has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

EPSILON = 1e-10
LARGE = 512.0
"""A factor with which the trial's numbers, up to 2, have squares beyond 65504."""


def norm_model(scale: float = LARGE, *, constants: bool = True) -> onnx.ModelProto:
    """Return a network whose scores are the numbers times ``scale``, divided by their length.

    Args:
        scale: Of what the norm is taken.
        constants: Whether the numbers beside the network's are nodes; by default they are, as torch writes them.
    """
    numbers = {"two": np.float32(2.0), "epsilon": np.float32(EPSILON), "weight": scale * np.eye(4, dtype=np.float32)}
    tensors = {name: numpy_helper.from_array(np.asarray(number), name) for name, number in numbers.items()}
    nodes = [
        *([helper.make_node("Constant", [], [name], name=name, value=tensors[name]) for name in ("two", "epsilon")]),
        helper.make_node("MatMul", ["numbers", "weight"], ["large"], name="product"),
        helper.make_node("Pow", ["large", "two"], ["squares"], name="pow"),
        helper.make_node("ReduceSum", ["squares", "axes"], ["sum"], name="sum", keepdims=1),
        helper.make_node("Sqrt", ["sum"], ["norm"], name="sqrt"),
        helper.make_node("Add", ["norm", "epsilon"], ["safe"], name="add"),
        helper.make_node("Div", ["large", "safe"], ["unit"], name="div"),
        helper.make_node("Relu", ["unit"], ["scores"], name="relu"),
    ]
    kept = nodes if constants else nodes[2:]
    initial = [tensors["weight"], numpy_helper.from_array(np.array([1]), "axes")]
    initial += [] if constants else [tensors["two"], tensors["epsilon"]]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 4]) for name in ("numbers", "scores")]
    graph = helper.make_graph(kept, "norm", ends[:1], ends[1:], initial)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def write_norm(path: Path, scale: float = LARGE) -> Path:
    """Write the network to a file."""
    onnx.save(norm_model(scale), path)
    return path
