"""The operations written out once more, plainly: what a preprocessing is held against when a gate is red.

Nothing of :mod:`zoo_images.chain` is used, so that a mistake there is not repeated here. Files are decoded by OpenCV,
and filters that are not OpenCV's bilinear one are the libraries' own.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_images.operations import CentreCrop, Letterbox, Resize, ResizeHeight, ResizeShortSide
from zoo_runner.errors import DatasetError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_images.operations import Operation
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.plain import MakesInputs

    Pixels = NDArray[Any]
    Pair = tuple[int, int]
    Resampling = Resize | ResizeShortSide | ResizeHeight | Letterbox

CENTRES: Final = 0.5
"""Where a pixel's value stands in it."""
PARTS: Final = 1 << 11
"""Steps from one pixel to the next that OpenCV's filter knows."""
RESAMPLING: Final = (Resize, ResizeShortSide, ResizeHeight, Letterbox)
"""Operations with a filter."""
FILTERS: Final = {
    "nearest": ("takes the nearest pixel", "INTER_NEAREST", "NEAREST"),
    "bilinear": ("is bilinear", "INTER_LINEAR", "BILINEAR"),
    "bicubic": ("is bicubic", "INTER_CUBIC", "BICUBIC"),
    "area": ("averages areas", "INTER_AREA", "BOX"),
    "lanczos": ("has Lanczos' filter", "INTER_LANCZOS4", "LANCZOS"),
}
"""What each filter does, and what OpenCV and Pillow call it."""


def read_image(sample: Sample, flags: tuple[str, ...] = ("IMREAD_COLOR",)) -> Pixels:
    """Return the pixels of a sample's file, uint8 [height, width, 3], channels B, G, R.

    Raises:
        DatasetError: It is no image.
    """
    import cv2  # noqa: PLC0415 - takes long to load, and only reading needs it

    data = np.frombuffer(sample.path.read_bytes(), np.uint8)
    image = cv2.imdecode(data, sum(getattr(cv2, flag) for flag in flags)) if len(data) else None
    if image is None:
        raise DatasetError(f"{sample.path}: expected an image, found something else; fetch the data set again")
    return image


def stretched(image: Pixels, size: Pair, centres: float = CENTRES) -> Pixels:
    """Stretch to a width and a height with the bilinear filter, in OpenCV's whole numbers.

    With exact numbers one pixel in ten is a level off, which is much where an image has little contrast.

    Args:
        image: 8-bit levels [height, width, channels].
        size: Width and height.
        centres: Where a pixel's value stands in it: 0.5, or 0 where half pixels are forgotten.
    """
    low, high, part = _taps(image.shape[1], size[0], centres)
    levels, share = image.astype(np.int64), part[np.newaxis, :, np.newaxis]
    wide = levels[:, low] * (PARTS - share) + levels[:, high] * share
    low, high, part = _taps(image.shape[0], size[1], centres)
    share = part[:, np.newaxis, np.newaxis]
    found: Pixels = (((PARTS - share) * (wide[low] >> 4) >> 16) + (share * (wide[high] >> 4) >> 16) + 2) >> 2
    return found.astype(np.uint8)


def _taps(length: int, size: int, centres: float) -> tuple[Pixels, Pixels, Pixels]:
    """Return for each of ``size`` places the pixels before and behind it, and how much of the latter it has."""
    places = np.clip((np.arange(size) + centres) * length / size - centres, 0, length - 1)
    low = np.floor(places).astype(int)
    return low, np.minimum(low + 1, length - 1), np.rint((places - low) * PARTS).astype(np.int64)


def laid(operation: Operation, width: int, height: int) -> tuple[Pair, Pair, Pair]:
    """Return what becomes of an image of this size: its size inside, its place, and the size of the whole."""
    inside = _inside(operation, width, height)
    if operation.op == "centre_crop":
        wanted = operation.wanted
        return inside, (-round((width - wanted[0]) / 2), -round((height - wanted[1]) / 2)), wanted
    if operation.op == "letterbox":
        wanted = operation.wanted
        return inside, ((wanted[0] - inside[0]) // 2, (wanted[1] - inside[1]) // 2), wanted
    if operation.op == "pad":
        step = operation.multiple or 1
        least = (max(width, operation.width or 1), max(height, operation.height or 1))
        return inside, (0, 0), (math.ceil(least[0] / step) * step, math.ceil(least[1] / step) * step)
    return inside, (0, 0), inside


def _inside(operation: Operation, width: int, height: int) -> Pair:
    if operation.op == "resize":
        return operation.wanted
    if operation.op == "resize_short_side":
        short = min(width, height)
        return int(operation.size * width / short), int(operation.size * height / short)
    if operation.op == "resize_height":
        exact = operation.height * (width / height)
        usual = math.inf if operation.usual_width is None else operation.usual_width
        wide = max(1, math.floor(exact) if exact > usual else math.ceil(exact))
        return min(wide, operation.max_width or wide), operation.height
    if operation.op == "letterbox":
        factor = min(operation.wanted[0] / width, operation.wanted[1] / height)
        factor = factor if operation.scale_up else min(factor, 1)
        return max(1, round(width * factor)), max(1, round(height * factor))
    return width, height


def to_image(boxes: Pixels, operations: tuple[Operation, ...], width: int, height: int) -> Pixels:
    """Move corners [K, 4] in pixels of the network's input back to an image of this size."""
    steps, size = [], (width, height)
    for each in operations:
        inside, place, whole = laid(each, *size)
        steps.append((size, inside, place))
        size = whole
    moved = boxes.astype(np.float64)
    for before, inside, place in reversed(steps):
        moved = (moved - np.array(place * 2)) * np.array(before * 2) / np.array(inside * 2)
    return moved.astype(np.float32)


def size_of(operations: tuple[Operation, ...], width: int, height: int) -> Pair:
    """Return the width and height of the network's input for an image of this size."""
    size = (width, height)
    for each in operations:
        size = laid(each, *size)[2]
    return size


def inputs_of(
    sample: Sample, *, operations: tuple[Operation, ...], name: str, centres: float = CENTRES, grey: bool = False
) -> Arrays:
    """Apply operations to the image of a sample.

    Args:
        sample: The sample.
        operations: In their order.
        name: Of the network's input.
        centres: As for :func:`stretched`.
        grey: Whether colours are thrown away first.
    """
    image = read_image(sample)
    if grey:
        image = np.rint(image.mean(axis=2, keepdims=True)).repeat(3, axis=2).astype(np.uint8)
    for each in operations:
        image = _applied(each, image, centres)
    numbers = np.float32 if any(each.op == "normalise" for each in operations) else np.uint8
    return {name: np.ascontiguousarray(image, numbers)}


def _applied(operation: Operation, image: Pixels, centres: float) -> Pixels:
    if operation.op == "normalise":
        pixels = image[..., ::-1] if operation.order == "RGB" else image
        fraction = pixels.astype(np.float64) * (operation.white / 255) - np.array(operation.mean)
        factor = operation.scale if operation.scale is not None else 1 / np.array(operation.std or 1.0)
        found: Pixels = (fraction * np.array(factor)).astype(np.float32)
        return found
    if operation.op == "layout":
        return image.transpose(2, 0, 1) if operation.order == "CHW" else image
    inside, (left, top), (width, height) = laid(operation, image.shape[1], image.shape[0])
    if isinstance(operation, RESAMPLING):
        image = _resized(operation, image, inside, centres)
    if left < 0 or top < 0:
        image = image[-top:, -left:] if operation.op == "centre_crop" else image
        return image[:height, :width]
    whole = np.full((height, width, image.shape[2]), getattr(operation, "fill", 0), image.dtype)
    whole[top : top + image.shape[0], left : left + image.shape[1]] = image
    return whole


def _resized(
    operation: Resize | ResizeShortSide | ResizeHeight | Letterbox, image: Pixels, size: Pair, centres: float
) -> Pixels:
    filters, like = FILTERS[operation.interpolation], operation.like
    if (like, filters) == ("opencv", FILTERS["bilinear"]) or centres != CENTRES:
        return stretched(image, size, centres)
    if like == "opencv":
        import cv2  # noqa: PLC0415 - takes long to load, and only resizing needs it

        found: Pixels = cv2.resize(image, size, interpolation=getattr(cv2, filters[1]))
        return found
    from PIL import Image  # noqa: PLC0415 - only resizing needs it

    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, getattr(Image.Resampling, filters[2])))


def plain_inputs(operations: tuple[Operation, ...], name: str) -> MakesInputs:
    """Return what makes the input of that name by these operations."""
    return partial(inputs_of, operations=operations, name=name)


def input_mistakes(operations: tuple[Operation, ...], name: str) -> dict[str, MakesInputs]:
    """Return what makes the same input with a usual mistake, by what the mistake is called."""
    made = partial(inputs_of, name=name)
    found: dict[str, MakesInputs] = {
        "the image is read without colours": partial(made, operations=operations, grey=True)
    }
    sized = [each for each in operations if isinstance(each, RESAMPLING)]
    if not sized:
        return found
    found["the resize is shifted by half a pixel"] = partial(made, operations=operations, centres=0.0)
    changed: dict[str, tuple[Operation, ...]] = {
        f"the resize {FILTERS[other][0]}": _with(operations, interpolation=other)
        for other in FILTERS
        if any(each.interpolation != other for each in sized)
    }
    for like, called in (("opencv", "OpenCV"), ("pillow", "Pillow")):
        if any(each.like != like for each in sized):
            changed[f"the resize is that of {called}"] = _with(operations, like=like)
    changed |= _otherwise_sized(operations)
    return found | {text: partial(made, operations=others) for text, others in changed.items()}


def _with(operations: tuple[Operation, ...], **values: str) -> tuple[Operation, ...]:
    return tuple(each.model_copy(update=values) if isinstance(each, RESAMPLING) else each for each in operations)


def _otherwise_sized(operations: tuple[Operation, ...]) -> dict[str, tuple[Operation, ...]]:
    """Return other ways to the same size, by what they are called."""
    found: dict[str, tuple[Operation, ...]] = {}
    for place, each in enumerate(operations):
        before, after = operations[:place], operations[place + 1 :]
        if isinstance(each, Resize):
            boxed = Letterbox(op="letterbox", width=each.wanted[0], height=each.wanted[1])
            found["the image is padded to its size (letterbox), not stretched"] = (*before, boxed, *after)
        elif isinstance(each, Letterbox | CentreCrop):
            kept = [one for one in before if not isinstance(one, Resize | ResizeShortSide)]
            filled = Resize(op="resize", width=each.wanted[0], height=each.wanted[1])
            padded = isinstance(each, Letterbox)
            text = "the image is stretched, not padded (letterbox)" if padded else "the image is stretched, not cut"
            found[text] = (*kept, filled, *after)
    return found
