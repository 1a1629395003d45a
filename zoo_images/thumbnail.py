"""A small picture of an image, to be shown in a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LONGEST_SIDE: Final = 360
MAX_BYTES: Final = 25_000
QUALITIES: Final = (80, 70, 60, 50, 40, 30)
"""Of the JPEG, the first that keeps it below ``MAX_BYTES``; below the last, a photograph shows blocks."""


def thumbnail_size(width: int, height: int) -> tuple[int, int]:
    """Return the width and height of an image's small picture: at most ``LONGEST_SIDE`` each, and never larger."""
    factor = min(1.0, LONGEST_SIDE / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def thumbnail(pixels: NDArray[np.uint8], width: int, height: int) -> bytes:
    """Return a JPEG of that size.

    Args:
        pixels: uint8 [height, width, 3], B, G, R; of any size.
        width: Of the picture.
        height: Of the picture.
    """
    import cv2  # noqa: PLC0415 - takes long to load, and only pictures need it

    small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    data = b""
    for quality in QUALITIES:
        settings = (cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
        data = cv2.imencode(".jpg", small, settings)[1].tobytes()
        if len(data) <= MAX_BYTES:
            break
    return data
