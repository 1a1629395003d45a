"""Greedy non-maximum suppression of all classes of an image at once, exact to the last bit of every overlap.

A box survives or goes by comparing float32 numbers, so the order of operations is the reference's (``nms`` in its
``layers/box_utils.py``): sides, areas = w * h, union = (area of the candidate - intersection) + area of the kept
box, IoU = intersection / union. Nothing guards the division: where a union is 0 or a coordinate is NaN, the IoU is
NaN, and a box whose IoU with a kept one is not *at most* the threshold goes.

Instead of asking one kept box at a time, the overlaps of many pairs are computed in one go, and a scan over the
few that are too large settles who goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indices = NDArray[np.intp]

PAIRS_AT_ONCE: Final = 1 << 14
"""Pairs per step: their arrays stay in cache, and boxes found to go are in no later step's pairs."""


def rank(scores: NDArray[np.float32], labels: NDArray[np.int16], *, top_k: int) -> Indices:
    """Order candidates by class, and within a class from the highest score down.

    Equal scores come as in a stable ascending sort that is read from its end: later candidates first. (The
    reference reads an ascending sort from its end; PyTorch promises no order of equals.)

    Args:
        scores: float32 [M], none NaN.
        labels: int16 [M], none negative: the candidates' classes.
        top_k: How many of each class stay.

    Returns:
        Indices [K] of the candidates that stay, K <= M.
    """
    order: Indices = np.lexsort((scores, -labels))[::-1]
    if len(order) <= top_k:
        return order
    ranked = labels[order]
    rank_in_class = np.arange(len(order)) - ranked.searchsorted(ranked, "left")
    return order[rank_in_class < top_k]


def suppress(boxes: NDArray[np.float32], labels: NDArray[np.int16], *, iou_threshold: float) -> Indices:
    """Keep each box unless its IoU with an earlier kept box of its class exceeds the threshold.

    Args:
        boxes: float32 [M, 4], corners, in the order of ``rank``.
        labels: int16 [M], ascending.
        iou_threshold: Compared as float32; an IoU equal to it lets a box stay.

    Returns:
        Ascending indices [K] of the kept boxes.
    """
    corners = np.ascontiguousarray(boxes.T)
    threshold = np.float32(iou_threshold)
    kept = [np.arange(0)]
    undecided = np.arange(len(labels))
    with np.errstate(all="ignore"):  # overflow to inf and NaN have the meaning given above
        areas = (corners[2] - corners[0]) * (corners[3] - corners[1])
        while undecided.size:
            rows, first, second = _pairs(labels[undecided])
            overlaps = _iou(corners, areas, undecided.take(first), undecided.take(second))
            clashes = np.flatnonzero(~(overlaps <= threshold))
            alive = _settle(len(undecided), first.take(clashes), second.take(clashes))
            kept.append(undecided[:rows][alive[:rows]])
            undecided = undecided[rows:][alive[rows:]]
    return np.concatenate(kept)


def _pairs(labels: NDArray[np.int16]) -> tuple[int, Indices, Indices]:
    """Pair the first boxes with every later box of their class.

    Returns:
        How many boxes were paired with all their successors (at least one), then the positions of the earlier
        and of the later box of each pair, sorted by the earlier.
    """
    position = np.arange(len(labels))
    later = labels.searchsorted(labels, "right") - position - 1
    total = later.cumsum()
    rows = max(1, int(total.searchsorted(PAIRS_AT_ONCE, "right")))
    position, later, total = position[:rows], later[:rows], total[:rows]
    first = position.repeat(later)
    second = np.arange(1, total[-1] + 1) - (total - later - position).repeat(later)
    return rows, first, second


def _iou(
    corners: NDArray[np.float32], areas: NDArray[np.float32], kept: Indices, candidate: Indices
) -> NDArray[np.float32]:
    """IoU [P] of the boxes at ``kept`` and ``candidate`` [P]; corners [4, M] and areas [M] are of all boxes."""
    left, top, right, bottom = corners
    width = np.minimum(right.take(kept), right.take(candidate))
    width -= np.maximum(left.take(kept), left.take(candidate))
    height = np.minimum(bottom.take(kept), bottom.take(candidate))
    height -= np.maximum(top.take(kept), top.take(candidate))
    zero = np.float32(0)
    shared: NDArray[np.float32] = np.maximum(width, zero, out=width)
    shared *= np.maximum(height, zero, out=height)
    union = areas.take(candidate)
    union -= shared
    union += areas.take(kept)
    shared /= union
    return shared


def _settle(count: int, first: Indices, second: Indices) -> NDArray[np.bool_]:
    """Let the later box of each clash go if the earlier one stays; clashes are sorted by the earlier box.

    When a clash is looked at, all clashes that could remove its earlier box have been.
    """
    gone = bytearray(count)
    for keeper, candidate in zip(first.tolist(), second.tolist(), strict=True):
        if not gone[keeper]:
            gone[candidate] = 1
    return ~np.frombuffer(gone, np.bool_)
