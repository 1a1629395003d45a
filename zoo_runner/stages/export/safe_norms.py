"""L2 norms that fp16 can hold: ``onnx.safe_l2_norm`` scales what they square, and what they divide.

The sum of squares of a long vector passes what fp16 has long before the vector itself does, and an epsilon such as
1e-10 is 0 there. Scaled by a power of two, fp32 gives the same bits: scaling is exact, unless numbers become so small
that bits are lost. So it is proven on real inputs, and never taken for granted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx
    from numpy.typing import NDArray

BEFORE: Final = "before_safe_norms.onnx"
"""The graph as it was, beside the one that was changed: what that is compared with."""
FLOOR: Final = 2.0**-24
"""The least positive fp16 number, below which no norm divides."""
MARK: Final = "safe"
"""Ends the names of what is added, after that of the operator that divides."""


@dataclass(frozen=True, kw_only=True)
class L2Norm:
    """The operators of ``x / (sqrt(sum(x ** 2)) + epsilon)``, and its tensors."""

    square: onnx.NodeProto
    sum: onnx.NodeProto
    root: onnx.NodeProto
    add: onnx.NodeProto
    divide: onnx.NodeProto
    epsilon: NDArray[Any]

    @property
    def source(self) -> str:
        """What is normalised."""
        return str(self.divide.input[0])


def make_safe(path: Path, exponent: int, where: str) -> int:
    """Change the L2 norms of a graph, in its place; what it was is kept beside it.

    Args:
        path: The graph.
        exponent: What is squared is scaled by 2 to minus this.
        where: Names the manifest's key in errors.

    Returns:
        How many norms it has.

    Raises:
        ExportError: It has none.
    """
    import onnx  # noqa: PLC0415 - an optional extra

    model = onnx.load(path)
    norms = tuple(l2_norms(model))
    if not norms:
        raise ExportError(
            f"{where}: onnx.safe_l2_norm: expected a network with an L2 norm, x / (sqrt(sum(x ** 2)) + epsilon), found "
            "none in the exported graph; remove it"
        )
    before = path.read_bytes()
    added: dict[str, onnx.NodeProto] = {}
    for norm in norms:
        added |= _scale(model.graph, norm, exponent)
    _insert(model.graph, added)
    onnx.checker.check_model(model)
    path.with_name(BEFORE).write_bytes(before)
    path.write_bytes(model.SerializeToString(deterministic=True))
    return len(norms)


def l2_norms(model: onnx.ModelProto) -> Iterator[L2Norm]:
    """Yield the L2 norms of a graph whose intermediate numbers nothing else reads."""
    graph = model.graph
    makers = {out: node for node in graph.node for out in node.output}
    read = [tensor for node in graph.node for tensor in node.input] + [each.name for each in graph.output]
    numbers = _constants(model)

    def made_by(tensor: str, *operators: str) -> onnx.NodeProto | None:
        """Return what makes a tensor that is read once, if it is one of these operators."""
        node = makers.get(tensor)
        return node if node is not None and node.op_type in operators and read.count(tensor) == 1 else None

    for divide in graph.node:
        add = made_by(divide.input[1], "Add") if divide.op_type == "Div" else None
        if add is None:
            continue
        for place in (0, 1):
            epsilon = numbers.get(add.input[1 - place])
            root = made_by(add.input[place], "Sqrt")
            total = made_by(root.input[0], "ReduceSum") if root is not None else None
            square = made_by(total.input[0], "Pow", "Mul") if total is not None else None
            if epsilon is None or root is None or total is None or square is None:
                continue
            if _squares(square, divide.input[0], numbers) and epsilon.size == 1:
                yield L2Norm(square=square, sum=total, root=root, add=add, divide=divide, epsilon=epsilon)


def _squares(node: onnx.NodeProto, tensor: str, numbers: Mapping[str, NDArray[Any]]) -> bool:
    """Say whether an operator squares a tensor."""
    if node.op_type == "Mul":
        return list(node.input) == [tensor, tensor]
    power = numbers.get(node.input[1])
    return node.input[0] == tensor and power is not None and power.size == 1 and float(power.reshape(())) == 2.0  # noqa: PLR2004 - a square


def _constants(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Return the constants of one number, by tensor, wherever they stand."""
    import onnx  # noqa: PLC0415 - an optional extra

    found = {each.name: each for each in model.graph.initializer if not each.dims or list(each.dims) == [1]}
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = node.attribute[0].t
    return {name: onnx.numpy_helper.to_array(tensor) for name, tensor in found.items()}


def _scale(graph: onnx.GraphProto, norm: L2Norm, exponent: int) -> dict[str, onnx.NodeProto]:
    """Scale what a norm squares and divides, and its epsilon; what it divides by is at least the floor.

    Returns:
        The operators to add, each by the output of the operator before which it stands.
    """
    import onnx  # noqa: PLC0415 - an optional extra

    begin = f"{norm.divide.name or norm.divide.output[0]}_{MARK}"
    factor = np.array(2.0**-exponent, np.float32)
    epsilon = norm.epsilon.astype(np.float32) * factor
    for name, array in (("factor", factor), ("epsilon", epsilon), ("floor", np.array(FLOOR, np.float32))):
        graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array, np.float32), f"{begin}_{name}"))
    source, scaled, floored = norm.source, f"{begin}_scaled", f"{begin}_floored"
    for node, places in ((norm.square, (0, 1) if norm.square.op_type == "Mul" else (0,)), (norm.divide, (0,))):
        for place in places:
            node.input[place] = scaled
    norm.add.input[1 - list(norm.add.input).index(norm.root.output[0])] = f"{begin}_epsilon"
    norm.divide.input[1] = floored
    make = onnx.helper.make_node
    multiply = make("Mul", [source, f"{begin}_factor"], [scaled], name=f"{begin}_Mul")
    floor = make("Max", [norm.add.output[0], f"{begin}_floor"], [floored], name=f"{begin}_Max")
    return {norm.square.output[0]: multiply, norm.divide.output[0]: floor}


def _insert(graph: onnx.GraphProto, added: Mapping[str, onnx.NodeProto]) -> None:
    """Put operators where they stand; nodes that were found in the graph before are copies afterwards."""
    nodes = []
    for node in graph.node:
        before = added.get(node.output[0])
        nodes += [node] if before is None else [before, node]
    del graph.node[:]
    graph.node.extend(nodes)
