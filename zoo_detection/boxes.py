"""Boxes: centre-size and corner forms, encoded offsets and overlaps, all in float32.

Centre-size is (cx, cy, w, h), corners are (xmin, ymin, xmax, ymax). Rounding can decide which of two boxes
survives, so each function keeps the reference's order of operations, stated in its docstring (reference:
``layers/box_utils.py`` of the PyTorch implementation). Inputs of other types are converted to float32 first,
leading dimensions broadcast, and no argument is changed. ``exp`` and ``log`` may differ from PyTorch's in the
last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

CENTRE_VARIANCE: Final = np.float32(0.1)
SIZE_VARIANCE: Final = np.float32(0.2)


def decode(
    loc: ArrayLike,
    priors: ArrayLike,
    *,
    centre_variance: np.float32 = CENTRE_VARIANCE,
    size_variance: np.float32 = SIZE_VARIANCE,
) -> NDArray[np.float32]:
    """Apply encoded offsets to boxes; the inverse of the encoding of SSD (arXiv:1512.02325, section 2.2).

    c = p_c + (l_c * 0.1) * p_wh and wh = p_wh * exp(l_wh * 0.2), with other variances likewise;
    then low = c - wh / 2 and high = low + wh,
    which is not the same float32 as c + wh / 2.

    Args:
        loc: Offsets [..., N, 4].
        priors: Boxes [..., N, 4], centre-size: the priors, or anchors that were refined already.
        centre_variance: What offsets of centres are multiplied with.
        size_variance: Likewise those of sizes.

    Returns:
        Corners float32 [..., N, 4], in the unit of ``priors``; not clipped. Offsets too large for float32
        give infinite or NaN corners without a warning, as in the reference.
    """
    offset_centre, offset_size = _halves(loc)
    centre, size = _halves(priors)
    with np.errstate(over="ignore", invalid="ignore"):
        sizes = size * np.exp(offset_size * size_variance)
        low = centre + offset_centre * centre_variance * size - sizes / 2
        return np.concatenate((low, low + sizes), axis=-1)


def encode(boxes: ArrayLike, priors: ArrayLike) -> NDArray[np.float32]:
    """Return the offsets that lead from priors to boxes; the inverse of ``decode`` up to rounding.

    l_c = ((low + high) / 2 - p_c) / (0.1 * p_wh) and l_wh = log((high - low) / p_wh) / 0.2.

    Args:
        boxes: Corners [..., N, 4] with positive sides.
        priors: Boxes [..., N, 4], centre-size, with positive sides.

    Returns:
        Offsets float32 [..., N, 4].

    Raises:
        ValueError: A side is zero or negative, so that its logarithm does not exist.
    """
    low, high = _halves(boxes)
    centre, size = _halves(priors)
    sides = high - low
    if not ((sides > 0).all() and (size > 0).all()):
        raise ValueError(
            "expected boxes and priors with positive sides to encode; found a side <= 0 or NaN; "
            "drop such boxes before encoding"
        )
    centres = ((low + high) / 2 - centre) / (CENTRE_VARIANCE * size)
    return np.concatenate((centres, np.log(sides / size) / SIZE_VARIANCE), axis=-1)


def to_xyxy(boxes: ArrayLike) -> NDArray[np.float32]:
    """Corners of centre-size boxes [..., 4]: c - wh / 2 and c + wh / 2 (not in ``decode``'s order)."""
    centre, size = _halves(boxes)
    half = size / 2
    return np.concatenate((centre - half, centre + half), axis=-1)


def to_cxcywh(boxes: ArrayLike) -> NDArray[np.float32]:
    """Centre-size form of corners [..., 4]: (high + low) / 2 and high - low."""
    low, high = _halves(boxes)
    return np.concatenate(((high + low) / 2, high - low), axis=-1)


def iou(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
    """Intersection over union of every pair; plain areas, without the devkit's extra pixel.

    The union is (area of first + area of second) - intersection. Pairs without a positive union have IoU 0,
    where the reference divides zero by zero.

    Args:
        first: Corners [..., M, 4].
        second: Corners [..., N, 4]; leading dimensions broadcast with those of ``first``.

    Returns:
        float32 [..., M, N].
    """
    low_a, high_a = _halves(first)
    low_b, high_b = _halves(second)
    low = np.maximum(low_a[..., :, None, :], low_b[..., None, :, :])
    high = np.minimum(high_a[..., :, None, :], high_b[..., None, :, :])
    shared = np.maximum(high - low, np.float32(0))
    intersection = shared[..., 0] * shared[..., 1]
    side_a, side_b = high_a - low_a, high_b - low_b
    area_a = side_a[..., 0] * side_a[..., 1]
    area_b = side_b[..., 0] * side_b[..., 1]
    union = area_a[..., :, None] + area_b[..., None, :] - intersection
    overlap: NDArray[np.float32] = np.zeros_like(union)
    np.divide(intersection, union, out=overlap, where=union > 0)
    return overlap


def _halves(boxes: ArrayLike) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The first and the last two of the four values, as float32."""
    values = np.asarray(boxes, dtype=np.float32)
    if values.shape[-1:] != (4,):
        found = tensor_text("", values.dtype, values.shape)
        raise ValueError(mismatch("boxes", ["float32[..., 4]"], [found], "reshape them to [..., 4]"))
    return values[..., :2], values[..., 2:]
