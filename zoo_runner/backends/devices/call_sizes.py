"""The sizes of one call's open axes: read off its inputs, and held against what the model takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from zoo_runner.errors import InferenceError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import array_texts, mismatch, tensor_text

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec
    from zoo_runner.plugin.shapes import Shapes, Sizes


def call_sizes(request: SessionRequest, inputs: Arrays) -> dict[str, int]:
    """Return the size that each open axis of the inputs has in a call; nothing without open axes.

    Args:
        request: What the model takes.
        inputs: One full batch by input name.

    Raises:
        InferenceError: The arrays are not what the request says, or of sizes that it does not say.
    """
    sizes: dict[str, int] = {}
    named = inputs.keys() == {spec.name for spec in request.inputs}
    if not named or not all(_is(spec, inputs, request.batch, sizes) for spec in request.inputs):
        remedy = "give full batches of what the manifest declares as inputs"
        raise InferenceError(mismatch("inputs", shape_texts(request.inputs, request), array_texts(inputs), remedy))
    if request.shapes is not None:
        require_taken(request.shapes, sizes)
    return sizes


def _is(spec: TensorSpec, inputs: Arrays, batch: int, sizes: dict[str, int]) -> bool:
    import numpy as np  # noqa: PLC0415 - listing backends is cheap

    array = inputs[spec.name]
    return array.dtype == np.dtype(spec.dtype) and fits(spec, array.shape, batch, sizes)


def fits(
    spec: TensorSpec, shape: tuple[int, ...], batch: int, sizes: dict[str, int], most: Mapping[str, int] | None = None
) -> bool:
    """Say whether a shape is that of a tensor.

    Args:
        spec: The tensor.
        shape: The shape.
        batch: Samples in it.
        sizes: Those of open axes; what it does not have is added as the shape has it.
        most: The greatest size of axes that ``sizes`` does not have; ``None`` for any.
    """
    if len(shape) != len(spec.shape):
        return False
    for size, found in zip(spec.shape, shape, strict=True):
        wanted = batch if size == BATCH else sizes.get(size) if isinstance(size, str) else size
        if wanted is None and most is not None and found > most.get(str(size), -1):
            return False
        if wanted is None:
            sizes[str(size)] = found
        elif found != wanted:
            return False
    return True


def require_taken(shapes: Shapes, sizes: Sizes) -> None:
    """Refuse sizes that the model does not take.

    Raises:
        InferenceError: They are no gear, or out of bounds.
    """
    outside = [axis for axis, (low, high) in shapes.bounds.items() if not low <= sizes.get(axis, low) <= high]
    if shapes.opened == "range" and outside:
        low, high = shapes.bounds[outside[0]]
        raise InferenceError(f"inputs: expected {outside[0]} from {low} to {high}, found {sizes[outside[0]]}")
    if shapes.opened in {"image_size", "dims"} and sizes not in shapes.gears:
        raise InferenceError(f"inputs: expected a gear ({gear_list(shapes)}), found {sizes_text(sizes)}")


def sizes_text(sizes: Sizes) -> str:
    """Return sizes in words, such as ``height 320 x width 480``."""
    return " x ".join(f"{axis} {size}" for axis, size in sizes.items())


def gear_list(shapes: Shapes) -> str:
    """Return the gears in words."""
    return "; ".join(map(sizes_text, shapes.gears))


def shape_texts(specs: Iterable[TensorSpec], request: SessionRequest, sizes: Sizes | None = None) -> list[str]:
    """Return the text of each tensor at a request's batch size and at sizes; other axes keep their names."""
    return [
        tensor_text(
            spec.name,
            spec.dtype,
            [request.batch if size == BATCH else size for size in spec.at(sizes or {}).shape],
        )
        for spec in specs
    ]
