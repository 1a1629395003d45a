"""The boxes that RefineDet starts from: three shapes at every cell of four feature maps."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.config import InputSize

STRIDES: Final = (8, 16, 32, 64)
"""Pixels of the input per cell, fine to coarse."""
SIZES: Final = (32, 64, 128, 256)
"""Side in pixels of the square prior of each map; four times the stride (paper, section 3.2)."""
ASPECT_RATIO: Final = 2.0


@lru_cache
def priors(input_size: InputSize) -> NDArray[np.float32]:
    """Priors of a network input, in the order of the network's outputs.

    Maps run fine to coarse, cells row by row, and each cell holds the square, the wide and the tall shape
    (reference: the PriorBox layer). The arithmetic is in doubles, rounded once to float32 and then clipped.

    Args:
        input_size: Side of the square network input in pixels.

    Returns:
        Read-only float32 array [N, 4] of (cx, cy, w, h) as fractions of the input, within [0, 1].
    """
    root = math.sqrt(ASPECT_RATIO)
    rows = []
    for stride, size in zip(STRIDES, SIZES, strict=True):
        side = size / input_size
        shapes = ((side, side), (side * root, side / root), (side / root, side * root))
        cells = range(input_size // stride)
        rows += [
            ((column + 0.5) * stride / input_size, (row + 0.5) * stride / input_size, width, height)
            for row in cells
            for column in cells
            for width, height in shapes
        ]
    boxes = np.asarray(rows, dtype=np.float32).clip(0.0, 1.0)
    boxes.flags.writeable = False  # every caller shares the cached array
    return boxes
