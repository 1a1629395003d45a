"""Applies operations to an image, and says where the image lies in the result."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from zoo_images.geometry import Geometry
from zoo_images.operations import (
    CentreCrop,
    Layout,
    Letterbox,
    Normalise,
    Pad,
    Resize,
    ResizeHeight,
    ResizeShortSide,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from zoo_images.operations import Operation

__all__ = ["Chain", "Geometry", "ImageSizeError"]

CHANNELS: Final = 3


class ImageSizeError(ValueError):
    """An image has a size that an operation cannot take."""


@dataclass(frozen=True)
class _Step:
    """What one operation does to the size of an image.

    Attributes:
        operation: The operation.
        resized: Width and height after its resampling.
        left: Columns that are put before the image; less than 0 where it is cut.
        top: Rows likewise.
        size: Width and height of the result.
    """

    operation: Operation
    resized: tuple[int, int]
    left: int
    top: int
    size: tuple[int, int]


class Chain:
    """A list of operations.

    Args:
        operations: In the order in which they are applied.
    """

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self.operations = operations

    def apply(self, image: NDArray[np.uint8]) -> NDArray[Any]:
        """Apply all operations.

        Args:
            image: uint8 [height, width, 3], B, G, R.

        Returns:
            C-contiguous: uint8, or float32 where the image is normalised; [height, width, 3] or [3, height, width].

        Raises:
            ImageSizeError: The image is too small to be cut, or would become too large.
        """
        height, width = image.shape[:2]
        result: NDArray[Any] = image
        for step in self._steps(width, height):
            result = _applied(result, step)
        return np.ascontiguousarray(result)

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Return the width and height of the result for an image of this size.

        Raises:
            ImageSizeError: As for :meth:`apply`.
        """
        size = (width, height)
        for step in self._steps(width, height):
            size = step.size
        return size

    def geometry(self, width: int, height: int) -> Geometry:
        """Return how an image of this size lies in the result.

        Raises:
            ImageSizeError: As for :meth:`apply`.
        """
        found, size = Geometry(), (width, height)
        for step in self._steps(width, height):
            scale = (step.resized[0] / size[0], step.resized[1] / size[1])
            found, size = found.then(scale, (step.left, step.top)), step.size
        return found

    def fixed_size(self) -> tuple[int, int] | None:
        """Return the width and height that every image gets; ``None`` where that depends on the image."""
        size: tuple[int, int] | None = None
        for each in self.operations:
            if isinstance(each, Resize | CentreCrop | Letterbox):
                size = each.wanted
            elif isinstance(each, ResizeShortSide | ResizeHeight) or (isinstance(each, Pad) and size is None):
                size = None
            elif isinstance(each, Pad) and size is not None:
                size = _padded(each, size)
        return size

    def _steps(self, width: int, height: int) -> Iterator[_Step]:
        size = (width, height)
        for number, each in enumerate(self.operations, start=1):
            try:
                step = _step(each, size)
            except ImageSizeError as error:
                raise ImageSizeError(f"{each.op} (step {number} of preprocess): {error}") from None
            if step.size[0] * step.size[1] > MOST_PIXELS or step.resized[0] * step.resized[1] > MOST_PIXELS:
                raise ImageSizeError(
                    f"{each.op} (step {number} of preprocess): expected at most {MOST_PIXELS:,} pixels, found "
                    f"{size[0]} x {size[1]} that become {step.resized[0]} x {step.resized[1]}"
                )
            yield step
            size = step.size


MOST_PIXELS: Final = 2 * 10**8
"""Of an image in between; one of a single row may otherwise become as large as memory is."""


def _step(operation: Operation, size: tuple[int, int]) -> _Step:
    """Return what an operation does to an image of this size: the one place that has the rules of rounding."""
    if isinstance(operation, Resize):
        return _resampled(operation, operation.wanted)
    if isinstance(operation, ResizeShortSide):
        return _resampled(operation, _short_side(operation.size, size))
    if isinstance(operation, ResizeHeight):
        return _resampled(operation, (_text_width(operation, size), operation.height))
    if isinstance(operation, CentreCrop):
        return _cropped(operation, size)
    if isinstance(operation, Letterbox):
        return _boxed(operation, size)
    return _Step(operation, size, 0, 0, _padded(operation, size) if isinstance(operation, Pad) else size)


def _resampled(operation: Operation, size: tuple[int, int]) -> _Step:
    return _Step(operation, size, 0, 0, size)


def _short_side(wanted: int, size: tuple[int, int]) -> tuple[int, int]:
    width, height = size
    if width <= height:
        return wanted, int(wanted * height / width)
    return int(wanted * width / height), wanted


def _text_width(operation: ResizeHeight, size: tuple[int, int]) -> int:
    """Return the width of a line of text; in floats, in the order in which PP-OCR computes it."""
    exact = operation.height * (size[0] / size[1])
    wide = operation.usual_width is not None and exact > operation.usual_width
    width = max(1, math.floor(exact) if wide else math.ceil(exact))
    return width if operation.max_width is None else min(width, operation.max_width)


def _cropped(operation: CentreCrop, size: tuple[int, int]) -> _Step:
    wanted = operation.wanted
    if wanted[0] > size[0] or wanted[1] > size[1]:
        raise ImageSizeError(
            f"expected an image of at least {wanted[0]} x {wanted[1]} pixels, found {size[0]} x {size[1]}; "
            "resize it before"
        )
    left, top = (round((have - want) / 2) for have, want in zip(size, wanted, strict=True))
    return _Step(operation, size, -left, -top, wanted)


def _boxed(operation: Letterbox, size: tuple[int, int]) -> _Step:
    wanted = operation.wanted
    factor = min(wanted[0] / size[0], wanted[1] / size[1])
    if not operation.scale_up:
        factor = min(factor, 1.0)
    inner = (max(1, round(size[0] * factor)), max(1, round(size[1] * factor)))
    left, top = ((want - have) // 2 for want, have in zip(wanted, inner, strict=True))
    return _Step(operation, inner, left, top, wanted)


def _padded(operation: Pad, size: tuple[int, int]) -> tuple[int, int]:
    multiple = operation.multiple or 1
    width, height = max(size[0], operation.width or 1), max(size[1], operation.height or 1)
    return -(-width // multiple) * multiple, -(-height // multiple) * multiple


def _applied(image: NDArray[Any], step: _Step) -> NDArray[Any]:
    operation = step.operation
    if isinstance(operation, Normalise):
        return normalised(image, operation)
    if isinstance(operation, Layout):
        return image.transpose(2, 0, 1) if operation.order == "CHW" else image
    if isinstance(operation, CentreCrop):
        rows, columns = slice(-step.top, -step.top + step.size[1]), slice(-step.left, -step.left + step.size[0])
        return image[rows, columns]
    if isinstance(operation, Pad):
        return _placed(image, step, operation.fill)
    resized = _RESIZED[operation.like](image, step.resized, operation.interpolation)
    return _placed(resized, step, operation.fill) if isinstance(operation, Letterbox) else resized


def _placed(image: NDArray[Any], step: _Step, fill: float) -> NDArray[Any]:
    """Put an image onto one of the step's size that is filled with one value."""
    height, width = image.shape[:2]
    if step.size == (width, height):
        return image
    canvas = np.full((step.size[1], step.size[0], CHANNELS), fill, image.dtype)
    canvas[step.top : step.top + height, step.left : step.left + width] = image
    return canvas


def normalised(image: NDArray[np.uint8], operation: Normalise) -> NDArray[np.float32]:
    """Return (pixel - mean) * scale, one rounding to float32 each, as a model with AIPP has it.

    Args:
        image: uint8 [height, width, 3], B, G, R.
        operation: The arithmetic.

    Returns:
        float32 [height, width, 3], channels as the operation says.
    """
    mean, scale = (np.array(each, np.float32) for each in operation.arithmetic)
    ordered = image[..., ::-1] if operation.order == "RGB" else image
    result = ordered.astype(np.float32, order="C")
    np.subtract(result, mean, out=result)
    return np.multiply(result, scale, out=result)


def _opencv(image: NDArray[Any], size: tuple[int, int], interpolation: str) -> NDArray[Any]:
    import cv2  # noqa: PLC0415 - takes long to load, and only resizing needs it

    filters = {
        "nearest": cv2.INTER_NEAREST,
        "bilinear": cv2.INTER_LINEAR,
        "bicubic": cv2.INTER_CUBIC,
        "area": cv2.INTER_AREA,
        "lanczos": cv2.INTER_LANCZOS4,
    }
    return cast("NDArray[Any]", cv2.resize(image, size, interpolation=filters[interpolation]))


def _pillow(image: NDArray[Any], size: tuple[int, int], interpolation: str) -> NDArray[Any]:
    from PIL import Image  # noqa: PLC0415 - only resizing needs it

    filters = {
        "nearest": Image.Resampling.NEAREST,
        "bilinear": Image.Resampling.BILINEAR,
        "bicubic": Image.Resampling.BICUBIC,
        "area": Image.Resampling.BOX,
        "lanczos": Image.Resampling.LANCZOS,
    }
    picture = Image.fromarray(np.ascontiguousarray(image))  # its filters treat all channels alike, whatever they are
    return np.asarray(picture.resize(size, filters[interpolation]))


_RESIZED: Final = {"opencv": _opencv, "pillow": _pillow}
