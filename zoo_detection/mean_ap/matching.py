"""Which detection of a class finds which object, and which of them are right, wrong or neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.mean_ap.protocols import MIN_OVERLAP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.protocols import EvaluationProtocol

    Floats = NDArray[np.floating[Any]]
    Indices = NDArray[np.intp]

MOVED: Final = 4
"""Pixels by which a protocol moves a box against another, with room to spare: offsets of 2, rounding, a border of 1."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """Detections in data-set order and, within an image, in the detector's order; usually all of one class.

    Attributes:
        images: Integer [D], position of the image in the data set, from 0.
        scores: Floating [D], finite.
        boxes: Floating [D, 4] xyxy in pixels, finite: 0-based from a detector, 1-based from a result file.
    """

    images: Indices
    scores: Floats
    boxes: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class GroundTruth:
    """Annotated objects, usually all of one class.

    Attributes:
        images: Integer [G], position of the image in the data set, from 0.
        boxes: Floating [G, 4] xyxy, 1-based inclusive pixels.
        difficult: Bool [G]; finding such an object counts neither way, and missing it costs nothing.
    """

    images: Indices
    boxes: Floats
    difficult: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Detections with the objects of their image that they may overlap, by whatever protocol.

    Attributes:
        detections: Integer [P], positions of detections, ascending.
        objects: Integer [P], positions of objects; of one detection in their order.
    """

    detections: Indices
    objects: Indices


@dataclass(frozen=True, kw_only=True, eq=False)
class Outcomes:
    """What became of the detections of one class.

    Attributes:
        order: Integer [D], the detections from the best score down; int32 where many of them are kept.
        true: Integer [T], ascending places in ``order`` of true positives.
        ignored: Integer [I], ascending places in ``order`` of detections that found a difficult object. All others
            are false positives.
        positives: How many objects count.
        false_spread: How many false positives [T] come before each true one in the best and in the worst order of
            equal scores; ``None`` if their order changes nothing, or was not looked at.
    """

    order: NDArray[np.signedinteger[Any]]
    true: Indices
    ignored: Indices
    positives: int
    false_spread: tuple[Indices, Indices] | None = None

    @property
    def false_before(self) -> Indices:
        """How many false positives [T] come before each true one."""
        ignored = np.searchsorted(self.ignored, self.true)
        before: Indices = self.true - np.arange(len(self.true)) - ignored
        return before


def pairs_of(detections: Detections, ground_truth: GroundTruth) -> Pairs:
    """Pair detections with the objects of the same image, leaving out boxes that are clearly apart."""
    none = np.zeros(0, dtype=np.intp)
    if not (len(detections.images) and len(ground_truth.images)):
        return Pairs(detections=none, objects=none)
    by_image = np.argsort(ground_truth.images, kind="stable")
    counts = np.bincount(ground_truth.images, minlength=int(detections.images.max()) + 1)
    starts = np.cumsum(counts) - counts
    # Few images show the class: only their detections matter, each paired with every object of its image.
    near = np.flatnonzero((counts > 0)[detections.images])
    images = detections.images.take(near)
    repeats = counts[images]
    place = np.repeat(np.arange(len(near)), repeats)
    within = np.arange(len(place)) - np.repeat(np.cumsum(repeats) - repeats - starts[images], repeats)
    truth = by_image.take(within)
    # Rounding is monotonic: comparing in the detections' own precision loses no pair that exact numbers would keep.
    dtype = np.promote_types(detections.boxes.dtype, np.float32)
    one = detections.boxes.take(near, axis=0).astype(dtype, copy=False).T
    exact = ground_truth.boxes.astype(np.float64).T
    touching = np.ones(len(place), dtype=np.bool_)
    for low, high in ((0, 2), (1, 3)):
        touching &= one[high].take(place) >= (exact[low] - MOVED).astype(dtype).take(truth)
        touching &= one[low].take(place) <= (exact[high] + MOVED).astype(dtype).take(truth)
    kept = np.flatnonzero(touching)
    return Pairs(detections=near.take(place.take(kept)), objects=truth.take(kept))


def overlaps_of(
    pairs: Pairs, detections: Detections, ground_truth: GroundTruth, protocol: EvaluationProtocol
) -> NDArray[np.float64]:
    """IoU [P] of pairs, by a protocol; 0 for pairs that share nothing.

    The order of operations is the reference's, so that an IoU of one half falls on the same side.
    """
    one = protocol.detection_boxes(detections.boxes.take(pairs.detections, axis=0))
    other = protocol.ground_truth_boxes(ground_truth.boxes).take(pairs.objects, axis=0)
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2]) + protocol.border
    shared = _products(np.maximum(sides, 0.0))
    overlaps: NDArray[np.float64] = np.zeros_like(shared)
    # Sharing something makes the union positive. Where nothing is shared it may be 0, and is not divided by.
    touching = np.flatnonzero(shared > 0.0)
    shared = shared.take(touching)
    areas = [
        _products(boxes[:, 2:] - boxes[:, :2] + protocol.border)
        for boxes in (one.take(touching, axis=0), other.take(touching, axis=0))
    ]
    overlaps[touching] = shared / (areas[0] + areas[1] - shared)
    return overlaps


def best_of(pairs: Pairs, overlaps: NDArray[np.float64]) -> Indices:
    """Positions [B] in ``pairs`` of each detection's largest overlap, the first of equals, ascending by detection."""
    starts = np.flatnonzero(np.diff(pairs.detections, prepend=-1))
    if not starts.size:
        return starts
    group = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(overlaps)))
    largest = np.flatnonzero(overlaps == np.maximum.reduceat(overlaps, starts)[group])
    best: Indices = largest[np.diff(group[largest], prepend=-1) > 0]
    return best


def found(
    detections: Detections, ground_truth: GroundTruth, protocol: EvaluationProtocol, pairs: Pairs | None = None
) -> Pairs:
    """Pair each detection that finds an object with the one that it overlaps most (the first of equals)."""
    pairs = pairs_of(detections, ground_truth) if pairs is None else pairs
    overlaps = overlaps_of(pairs, detections, ground_truth, protocol)
    enough = np.flatnonzero(overlaps > MIN_OVERLAP)
    pairs = Pairs(detections=pairs.detections[enough], objects=pairs.objects[enough])
    best = best_of(pairs, overlaps[enough])
    return Pairs(detections=pairs.detections[best], objects=pairs.objects[best])


def outcomes(detections: Detections, ground_truth: GroundTruth, protocol: EvaluationProtocol) -> Outcomes:
    """Judge the detections of one class, D of them, by how they find its objects; see :func:`judged`."""
    return judged(
        protocol.ranking(detections.scores), found(detections, ground_truth, protocol), ground_truth.difficult
    )


def judged(order: Indices, hits: Pairs, difficult: NDArray[np.bool_]) -> Outcomes:
    """Judge the detections of one class.

    Detections are taken from the best score down. Each looks at the object of its image that it overlaps most
    (the first of equals), whether or not that is already found. Above the minimum overlap it is a true
    positive the first time, a false positive after that, and neither if the object is difficult. Otherwise it
    is a false positive (reference: voc_eval; VOC development kit: VOCevaldet).

    Args:
        order: The detections [D] from the best score down.
        hits: Those that find an object, and which: what :func:`found` returns.
        difficult: Bool [G], of the objects.
    """
    hit = np.zeros(len(order), dtype=np.bool_)
    hit[hits.detections] = True
    places = np.flatnonzero(hit.take(order))
    objects = hits.objects[np.searchsorted(hits.detections, order[places])]
    hard = difficult[objects]
    counted = np.flatnonzero(~hard)
    firsts = np.unique(objects[counted], return_index=True)[1]
    return Outcomes(
        order=order,
        true=np.sort(places[counted[firsts]]),
        ignored=places[hard],
        positives=int(np.count_nonzero(~difficult)),
    )


def _products(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width times height [P] of sides [P, 2]; ``prod`` takes several times as long for two numbers."""
    products: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return products
