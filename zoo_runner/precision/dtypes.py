"""Which tensors of which operator are fp16 in a mode, with what the manifest's own files ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.precision.ascend import MATRIX, halves_only
from zoo_runner.precision.modes import ALLOW, CUBE, FORCE_FP16
from zoo_runner.precision.side_files import HALF, SINGLE

if TYPE_CHECKING:
    import onnx

    from zoo_runner.precision.graph import FloatGraph
    from zoo_runner.precision.side_files import Wishes


@dataclass(frozen=True, kw_only=True)
class Halves:
    """Which inputs and outputs of an operator are fp16, in its order."""

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]

    @property
    def all_in(self) -> bool:
        """Whether every input is."""
        return all(self.inputs)


@dataclass(frozen=True, kw_only=True)
class Dtypes:
    """The dtypes of a mode.

    Attributes:
        halves: By the names of operators.
        notes: Wishes that cannot be met, for people.
    """

    halves: Mapping[str, Halves]
    notes: tuple[str, ...] = ()


def dtypes_of(graph: FloatGraph, mode: str, wishes: Wishes, chip: str) -> Dtypes:
    """Return the dtypes of a mode's operators.

    A matrix operator that is to be kept in fp32 stays in fp16 on chips that have it so only, and on an unknown chip:
    what nobody promised must not make a mode look sound.

    Args:
        graph: The network.
        mode: One that can be emulated.
        wishes: What the manifest's files ask for.
        chip: Such as ``310P3``; empty if unknown.
    """
    halves, refused = dict[str, Halves](), list[str]()
    for node in graph.operators:
        own = _by_mode(node, mode)
        if node.name in wishes.kept:
            if node.op_type in MATRIX and halves_only(chip):
                refused.append(node.name)
            else:
                own = _all(node, half=False)
        if node.name in wishes.custom:
            wish = wishes.custom[node.name]
            own = Halves(inputs=_asked(own.inputs, wish.inputs), outputs=_asked(own.outputs, wish.outputs))
        halves[node.name] = own
    notes = []
    if refused:
        where = f"on {chip}" if chip else "on 310, 310P and 910, and the chip is not known,"
        notes.append(
            f"keep_dtype names {len(refused)} matrix operators that exist {where} in fp16 only; they are taken in "
            f"fp16, and ATC may refuse them: {', '.join(refused[:3])}{' …' if len(refused) > 3 else ''}"  # noqa: PLR2004 - fits a line
        )
    return Dtypes(halves=halves, notes=tuple(notes))


def _by_mode(node: onnx.NodeProto, mode: str) -> Halves:
    matrix = node.op_type in MATRIX
    if mode == FORCE_FP16:
        return _all(node, half=True)
    if mode == ALLOW:
        return _all(node, half=matrix)
    if mode == CUBE:
        inputs = tuple(matrix and place < 2 for place in range(len(node.input)))  # noqa: PLR2004 - behind them is the bias
        return Halves(inputs=inputs, outputs=(False,) * len(node.output))
    raise ValueError(mode)


def _all(node: onnx.NodeProto, *, half: bool) -> Halves:
    return Halves(inputs=(half,) * len(node.input), outputs=(half,) * len(node.output))


def _asked(own: tuple[bool, ...], asked: tuple[str, ...]) -> tuple[bool, ...]:
    """Lay what is asked over what the mode has, place by place."""
    known = {HALF: True, SINGLE: False}
    wished = [*asked, *[""] * len(own)][: len(own)]
    return tuple(known.get(dtype, half) for dtype, half in zip(wished, own, strict=True))
