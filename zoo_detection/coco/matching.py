"""Which detection finds which object at each IoU and area range, as COCO's own program decides it.

(Reference: ``COCOeval.evaluateImg`` and ``bbIou`` of pycocotools.) Detections of one image and class take objects in
turn, the best score first. Here the turns of all images and classes are taken at once: one round for the first
detection of each that overlaps anything, one for the second, and so on.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.coco.samples import CocoSample
from zoo_detection.mean_ap.by_class import detections_of, ground_truth_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]
    Marks = NDArray[np.bool_]

IOUS: Final = np.linspace(0.5, 0.95, 10)
"""Least overlaps, in the reference's floats."""
LARGEST_IOU: Final = 1 - 1e-10
"""Enough for any of them, so that rounding cannot hide a perfect overlap."""
AREAS: Final[tuple[tuple[str, float, float], ...]] = (
    ("all", 0.0, 1e10),
    ("small", 0.0, 32.0**2),
    ("medium", 32.0**2, 96.0**2),
    ("large", 96.0**2, 1e10),
)
"""Ranges of areas in square pixels, both ends inside."""
MOST: Final = 100
"""Detections of one image and class that count, the best scores."""
COMBINATIONS: Final = (len(AREAS), len(IOUS))
_REGULAR: Final = 1 << 24
"""Added to the rank of an object that counts: it goes before all that do not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Detected:
    """Detections of many images; D of them, by image, and within one in the detector's order.

    Attributes:
        images: Integer [D], position of the image, from 0.
        labels: Integer [D], position of the class.
        scores: Floating [D].
        bounds: Float64 [D, 4] (x, y, width, height).
    """

    images: Indices
    labels: Indices
    scores: NDArray[np.floating[Any]]
    bounds: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotated:
    """Objects of many images; G of them.

    Attributes:
        images: Integer [G], position of the image, from 0.
        labels: Integer [G], position of the class.
        bounds: Float64 [G, 4] (x, y, width, height).
        areas: Float64 [G].
        crowd: Bool [G]; such an object can be found many times, and overlaps count against the detection's area.
        left_out: Bool [G]: it counts neither way. Crowds do not count either.
    """

    images: Indices
    labels: Indices
    bounds: Floats
    areas: Floats
    crowd: Marks
    left_out: Marks


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoMatches:
    """What became of detections; A area ranges, T overlaps.

    Attributes:
        images: Int32 [D], position of each detection's image.
        labels: Int32 [D].
        scores: Floating [D].
        outside: Bool [D, A]: the area is outside the range, so that finding nothing does not count.
        hits: Integer [H], positions of detections that found an object at all, ascending.
        found: Bool [H, A, T]: they did.
        ignored: Bool [H, A, T]: what they found counts neither way.
        object_images: Int32 [G].
        object_labels: Int32 [G].
        counted: Bool [G, A]: the object counts.
    """

    images: NDArray[np.int32]
    labels: NDArray[np.int32]
    scores: NDArray[np.floating[Any]]
    outside: Marks
    hits: Indices
    found: Marks
    ignored: Marks
    object_images: NDArray[np.int32]
    object_labels: NDArray[np.int32]
    counted: Marks


def detected(samples: Sequence[Sample], predictions: Sequence[Arrays], classes: Sequence[str]) -> Detected:
    """Check the predictions and join them; raises ``ResultError`` as ``detections_of``."""
    found = detections_of(samples, predictions, classes)
    corners = found.boxes.astype(np.float64)
    return Detected(
        images=found.images,
        labels=found.labels.astype(np.intp),
        scores=found.scores,
        bounds=np.concatenate((corners[:, :2], corners[:, 2:] - corners[:, :2]), axis=1),
    )


def annotated(samples: Sequence[Sample], classes: Sequence[str]) -> Annotated:
    """Join the annotated objects; raises ``PluginError`` as ``ground_truth_of``.

    Objects of a data set in another form become what a converter to COCO would make of them: VOC's last pixel is
    inside its box, the area is that of the box, and a difficult object counts neither way, but is no crowd.
    """
    truth = ground_truth_of(samples, classes)
    bounds, areas, crowd = [np.zeros((0, 4))], [np.zeros(0)], [np.zeros(0, dtype=np.bool_)]
    for sample in samples:
        if isinstance(sample, CocoSample):
            bounds.append(sample.bounds)
            areas.append(sample.areas)
            crowd.append(sample.crowd)
        else:
            pixels = sample.boxes.astype(np.float64)  # type: ignore[attr-defined] # ground_truth_of takes no others
            low, sides = pixels[:, :2] - 1, pixels[:, 2:] - pixels[:, :2] + 1
            bounds.append(np.concatenate((low, sides), axis=1))
            areas.append(sides[:, 0] * sides[:, 1])
            crowd.append(np.zeros(len(pixels), dtype=np.bool_))
    crowds = np.concatenate(crowd)
    return Annotated(
        images=truth.images,
        labels=truth.labels,
        bounds=np.concatenate(bounds),
        areas=np.concatenate(areas),
        crowd=crowds,
        left_out=truth.difficult | crowds,
    )


def matches_of(detections: Detected, objects: Annotated, classes: int) -> CocoMatches:
    """Match the best ``MOST`` detections of each image and class with its objects."""
    detections, turns = _best(detections, classes)
    areas = detections.bounds[:, 2] * detections.bounds[:, 3]
    left_out = objects.left_out[:, np.newaxis] | _outside(objects.areas)
    hits, found, ignored = _taken(_pairs(detections, turns, objects, classes), objects.crowd, left_out)
    return CocoMatches(
        images=detections.images.astype(np.int32),
        labels=detections.labels.astype(np.int32),
        scores=detections.scores,
        outside=_outside(areas),
        hits=hits,
        found=found,
        ignored=ignored,
        object_images=objects.images.astype(np.int32),
        object_labels=objects.labels.astype(np.int32),
        counted=~left_out,
    )


def _outside(areas: Floats) -> Marks:
    """Bool [K, A]: areas [K] are outside each range."""
    low, high = (np.array([each[place] for each in AREAS]) for place in (1, 2))
    outside: Marks = (areas[:, np.newaxis] < low) | (areas[:, np.newaxis] > high)
    return outside


def _best(detections: Detected, classes: int) -> tuple[Detected, Indices]:
    """Leave out what is beyond the best ``MOST`` of an image and class; and the order [D] in which the rest take turns.

    The order is by image and class, and within one from the best score down, equal ones as they come.
    """
    keys = detections.images * classes + detections.labels
    order = np.lexsort((-detections.scores, keys))
    ranked = keys[order]
    kept = order[np.arange(len(order)) - np.searchsorted(ranked, ranked) < MOST]
    places = np.sort(kept)
    some = Detected(
        images=detections.images[places],
        labels=detections.labels[places],
        scores=detections.scores[places],
        bounds=detections.bounds[places],
    )
    return some, np.searchsorted(places, kept)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pairs:
    """Detections with objects of their image and class that they overlap enough, round by round.

    Attributes:
        detections: Integer [P]; all pairs of one detection follow each other, from the least overlap to the largest.
        objects: Integer [P].
        overlaps: Float64 [P].
        rounds: Integer [P], ascending: of the detections of one image and class, each has its own.
    """

    detections: Indices
    objects: Indices
    overlaps: Floats
    rounds: Indices


def _pairs(detections: Detected, turns: Indices, objects: Annotated, classes: int) -> _Pairs:
    keys = objects.images * classes + objects.labels
    by_key = np.argsort(keys, kind="stable")
    own = (detections.images * classes + detections.labels)[turns]
    starts, ends = (np.searchsorted(keys[by_key], own, side=side) for side in ("left", "right"))
    counts = ends - starts
    place = np.repeat(np.arange(len(turns)), counts)
    within = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts - starts, counts)
    found, true = turns[place], by_key[within]
    overlaps = _overlaps(detections.bounds[found], objects.bounds[true], objects.crowd[true])
    near = np.flatnonzero(overlaps >= IOUS[0])
    place, found, true, overlaps = place[near], found[near], true[near], overlaps[near]
    # Its round is a detection's place among those of its image and class that overlap anything.
    first = np.flatnonzero(np.diff(place, prepend=-1))
    group = own[place[first]]
    turn = np.arange(len(first)) - np.searchsorted(group, group)
    rounds = np.repeat(turn, np.diff(first, append=len(place)))
    order = np.lexsort((true, overlaps, place, rounds))
    return _Pairs(detections=found[order], objects=true[order], overlaps=overlaps[order], rounds=rounds[order])


def _overlaps(one: Floats, other: Floats, crowd: Marks) -> Floats:
    """IoU [P] of boxes [P, 4], in the reference's order of operations; with a crowd, the share of the first box."""
    sides = np.minimum(one[:, 2:] + one[:, :2], other[:, 2:] + other[:, :2]) - np.maximum(one[:, :2], other[:, :2])
    shared = sides[:, 0] * sides[:, 1]
    area, true = one[:, 2] * one[:, 3], other[:, 2] * other[:, 3]
    union = np.where(crowd, area, area + true - shared)
    overlaps: Floats = np.zeros(len(shared))
    np.divide(shared, union, out=overlaps, where=(sides > 0).all(axis=1))
    return overlaps


def _taken(pairs: _Pairs, crowd: Marks, left_out: Marks) -> tuple[Indices, Marks, Marks]:
    """Give objects to detections, round by round.

    Each takes, of the objects of its image and class that overlap enough and are not taken (crowds never are), the one
    with the largest overlap, the last of equals; one that does not count only where there is no other.

    Args:
        pairs: Who may take what.
        crowd: Bool [G], of the objects.
        left_out: Bool [G, A]: the object does not count.

    Returns:
        ``hits``, ``found`` and ``ignored`` of :class:`CocoMatches`.
    """
    taken = np.zeros((len(crowd), *COMBINATIONS), dtype=np.bool_)
    least = np.minimum(IOUS, LARGEST_IOU)
    first = np.flatnonzero(np.diff(pairs.detections, prepend=-1))
    ranks = np.arange(len(pairs.objects)) - np.repeat(first, np.diff(first, append=len(pairs.objects))) + 1
    edges = np.searchsorted(pairs.rounds, np.arange(int(pairs.rounds.max(initial=-1)) + 2))
    area, overlap = np.ix_(*map(range, COMBINATIONS))
    parts = [(np.zeros(0, dtype=np.intp), *(np.zeros((0, *COMBINATIONS), dtype=np.bool_),) * 2)]
    for begin, end in itertools.pairwise(edges.tolist()):
        true, rank = pairs.objects[begin:end], ranks[begin:end]
        free = ~taken[true] | crowd[true][:, np.newaxis, np.newaxis]
        free &= (pairs.overlaps[begin:end, np.newaxis] >= least)[:, np.newaxis]
        worth = np.where(left_out[true], rank[:, np.newaxis], rank[:, np.newaxis] + _REGULAR)[..., np.newaxis]
        starts = first[np.searchsorted(first, begin) : np.searchsorted(first, end)]
        best = np.maximum.reduceat(np.where(free, worth, 0), starts - begin, axis=0)
        found = best > 0
        chosen = pairs.objects[starts[:, np.newaxis, np.newaxis] + np.where(found, best % _REGULAR - 1, 0)]
        taken[chosen, area, overlap] |= found
        parts.append((pairs.detections[starts], found, found & (best < _REGULAR)))
    hits, found, ignored = (np.concatenate(each) for each in zip(*parts, strict=True))
    some = found.any(axis=(1, 2))
    order = np.argsort(hits[some], kind="stable")
    return hits[some][order], found[some][order], ignored[some][order]
