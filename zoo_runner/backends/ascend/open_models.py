"""What both ways of running ais_bench need of an .om with open axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.backends.devices.shared_arrays import spec_bytes

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes

_ALIGNMENT: Final = 32
"""Bytes to which the graph engine rounds the memory of an output up; it may check that."""


def is_open(shapes: Shapes | None) -> bool:
    """Say whether an .om has open axes: bounds that leave one size each make one of fixed shapes."""
    if shapes is None:
        return False
    return shapes.opened != "range" or any(low < high for low, high in shapes.bounds.values())


def height_and_width(inputs: Iterable[TensorSpec], sizes: Sizes) -> tuple[int, int]:
    """Return height and width of the one input that has them open."""
    height, width = next(spec.axes for spec in inputs if spec.axes)
    return sizes[height], sizes[width]


def shapes_text(inputs: Iterable[tuple[str, Iterable[int]]]) -> str:
    """Write shapes by input name as ais_bench takes them: ``ids:4,64;mask:4,64``."""
    return ";".join(f"{name}:{','.join(map(str, shape))}" for name, shape in inputs)


def reserved_bytes(
    shapes: Shapes, inputs: Iterable[TensorSpec], outputs: Sequence[TensorSpec], batch: int
) -> tuple[int, ...]:
    """Return the bytes to reserve for each output at its greatest; nothing where the model says them itself.

    No model says them of bounds, or of outputs with open axes of their own.
    """
    own = {axis for spec in outputs for axis in spec.axes} - {axis for spec in inputs for axis in spec.axes}
    if shapes.opened != "range" and not own & shapes.most.keys():
        return ()
    sizes = (spec_bytes(spec.at(shapes.most), batch) for spec in outputs)
    return tuple((-(-size // _ALIGNMENT) + 1) * _ALIGNMENT for size in sizes)
