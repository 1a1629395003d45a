"""How ATC is told the sizes that open axes take: in ``--input_shape``, and in a flag with the gears."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from zoo_runner.backends.devices.call_sizes import sizes_text
from zoo_runner.plugin.interfaces import BATCH, TensorSpec
from zoo_runner.plugin.shapes import Shapes

OPEN = "-1"
"""Stands in ``--input_shape`` for a size that a gear gives."""


def input_shape(inputs: Iterable[TensorSpec], shapes: Shapes | None) -> str:
    """Return the value of ``--input_shape``, such as ``image:{batch},3,-1,-1``, with ``{batch}`` to be filled in."""
    return ";".join(f"{spec.name}:{','.join(_size(size, shapes) for size in spec.shape)}" for spec in inputs)


def size_flags(inputs: Sequence[TensorSpec], shapes: Shapes | None) -> dict[str, str]:
    """Return the flag that lists the gears; none without gears.

    Each gear has a value for every ``-1`` of ``--input_shape``, in that order, but for the batch size, which stands
    once for all inputs.
    """
    if shapes is None or not shapes.gears:
        return {}
    if shapes.opened == "batch":
        return {"dynamic_batch_size": ",".join(str(gear[BATCH]) for gear in shapes.gears)}
    gears = (",".join(str(gear[axis]) for spec in inputs for axis in spec.axes) for gear in shapes.gears)
    return {f"dynamic_{shapes.opened}": ";".join(gears)}


def size_texts(shapes: Shapes | None) -> tuple[str, ...]:
    """Return in words what sizes a model takes: a text for each gear, or for each axis with bounds; none without."""
    if shapes is None:
        return ()
    return (*map(sizes_text, shapes.gears), *_bound_texts(shapes))


def _bound_texts(shapes: Shapes) -> Iterator[str]:
    for axis, (low, high) in shapes.bounds.items():
        yield f"{axis} {low} to {high}"


def _size(size: int | str, shapes: Shapes | None) -> str:
    if isinstance(size, int):
        return str(size)
    if size == BATCH and (shapes is None or shapes.opened != "batch"):
        return f"{{{BATCH}}}"
    if shapes is None or size not in shapes.bounds:
        return OPEN
    low, high = shapes.bounds[size]
    return str(low) if low == high else f"{low}~{high}"
