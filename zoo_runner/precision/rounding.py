"""A graph with fp16 in it: pairs of Cast, fp32 -> fp16 -> fp32, around what computes in fp16, and rounded constants.

ONNX Runtime's CPU has no fp16 operators. A graph in fp16 would be computed in fp32 between casts of the runtime's own
choice, and be blind to overflow.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.precision.ascend import JOINED, LARGEST, MATRIX, MOVES, Overflow
from zoo_runner.precision.scan import MARK

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

    from zoo_runner.precision.dtypes import Dtypes
    from zoo_runner.precision.graph import FloatGraph

ALONE: Final = "each operator alone"
JOINING: Final = "matrix operators joined with the next"
BIAS: Final = 2
"""Which input of a matrix operator is the bias."""


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the ways in which a chip may compute a mode; which one it takes, nobody outside it knows.

    Attributes:
        overflow: What becomes of numbers that fp16 does not have.
        joined: A matrix operator adds its bias in fp32, and is rounded only after the operator behind it.
    """

    overflow: Overflow
    joined: bool = False

    @property
    def name(self) -> str:
        """The variant in words."""
        return f"{self.overflow.value}, {JOINING if self.joined else ALONE}"


@dataclass
class _Rounder:
    """Adds what rounds to a graph."""

    graph: FloatGraph
    dtypes: Dtypes
    variant: Variant
    model: onnx.ModelProto
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    rounded: set[str] = field(default_factory=set)
    """Tensors that hold fp16 numbers only."""
    copies: dict[str, str] = field(default_factory=dict)
    """Of tensors that are read in fp16 and in fp32: the rounded one."""

    def add(self, node: onnx.NodeProto) -> None:
        """Add an operator, its inputs and outputs rounded as its dtypes say."""
        halves = self.dtypes.halves.get(node.name)
        if halves is None:
            self.nodes.append(node)
            return
        for place, tensor in enumerate(node.input):
            if self.graph.holds(tensor) and halves.inputs[place] and not self._spared(node, place):
                node.input[place] = self._half(tensor)
        exact = node.op_type in MOVES and all(
            tensor in self.rounded for tensor in node.input if self.graph.holds(tensor)
        )
        outputs = [
            place
            for place, tensor in enumerate(node.output)
            if tensor and self.graph.holds(tensor) and halves.outputs[place]
        ]
        self.nodes.append(node)
        for place in outputs:
            self._round_output(node, place, exact=exact)

    def _round_output(self, node: onnx.NodeProto, place: int, *, exact: bool) -> None:
        tensor = node.output[place]
        if exact:
            self.rounded.add(tensor)
        elif not (self.variant.joined and self._is_joined(node)):
            node.output[place] = f"{MARK}/raw/{tensor}"
            self._round(node.output[place], tensor)

    def _spared(self, node: onnx.NodeProto, place: int) -> bool:
        """Say whether an input stays fp32: a bias, or what comes from the operator that this one is joined with."""
        if not self.variant.joined:
            return False
        if node.op_type in MATRIX and place >= BIAS:
            return True
        maker = self._makers.get(node.input[place])
        return maker is not None and self._is_joined(maker)

    def _is_joined(self, node: onnx.NodeProto) -> bool:
        """Say whether an operator's output is rounded only after the operator behind it."""
        if node.op_type not in MATRIX or node.output[0] in self.graph.outputs:
            return False
        readers = self._readers.get(node.output[0], ())
        return len(readers) == 1 and readers[0].op_type in JOINED

    def __post_init__(self) -> None:
        self._makers = {out: node for node in self.graph.nodes for out in node.output}
        self._readers: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.nodes:
            for tensor in node.input:
                self._readers.setdefault(tensor, []).append(node)

    def _half(self, tensor: str) -> str:
        """Return the name of a tensor's rounded numbers."""
        if tensor in self.rounded:
            return tensor
        if tensor not in self.copies:
            name = self.copies[tensor] = f"{MARK}/fp16/{tensor}"
            self.rounded.add(name)
            if tensor in self.graph.constants:
                self._constant(name, rounded(self.graph.constants[tensor], self.variant.overflow))
            else:
                self._round(tensor, name)
        return self.copies[tensor]

    def _constant(self, name: str, array: NDArray[Any]) -> None:
        import onnx  # noqa: PLC0415 - an optional extra

        self.model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))

    def _round(self, source: str, target: str) -> None:
        """Add what rounds one tensor to another."""
        import onnx  # noqa: PLC0415 - an optional extra

        make, begin = onnx.helper.make_node, f"{MARK}/round/{target}"
        if self.variant.overflow is Overflow.SATURATING:
            self.nodes += [
                make("IsNaN", [source], [f"{begin}/nan"]),
                make("Where", [f"{begin}/nan", ZERO, source], [f"{begin}/number"]),
                make("Min", [f"{begin}/number", MOST], [f"{begin}/below"]),
                make("Max", [f"{begin}/below", LEAST], [f"{begin}/within"]),
            ]
            source = f"{begin}/within"
        self.nodes += [
            make("Cast", [source], [f"{begin}/half"], to=onnx.TensorProto.FLOAT16),
            make("Cast", [f"{begin}/half"], [target], to=onnx.TensorProto.FLOAT),
        ]
        self.rounded.add(target)


ZERO: Final = f"{MARK}/zero"
MOST: Final = f"{MARK}/most"
LEAST: Final = f"{MARK}/least"


def rounded_graph(graph: FloatGraph, dtypes: Dtypes, variant: Variant) -> onnx.ModelProto:
    """Return a graph that computes in fp32 what the network would in the dtypes of a mode.

    What an operator does inside is not in it: its inputs and outputs are rounded, and it computes in fp32.
    """
    import onnx  # noqa: PLC0415 - an optional extra

    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    rounder = _Rounder(graph=graph, dtypes=dtypes, variant=variant, model=model)
    nodes = list(model.graph.node)
    for node in nodes:
        rounder.add(node)
    made = list(rounder.nodes)
    del model.graph.node[:]
    model.graph.node.extend(made)
    del model.graph.value_info[:]
    for name, number in ((ZERO, 0.0), (MOST, LARGEST), (LEAST, -LARGEST)):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(number, np.float32), name))
    _drop_unused(model)
    return model


def _drop_unused(model: onnx.ModelProto) -> None:
    """Leave out constants that only their rounded copies stand for now; not where inner graphs may read them."""
    if any(attribute.HasField("g") or attribute.graphs for node in model.graph.node for attribute in node.attribute):
        return
    used = {tensor for node in model.graph.node for tensor in node.input} | {each.name for each in model.graph.output}
    kept = [each for each in model.graph.initializer if each.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def rounded(array: NDArray[Any], overflow: Overflow) -> NDArray[np.float32]:
    """Round numbers to fp16, as a chip would: what is too large becomes Inf, or the greatest number."""
    with np.errstate(over="ignore"):
        halves = array.astype(np.float16).astype(np.float32)
    if overflow is Overflow.SATURATING:
        halves = np.nan_to_num(halves, nan=0.0, posinf=LARGEST, neginf=-LARGEST)
    return halves.astype(np.float32)
