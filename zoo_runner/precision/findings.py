"""What the ranges mean for fp16: what overflows or comes near, what becomes 0 or divides by 0; and what to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.precision.ascend import LARGEST, MATRIX, SMALLEST, ascend_type
from zoo_runner.precision.scan import divisors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import onnx

    from zoo_runner.precision.graph import FloatGraph
    from zoo_runner.precision.scan import Ranges

NEAR: Final = 8.0
"""How many times as large as what was seen a number must be, not to be near the greatest one of fp16."""
GIVEN: Final = "(input)"
"""What stands for the operator of a tensor that the network is given."""


@dataclass(frozen=True, kw_only=True)
class LargeTensor:
    """A tensor with numbers that fp16 does not have, or nearly.

    Attributes:
        node: The operator that computes it.
        operator: ONNX's type of that.
        tensor: Its name.
        largest: The largest magnitude that was seen.
        readers: The operators that read it.
    """

    node: str
    operator: str
    tensor: str
    largest: float
    readers: tuple[str, ...]

    @property
    def overflows(self) -> bool:
        """Whether fp16 has no such number."""
        return not self.largest <= LARGEST

    @property
    def ascend_type(self) -> str:
        """What Ascend probably calls the operator."""
        return ascend_type(self.operator)


@dataclass(frozen=True, kw_only=True)
class LostConstant:
    """A constant that is 0, or too large, in fp16.

    Attributes:
        tensor: Its name.
        value: The number that is lost; of several the largest magnitude.
        becomes: What it is in fp16: ``0`` or ``Inf``.
        readers: The operators that read it.
    """

    tensor: str
    value: float
    becomes: str
    readers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Divisor:
    """A tensor that something is divided by, and that can be 0 in fp16.

    Attributes:
        node: The operator that computes it.
        tensor: Its name.
        least: The least magnitude that was seen in fp32.
        readers: The operators that divide by it.
        why: What can make it 0.
    """

    node: str
    tensor: str
    least: float
    readers: tuple[str, ...]
    why: str


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the range scan found.

    Attributes:
        large: Tensors that overflow, and then those that come near, the largest first.
        constants: Constants that are lost.
        partial: How many numbers of other constants become 0, by tensor.
        divisors: What can be 0.
        draft: The lines of a ``keep_dtype`` file that keeps all of it in fp32: operators by name.
        matrix: Those of the draft that are matrix operators, which some chips have in fp16 only.
    """

    large: tuple[LargeTensor, ...]
    constants: tuple[LostConstant, ...]
    partial: Mapping[str, int]
    divisors: tuple[Divisor, ...]
    draft: tuple[str, ...]
    matrix: tuple[str, ...]

    @property
    def overflowing(self) -> tuple[LargeTensor, ...]:
        """Tensors with numbers that fp16 does not have."""
        return tuple(each for each in self.large if each.overflows)


def findings_of(graph: FloatGraph, ranges: Ranges) -> Findings:
    """Return what ranges mean for fp16."""
    makers = {out: node for node in graph.nodes for out in node.output}
    large = sorted(_large(graph, ranges, makers), key=lambda each: -each.largest)
    constants = tuple(_lost(graph))
    zero = tuple(_divisors(graph, ranges, makers, {each.tensor for each in constants if each.becomes == "0"}))
    kept = {name for each in large if each.overflows for name in (each.node, *each.readers)}
    kept |= {name for each in zero for name in (each.node, *each.readers)}
    kept |= {name for each in constants if each.becomes != "0" for name in each.readers}
    draft = tuple(node.name for node in graph.nodes if node.name in kept)
    whole = {each.tensor for each in constants}
    return Findings(
        large=tuple(large),
        constants=constants,
        partial={name: lost for name, lost in _partial(graph) if name not in whole},
        divisors=zero,
        draft=draft,
        matrix=tuple(node.name for node in graph.nodes if node.name in kept and node.op_type in MATRIX),
    )


def _large(graph: FloatGraph, ranges: Ranges, makers: Mapping[str, onnx.NodeProto]) -> Iterator[LargeTensor]:
    for tensor, largest in ranges.largest.items():
        if largest * NEAR <= LARGEST:
            continue
        maker = makers.get(tensor)
        yield LargeTensor(
            node=maker.name if maker else GIVEN,
            operator=maker.op_type if maker else "",
            tensor=tensor,
            largest=largest,
            readers=_names(graph.consumers(tensor)),
        )


def _lost(graph: FloatGraph) -> Iterator[LostConstant]:
    """Yield constants whose numbers other than 0 are all 0 in fp16, or of which one is too large."""
    for tensor, array in graph.constants.items():
        magnitudes = np.abs(array[array != 0])
        readers = _names(graph.consumers(tensor))
        if not magnitudes.size or not readers:
            continue
        greatest = float(magnitudes.max())
        if greatest > LARGEST:
            yield LostConstant(tensor=tensor, value=greatest, becomes="Inf", readers=readers)
        elif greatest <= SMALLEST / 2:
            yield LostConstant(tensor=tensor, value=greatest, becomes="0", readers=readers)


def _partial(graph: FloatGraph) -> Iterator[tuple[str, int]]:
    for tensor, array in graph.constants.items():
        lost = int(np.count_nonzero((array != 0) & (np.abs(array) <= SMALLEST / 2)))
        if lost:
            yield tensor, lost


def _divisors(
    graph: FloatGraph, ranges: Ranges, makers: Mapping[str, onnx.NodeProto], lost: set[str]
) -> Iterator[Divisor]:
    for tensor, nodes in divisors(graph).items():
        maker, least = makers.get(tensor), ranges.least[tensor]
        epsilon = next((name for name in maker.input if name in lost), "") if maker and maker.op_type == "Add" else ""
        why = ""
        if least <= SMALLEST / 2:
            why = "it was 0 in fp16 on these samples"
        elif epsilon:
            why = f"{epsilon}, which keeps it from 0, is 0 in fp16"
        if why:
            node = maker.name if maker else GIVEN
            yield Divisor(node=node, tensor=tensor, least=least, readers=_names(nodes), why=why)


def _names(nodes: tuple[onnx.NodeProto, ...]) -> tuple[str, ...]:
    return tuple(node.name for node in nodes)
