"""What is wrong with the detections of each image, error by error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.mean_ap.by_class import some_of
from zoo_detection.mean_ap.matching import Pairs, best_of, overlaps_of, pairs_of
from zoo_detection.mean_ap.protocols import MIN_OVERLAP, REFERENCE, stable_descending

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.by_class import LabelledDetections, LabelledGroundTruth

    Indices = NDArray[np.intp]

LEAST_SCORE: Final = 0.3
"""Detections with less are not looked at: a detector gives hundreds of them, and nobody acts on them."""
NEAR_OVERLAP: Final = 0.1
"""Above this IoU, a detection that is too far off was meant for the object (TIDE's t_b)."""

ERRORS: Final = ("missed", "confusion", "localisation", "duplicate", "background")
"""Kinds of errors, gravest first."""
KINDS: Final = (*ERRORS, "hit", "truth", "ignored")
"""What detections and objects are called: positions in this tuple stand for them below."""
MISSED, CONFUSION, LOCALISATION, DUPLICATE, BACKGROUND, HIT, TRUTH, IGNORED = range(len(KINDS))
BASIS: Final = (
    f"detections with a score of at least {LEAST_SCORE}; IoU above {MIN_OVERLAP} finds an object, "
    f"above {NEAR_OVERLAP} is a localisation error"
)
"""What counts as an error, in one line."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What became of detections with a score, and of objects.

    Attributes:
        detections: Integer [K], positions of the detections that were looked at, ascending.
        kinds: Integer [K], what each is, as a position in ``KINDS``: an error, a hit, or ignored.
        objects: Integer [G], what each object is: missed, truth, or ignored.
    """

    detections: Indices
    kinds: NDArray[np.int8]
    objects: NDArray[np.int8]


def acted_on(detections: LabelledDetections) -> Indices:
    """Positions of the detections that are looked at: those with a score of at least ``LEAST_SCORE``."""
    chosen: Indices = np.flatnonzero(detections.scores >= LEAST_SCORE)
    return chosen


def judge(detections: LabelledDetections, ground_truth: LabelledGroundTruth) -> Judgement:
    """Say of each detection what it is, with the overlaps of the reference protocol.

    Each detection looks at the object of its class that it overlaps most, as for the average precision. Above the
    minimum overlap the best-scored one is a hit (of equals, the first), others are duplicates, and if the object is
    difficult all are ignored. Of those that found nothing, one that overlaps an object of its class by more than
    ``NEAR_OVERLAP`` is a localisation error; else one that would find an object of another class is a confusion;
    else it is background. A counted object is missed if nothing hit it and no localisation error or confusion is
    about it: mending that error would have found it. (Bolya et al. 2020, "TIDE: A General Toolbox for Identifying
    Object Detection Errors", section 2.2, arXiv:2008.08115; TIDE's rare "both" errors count as background here.)
    """
    chosen = acted_on(detections)
    looked = some_of(detections, chosen)
    pairs = pairs_of(looked, ground_truth)
    overlaps = overlaps_of(pairs, looked, ground_truth, REFERENCE)
    own = looked.labels[pairs.detections] == ground_truth.labels[pairs.objects]
    near = _best(pairs, overlaps, own & (overlaps > NEAR_OVERLAP))
    other = _best(pairs, overlaps, ~own & (overlaps > MIN_OVERLAP))
    enough = overlaps[near] > MIN_OVERLAP

    kinds = np.full(len(chosen), BACKGROUND, dtype=np.int8)
    kinds[pairs.detections[other]] = CONFUSION
    kinds[pairs.detections[near]] = LOCALISATION
    found, hits = pairs.objects[near[enough]], pairs.detections[near[enough]]
    kinds[hits] = np.where(ground_truth.difficult[found], IGNORED, DUPLICATE)
    leading = stable_descending(looked.scores[hits])
    first = leading[np.unique(found[leading], return_index=True)[1]]
    first = first[~ground_truth.difficult[found[first]]]
    kinds[hits[first]] = HIT

    objects = np.where(ground_truth.difficult, IGNORED, MISSED).astype(np.int8)
    confused = other[kinds[pairs.detections[other]] == CONFUSION]
    for each in (found, pairs.objects[near[~enough]], pairs.objects[confused]):
        objects[each[~ground_truth.difficult[each]]] = TRUTH
    return Judgement(detections=chosen, kinds=kinds, objects=objects)


def error_counts(
    judgement: Judgement, detections: LabelledDetections, ground_truth: LabelledGroundTruth, images: int
) -> NDArray[np.intp]:
    """Count the errors of each kind in each image: integer [images, len(ERRORS)]."""
    wrong = np.flatnonzero(judgement.kinds < len(ERRORS))
    missed = np.flatnonzero(judgement.objects == MISSED)
    cells = np.concatenate(
        (
            detections.images[judgement.detections[wrong]] * len(ERRORS) + judgement.kinds[wrong],
            ground_truth.images[missed] * len(ERRORS) + MISSED,
        )
    )
    return np.bincount(cells, minlength=images * len(ERRORS)).reshape(images, len(ERRORS))


def _best(pairs: Pairs, overlaps: NDArray[np.float64], among: NDArray[np.bool_]) -> Indices:
    """Positions in ``pairs`` of each detection's largest overlap among some of them."""
    some = np.flatnonzero(among)
    chosen = Pairs(detections=pairs.detections[some], objects=pairs.objects[some])
    best: Indices = some[best_of(chosen, overlaps[some])]
    return best
