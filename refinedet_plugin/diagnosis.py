"""What is wrong with the detections of each image, error by error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from refinedet_plugin.matching import Pairs, best_of, overlaps_of, pairs_of
from refinedet_plugin.rules import MIN_OVERLAP, REFERENCE, stable_descending

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.by_class import LabelledDetections, LabelledTruths

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
"""The rules below in one line."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What became of detections with a score, and of objects.

    Attributes:
        detections: Integer [K], positions of the detections that were looked at, ascending.
        kinds: Integer [K], what each is, as a position in ``KINDS``: an error, a hit, or ignored.
        truths: Integer [G], what each object is: missed, truth, or ignored.
    """

    detections: Indices
    kinds: NDArray[np.int8]
    truths: NDArray[np.int8]


def judge(detections: LabelledDetections, truths: LabelledTruths) -> Judgement:
    """Say of each detection what it is, with the overlaps of the reference's rules.

    Each detection looks at the object of its class that it overlaps most, as for the average precision. Above the
    minimum overlap the best-scored one is a hit (of equals, the first), others are duplicates, and if the object is
    difficult all are ignored. Of those that found nothing, one that overlaps an object of its class by more than
    ``NEAR_OVERLAP`` is a localisation error; else one that would find an object of another class is a confusion;
    else it is background. A counted object is missed if nothing hit it and no localisation error or confusion is
    about it: mending that error would have found it. (Bolya et al. 2020, "TIDE: A General Toolbox for Identifying
    Object Detection Errors", section 2.2, arXiv:2008.08115; TIDE's rare "both" errors count as background here.)
    """
    chosen = np.flatnonzero(detections.scores >= LEAST_SCORE)
    looked = replace(
        detections,
        images=detections.images[chosen],
        scores=detections.scores[chosen],
        boxes=detections.boxes[chosen],
        labels=detections.labels[chosen],
    )
    pairs = pairs_of(looked, truths)
    overlaps = overlaps_of(pairs, looked, truths, REFERENCE)
    own = looked.labels[pairs.detections] == truths.labels[pairs.truths]
    near = _best(pairs, overlaps, own & (overlaps > NEAR_OVERLAP))
    other = _best(pairs, overlaps, ~own & (overlaps > MIN_OVERLAP))
    enough = overlaps[near] > MIN_OVERLAP

    kinds = np.full(len(chosen), BACKGROUND, dtype=np.int8)
    kinds[pairs.detections[other]] = CONFUSION
    kinds[pairs.detections[near]] = LOCALISATION
    found, hits = pairs.truths[near[enough]], pairs.detections[near[enough]]
    kinds[hits] = np.where(truths.difficult[found], IGNORED, DUPLICATE)
    leading = stable_descending(looked.scores[hits])
    first = leading[np.unique(found[leading], return_index=True)[1]]
    first = first[~truths.difficult[found[first]]]
    kinds[hits[first]] = HIT

    objects = np.where(truths.difficult, IGNORED, MISSED).astype(np.int8)
    confused = other[kinds[pairs.detections[other]] == CONFUSION]
    for each in (found, pairs.truths[near[~enough]], pairs.truths[confused]):
        objects[each[~truths.difficult[each]]] = TRUTH
    return Judgement(detections=chosen, kinds=kinds, truths=objects)


def error_counts(
    judgement: Judgement, detections: LabelledDetections, truths: LabelledTruths, images: int
) -> NDArray[np.intp]:
    """Count the errors of each kind in each image: integer [images, len(ERRORS)]."""
    wrong = np.flatnonzero(judgement.kinds < len(ERRORS))
    missed = np.flatnonzero(judgement.truths == MISSED)
    cells = np.concatenate(
        (
            detections.images[judgement.detections[wrong]] * len(ERRORS) + judgement.kinds[wrong],
            truths.images[missed] * len(ERRORS) + MISSED,
        )
    )
    return np.bincount(cells, minlength=images * len(ERRORS)).reshape(images, len(ERRORS))


def _best(pairs: Pairs, overlaps: NDArray[np.float64], among: NDArray[np.bool_]) -> Indices:
    """Positions in ``pairs`` of each detection's largest overlap among some of them."""
    some = np.flatnonzero(among)
    chosen = Pairs(detections=pairs.detections[some], truths=pairs.truths[some])
    best: Indices = some[best_of(chosen, overlaps[some])]
    return best
