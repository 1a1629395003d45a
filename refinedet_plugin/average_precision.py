"""Average precision of one class, by the rules of the reference and by those of the VOC devkit.

Both give the best-overlapping object to each detection, in order of score, and read precision and recall
off the result. They differ in what the boxes go through before, which :class:`Rules` spells out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MIN_OVERLAP: Final = 0.5
"""A detection finds an object if their IoU exceeds this."""
RECALLS: Final = np.arange(0.0, 1.1, 0.1)
"""The eleven recalls of VOC2007, in the reference's floats: the fourth is 0.30000000000000004."""
MAX_DECIMALS: Final = 7
"""``text_rounded`` splits numbers in halves whose product with ``10**decimals`` must be exact."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """One definition of a match, from the detector's boxes to true and false positives.

    Attributes:
        name: What manifests call it.
        score_decimals: Decimals of the scores in the text files that detections pass through, or ``None``
            where they pass through none.
        box_decimals: Likewise for coordinates.
        detection_offset: Added to the detections' coordinates, before rounding.
        truth_offset: Added to the annotated coordinates, which are 1-based inclusive pixels.
        border: Added to widths and heights: 1 where corners are the first and last pixel inside.
        stable: Whether equal scores stay in the order given. Otherwise they come in the order of numpy's
            default ``argsort``, which depends on the numpy release and the processor.
        undetected: The AP of a class with no detections at all.
    """

    name: str
    score_decimals: int | None
    box_decimals: int | None
    detection_offset: float
    truth_offset: float
    border: float
    stable: bool
    undetected: float

    def for_result_files(self) -> Rules:
        """Return the same rules for detections read from a result file: 1-based, rounded as written."""
        return replace(self, score_decimals=None, box_decimals=None, detection_offset=0.0)

    def ranking(self, scores: Floats) -> NDArray[np.intp]:
        """Order [D] of the detections, best score first, from their scores [D]."""
        rounded = scores if self.score_decimals is None else text_rounded(scores, self.score_decimals)
        return _stable_descending(rounded) if self.stable else np.argsort(-rounded)

    def detection_boxes(self, boxes: Floats) -> NDArray[np.float64]:
        """Boxes [K, 4] xyxy as they enter the overlap, from the detections' boxes [K, 4] xyxy."""
        shifted = boxes.astype(np.float64) + self.detection_offset
        return shifted if self.box_decimals is None else text_rounded(shifted, self.box_decimals)

    def truth_boxes(self, boxes: Floats) -> NDArray[np.float64]:
        """Boxes [G, 4] xyxy as they enter the overlap, from the annotated boxes [G, 4] xyxy."""
        return boxes.astype(np.float64) + self.truth_offset


REFERENCE: Final = Rules(
    name="reference",
    score_decimals=3,
    box_decimals=1,
    detection_offset=1.0,
    truth_offset=-1.0,
    border=0.0,
    stable=False,
    undetected=-1.0,
)
"""The published number's rules (reference: eval_refinedet.py). Detections are shifted by 1, written with
``%.3f`` and ``%.1f``, and read back; objects are shifted by 1 the other way; never detected counts -1."""
DEVKIT: Final = Rules(
    name="devkit",
    score_decimals=None,
    box_decimals=None,
    detection_offset=1.0,
    truth_offset=0.0,
    border=1.0,
    stable=True,
    undetected=0.0,
)
"""What papers mean (VOC development kit, VOCevaldet): unrounded, 1-based inclusive pixels, a stable sort."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """All detections of one class, in data-set order and, within an image, in the detector's order.

    Attributes:
        images: Integer [D], position of the image in the data set, from 0.
        scores: Floating [D], finite.
        boxes: Floating [D, 4] xyxy in pixels, finite: 0-based from a detector, 1-based from a result file.
    """

    images: NDArray[np.intp]
    scores: Floats
    boxes: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Truths:
    """All annotated objects of one class.

    Attributes:
        images: Integer [G], position of the image in the data set, from 0.
        boxes: Floating [G, 4] xyxy, 1-based inclusive pixels.
        difficult: Bool [G]; finding such an object counts neither way, and missing it costs nothing.
    """

    images: NDArray[np.intp]
    boxes: Floats
    difficult: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision against recall, detection by detection from the best score down.

    Attributes:
        recall: Float64 [D], ascending; all 0 if there are no positives, where the reference divides by 0.
        precision: Float64 [D]; 0 as long as only difficult objects were found.
        undetected: The AP if D is 0.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    undetected: float

    def eleven_points(self) -> float:
        """AP of VOC2007 in 0..1: the mean, over recalls 0, 0.1, ..., 1, of the best precision at or beyond.

        Without positives the AP is 0 (the reference's too: no recall reaches a level); without detections it
        is ``undetected``.
        """
        if not self.recall.size:
            return self.undetected
        best = np.append(np.maximum.accumulate(self.precision[::-1])[::-1], 0.0)
        average = 0.0
        for precision in best[np.searchsorted(self.recall, RECALLS)]:
            average += float(precision) / len(RECALLS)  # the reference's sum, to the last bit
        return average

    def area(self) -> float:
        """AP of VOC2010 and later in 0..1: the area under the monotone envelope of the curve.

        Without positives the AP is 0; without detections it is ``undetected``.
        """
        if not self.recall.size:
            return self.undetected
        recall = np.concatenate(([0.0], self.recall, [1.0]))
        precision = np.concatenate(([0.0], self.precision, [0.0]))
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.flatnonzero(np.diff(recall))
        return float(np.sum((recall[steps + 1] - recall[steps]) * envelope[steps + 1]))


def precision_recall(detections: Detections, truths: Truths, rules: Rules) -> Curve:
    """Score the detections of one class.

    Detections are taken from the best score down. Each looks at the object of its image that it overlaps most
    (the first of equals), whether or not that is already found. Above the minimum overlap it is a true
    positive the first time, a false positive after that, and neither if the object is difficult. Otherwise it
    is a false positive (reference: voc_eval; VOC development kit: VOCevaldet).

    Args:
        detections: The detections, D of them.
        truths: The objects, G of them.
        rules: How boxes and scores are read.

    Returns:
        The curve over all D detections.
    """
    found = _found(detections, truths, rules)[rules.ranking(detections.scores)]
    hits = np.flatnonzero(found >= 0)
    hard = truths.difficult[found[hits]]
    counted = hits[~hard]
    firsts = np.unique(found[counted], return_index=True)[1]
    true = np.zeros(len(found), dtype=np.bool_)
    true[counted[firsts]] = True
    false = ~true
    false[hits[hard]] = False
    true_sum, false_sum = np.cumsum(true, dtype=np.float64), np.cumsum(false, dtype=np.float64)
    positives = int(np.count_nonzero(~truths.difficult))
    return Curve(
        recall=true_sum / float(max(positives, 1)),
        precision=true_sum / np.maximum(true_sum + false_sum, np.finfo(np.float64).eps),
        undetected=rules.undetected,
    )


def _found(detections: Detections, truths: Truths, rules: Rules) -> NDArray[np.intp]:
    """Index [D] of the object that each detection overlaps most and enough, or -1."""
    found = np.full(len(detections.images), -1, dtype=np.intp)
    if not (len(detections.images) and len(truths.images)):
        return found
    by_image = np.argsort(truths.images, kind="stable")
    counts = np.bincount(truths.images, minlength=int(detections.images.max()) + 1)
    starts = np.cumsum(counts) - counts
    # Few images show the class: only their detections matter, each paired with every object of its image.
    near = np.flatnonzero(counts[detections.images])
    images = detections.images.take(near)
    repeats = counts[images]
    pair = np.repeat(np.arange(len(near)), repeats)
    within = np.arange(len(pair)) - np.repeat(np.cumsum(repeats) - repeats - starts[images], repeats)
    truth = by_image.take(within)
    overlaps = _overlaps(
        rules.detection_boxes(detections.boxes.take(near, axis=0)).take(pair, axis=0),
        rules.truth_boxes(truths.boxes).take(truth, axis=0),
        rules.border,
    )
    enough = np.flatnonzero(overlaps > MIN_OVERLAP)
    # lexsort is stable, so of equal overlaps the first object leads, as with argmax.
    ranked = enough[np.lexsort((-overlaps[enough], pair[enough]))]
    detection, best = np.unique(pair[ranked], return_index=True)
    found[near[detection]] = truth[ranked[best]]
    return found


def _overlaps(one: NDArray[np.float64], other: NDArray[np.float64], border: float) -> NDArray[np.float64]:
    """IoU [P] of boxes [P, 4] xyxy with boxes [P, 4] xyxy; 0 for pairs that share nothing.

    The order of operations is the reference's, so that an IoU of one half falls on the same side.
    """
    sides = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2]) + border
    shared = _products(np.maximum(sides, 0.0))
    overlaps: NDArray[np.float64] = np.zeros_like(shared)
    # Sharing something makes the union positive. Where nothing is shared it may be 0, and is not divided by.
    touching = np.flatnonzero(shared > 0.0)
    shared = shared.take(touching)
    areas = [
        _products(boxes[:, 2:] - boxes[:, :2] + border) for boxes in (one.take(touching, 0), other.take(touching, 0))
    ]
    overlaps[touching] = shared / (areas[0] + areas[1] - shared)
    return overlaps


def _products(sides: NDArray[np.float64]) -> NDArray[np.float64]:
    """Width times height [P] of sides [P, 2]; ``prod`` takes several times as long for two numbers."""
    products: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return products


def _stable_descending(scores: Floats) -> NDArray[np.intp]:
    """Order [D] of finite scores from the highest down, equal ones as they come.

    For float32, one sort of whole numbers that hold score and position takes a tenth of the time of a stable one:
    read as a whole number, a float32 grows with its value; a negative one does once all bits but the sign are
    turned over. Subtracting from 0 makes the two zeros, which are equal, the same.
    """
    order: NDArray[np.intp]
    if scores.dtype != np.float32:
        order = np.argsort(-scores, kind="stable")
        return order
    bits = (np.float32(0) - scores).view(np.int32)
    keys = (bits ^ (bits >> np.int32(31) & np.int32(0x7FFFFFFF))).astype(np.int64)
    keys <<= np.int64(32)
    keys += np.arange(len(keys))
    keys.sort()
    keys &= np.int64(0xFFFFFFFF)
    order = keys.astype(np.intp, copy=False)
    return order


def text_rounded(values: Floats, decimals: int) -> NDArray[np.float64]:
    """What ``float(f"{value:.{decimals}f}")`` gives, to the last bit, for an array.

    Formatting rounds the exact binary value to the nearest decimal, exact ties to the even digit. The product
    with a power of ten is itself rounded, which can invent a tie but neither hide nor cross one; so only
    where it ends in one half is the product's rounding error looked at (Dekker 1971 gives it exactly).

    Args:
        values: Floating array with at least one axis; float32 is widened first.
        decimals: Digits after the point, 0 to 7.

    Returns:
        Float64 array of the same shape.

    Raises:
        ValueError: ``decimals`` is out of range.
    """
    if not 0 <= decimals <= MAX_DECIMALS:
        raise ValueError(f"expected decimals from 0 to {MAX_DECIMALS}; found {decimals}")
    exact = np.asarray(values, dtype=np.float64)
    scale = 10.0**decimals
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = exact * scale
        rounded = np.rint(scaled)
        ties = np.abs(scaled - rounded) == 0.5  # noqa: PLR2004 - a half is what makes it a tie
    tied, product = exact[ties], scaled[ties]
    high = (tied.view(np.int64) & ~np.int64(0x7FFFFFF)).view(np.float64)
    error = (high * scale - product) + (tied - high) * scale
    away = np.where(error > 0.0, np.ceil(product), np.floor(product))
    rounded[ties] = np.where(error == 0.0, np.rint(product), away)
    result: NDArray[np.float64] = rounded / scale
    for place in np.argwhere(np.abs(scaled) >= 2.0**52):  # beyond whole numbers that doubles tell apart
        result[tuple(place)] = float(f"{exact[tuple(place)]:.{decimals}f}")
    return result
