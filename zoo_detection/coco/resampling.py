"""COCO's average precision on many resamples of a data set at once: the fast half of a bootstrap over images.

Whether a detection is right depends on its own image only, so a resample changes how often each counts and nothing else
(as in :mod:`zoo_detection.mean_ap.evidence.resampling`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.coco.average_precision import RECALLS, TINY
from zoo_detection.coco.matching import AREAS, COMBINATIONS
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.coco.average_precision import Ranked

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]

NEXT: Final = np.append(RECALLS[1:], np.inf)
"""The recall after each of ``RECALLS``."""
CELLS: Final = 1_000_000
"""Numbers that are worked on at a time, which bounds the memory."""


def resampled_averages(ranked: Ranked, weights: NDArray[Any], images: int) -> Floats:
    """Score R resamples of N images.

    An image that was drawn twice counts as two images with the same detections and objects. Equal scores stay in the
    order that they have in the full data set, and the copies of a detection follow each other.

    Args:
        ranked: Detections by class.
        weights: Non-negative integers [R, N].
        images: N.

    Returns:
        Average precision [A, T, R, C] in 0..1; NaN where a class has no object that counts in a resample.

    Raises:
        ValueError: ``weights`` has another shape, is not integer or has a negative number.
    """
    integer = weights.dtype.kind in "iu" and not (weights.size and weights.min() < 0)
    if not integer or weights.shape[1:] != (images,):
        expected, found = f"non-negative integers[R, {images}]", tensor_text("", weights.dtype, weights.shape)
        raise ValueError(mismatch("weights", [expected], [found], "count in each row how often each sample was drawn"))
    averages = np.full((*COMBINATIONS, len(weights), ranked.count), np.nan)
    for label in range(ranked.count):
        one = _Class(ranked, label)
        step = max(1, CELLS // max(1, one.detections))
        for start in range(0, len(weights), step):
            rows = slice(start, start + step)
            averages[:, :, rows, label] = one.averages(np.ascontiguousarray(weights[rows].T, np.float64))
    return averages


class _Class:
    """One class; its detections in the order of their scores, D of them, of which H found something."""

    def __init__(self, ranked: Ranked, label: int) -> None:
        groups = ranked.groups[ranked.order]
        begin, end = np.searchsorted(groups, (label, label + 1)).tolist()
        low, high = np.searchsorted(ranked.places, (begin, end)).tolist()
        self.detections = end - begin
        self._images = ranked.matches.images[ranked.order[begin:end]]
        self._places = ranked.places[low:high] - begin
        self._unmatched = ranked.unmatched[begin:end]
        own = ranked.objects == label
        self._objects = [
            ranked.matches.object_images[own & ranked.matches.counted[:, area]] for area in range(len(AREAS))
        ]
        areas, overlaps = map(range, COMBINATIONS)
        self._true = [[_rows(ranked.true_hits(area, each)[low:high]) for each in overlaps] for area in areas]
        self._false = [[_rows(ranked.false_hits(area, each)[low:high]) for each in overlaps] for area in areas]

    def averages(self, weights: Floats) -> Floats:
        """Average precision [A, T, R] for weights [N, R]."""
        drawn = weights[self._images]
        hits = drawn[self._places]
        result = np.full((*COMBINATIONS, weights.shape[1]), np.nan)
        for area in range(len(AREAS)):
            positives = weights[self._objects[area]].sum(axis=0)
            if not positives.any():
                continue
            base = np.cumsum(drawn * self._unmatched[:, area, np.newaxis], axis=0)[self._places]
            for overlap, (true, false) in enumerate(zip(self._true[area], self._false[area], strict=True)):
                wrong = base[true]
                if false.size:
                    wrong += _summed(hits[false])[np.searchsorted(false, true)]
                result[area, overlap] = _averages(np.cumsum(hits[true], axis=0), wrong, positives)
        return result


def _rows(chosen: NDArray[np.bool_]) -> Indices:
    return np.flatnonzero(chosen)


def _summed(weights: Floats) -> Floats:
    """Sums [K + 1, R] of the first 0, 1, ... K rows [K, R]."""
    sums = np.zeros((len(weights) + 1, weights.shape[1]))
    np.cumsum(weights, axis=0, out=sums[1:])
    return sums


def _averages(right: Floats, wrong: Floats, positives: Floats) -> Floats:
    """Average precision [R] from right and wrong ones up to T points [T, R]; NaN without positives."""
    if not len(right):
        return np.where(positives > 0, 0.0, np.nan)
    wrong += right
    wrong += TINY
    envelope = np.maximum.accumulate((right / wrong)[::-1], axis=0)[::-1]
    reached = _reached(right / np.maximum(positives, 1.0))
    # A point that was not drawn repeats the recall before it; before the first that was, no level is reached.
    reached[right == 0] = 0
    reached[1:] -= reached[:-1].copy()
    envelope *= reached
    return np.where(positives > 0, np.cumsum(envelope, axis=0)[-1] / len(RECALLS), np.nan)


def _reached(recall: Floats) -> Indices:
    """How many of ``RECALLS`` are at most a recall, which is from 0 to 1."""
    last = len(RECALLS) - 1
    place = (recall * last).astype(np.intp)
    place += NEXT.take(place) <= recall
    place -= RECALLS.take(place) > recall
    place += 1
    return place
