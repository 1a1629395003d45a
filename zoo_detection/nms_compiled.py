"""The suppression of ``nms`` as one compiled loop; the same boxes are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection import nms
from zoo_detection.compiled import Compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.compiled import Kernel

    Floats = NDArray[np.float32]
    Indices = NDArray[np.intp]


def suppress(boxes: Floats, labels: NDArray[np.int16], *, iou_threshold: float) -> Indices:
    """Do what ``nms.suppress`` does, from the same arguments, and let it do so while nothing is compiled."""
    kernel = SCAN.ready()
    if kernel is None:
        return nms.suppress(boxes, labels, iou_threshold=iou_threshold)
    return run(kernel, boxes, labels, iou_threshold=iou_threshold)


def run(kernel: Kernel, boxes: Floats, labels: NDArray[np.int16], *, iou_threshold: float) -> Indices:
    """Call ``scan``, compiled or not; arguments and result as of ``nms.suppress``."""
    count = len(labels)
    corners, classes = np.ascontiguousarray(boxes.T), np.ascontiguousarray(labels)
    kept = np.empty(count, np.intp)
    found = kernel(corners, classes, np.float32(iou_threshold), np.empty(count, np.float32), kept)
    return kept[:found]


def scan(corners: Floats, labels: NDArray[np.int16], threshold: np.float32, areas: Floats, kept: Indices) -> int:
    """Compare each box with the kept ones of its class until one removes it.

    Comparisons stand where numpy has minimum and maximum. They treat NaN differently, which changes nothing: every
    NaN among corners or sides makes an area NaN too, and with it the union and the IoU.

    Args:
        corners: float32 [4, M], C-contiguous.
        labels: int16 [M], ascending.
        threshold: An IoU equal to it lets a box stay.
        areas: float32 [M], to write to.
        kept: [M], to write to.

    Returns:
        How many boxes are kept: their indices stand at the start of ``kept``.
    """
    zero = np.float32(0)
    found = first = 0
    for one in range(len(labels)):
        if one and labels[one] != labels[one - 1]:
            first = found
        left, top, right, bottom = corners[0, one], corners[1, one], corners[2, one], corners[3, one]
        area = (right - left) * (bottom - top)
        stays = True
        for place in range(first, found):
            other = kept[place]
            width = min(right, corners[2, other]) - max(left, corners[0, other])
            height = min(bottom, corners[3, other]) - max(top, corners[1, other])
            shared = max(width, zero) * max(height, zero)
            if not shared / ((area - shared) + areas[other]) <= threshold:
                stays = False
                break
        if stays:
            areas[one] = area
            kept[found] = one
            found += 1
    return found


SCAN: Final = Compiled(
    scan,
    "intp(Array(float32, 2, 'C', readonly=True), Array(int16, 1, 'C', readonly=True), float32, "
    "float32[::1], intp[::1])",
)
