"""What scoring needs of some images: made image by image in any order, and joined in the end.

Which object a detection finds depends on its own image only. What depends on all images is the order of the scores,
and which detection of an object comes first. So all that is kept of a detection is its score, and the object that it
finds, if any: a fifth of the memory that a detection takes with its box and label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from refinedet_plugin.by_class import members_of
from refinedet_plugin.matching import Detections, Pairs, Truths, found, judged, pairs_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.by_class import LabelledDetections, LabelledTruths
    from refinedet_plugin.matching import Outcomes
    from refinedet_plugin.rules import Rules

    Floats = NDArray[np.floating[Any]]
    Indices = NDArray[np.intp]


@dataclass(frozen=True, kw_only=True, eq=False)
class Tally:
    """One class in some images.

    Attributes:
        scores: Floating [D], of the detections in data-set order.
        hits: By each of some rules, the detections that find an object, and which.
        difficult: Bool [G], of the objects.
    """

    scores: Floats
    hits: tuple[Pairs, ...]
    difficult: NDArray[np.bool_]

    def outcomes(self, rules: Sequence[Rules]) -> tuple[Outcomes, ...]:
        """Judge the detections by the rules, those that ``hits`` are by, as if these were all the images there are."""
        ranked = [(each.ranking(self.scores), hits) for each, hits in zip(rules, self.hits, strict=True)]
        return tuple(judged(order, hits, self.difficult) for order, hits in ranked)


def tally_of(detections: Detections, truths: Truths, rules: Sequence[Rules]) -> Tally:
    """Find the objects of one class."""
    pairs = pairs_of(detections, truths)
    return Tally(
        scores=detections.scores,
        hits=tuple(found(detections, truths, each, pairs) for each in rules),
        difficult=truths.difficult,
    )


def tallies_of(
    detections: LabelledDetections, truths: LabelledTruths, classes: int, rules: Sequence[Rules]
) -> tuple[Tally, ...]:
    """Find the objects of all classes: one tally a class, in label order."""
    # Classes are kept apart as images are: with a number for each of both, one pass finds the objects of all.
    whole = tally_of(
        Detections(
            images=detections.images * classes + detections.labels.astype(np.intp),
            scores=detections.scores,
            boxes=detections.boxes,
        ),
        Truths(images=truths.images * classes + truths.labels, boxes=truths.boxes, difficult=truths.difficult),
        rules,
    )
    detected, annotated = members_of(detections.labels, classes), members_of(truths.labels, classes)
    hits = [members_of(detections.labels.take(each.detections), classes) for each in whole.hits]
    return tuple(
        Tally(
            scores=whole.scores.take(detected[label]),
            hits=tuple(
                Pairs(
                    detections=np.searchsorted(detected[label], each.detections.take(members[label])),
                    truths=np.searchsorted(annotated[label], each.truths.take(members[label])),
                )
                for each, members in zip(whole.hits, hits, strict=True)
            ),
            difficult=whole.difficult.take(annotated[label]),
        )
        for label in range(classes)
    )


def joined(tallies: Sequence[Tally], rules: int) -> Tally:
    """Join the tallies of one class, by so many rules, in consecutive parts of the images."""
    detected = _starts([len(each.scores) for each in tallies])
    annotated = _starts([len(each.difficult) for each in tallies])
    return Tally(
        scores=np.concatenate([np.zeros(0, dtype=np.float32), *(each.scores for each in tallies)]),
        hits=tuple(
            Pairs(
                detections=_shifted([each.hits[place].detections for each in tallies], detected),
                truths=_shifted([each.hits[place].truths for each in tallies], annotated),
            )
            for place in range(rules)
        ),
        difficult=np.concatenate([np.zeros(0, dtype=np.bool_), *(each.difficult for each in tallies)]),
    )


def _starts(lengths: Sequence[int]) -> Indices:
    """Where each of some arrays begins when they are put one after the other."""
    starts: Indices = np.cumsum([0, *lengths], dtype=np.intp)[:-1]
    return starts


def _shifted(positions: Sequence[Indices], starts: Indices) -> Indices:
    """Put positions one after the other, counting each from its start on."""
    joint = np.concatenate([np.zeros(0, dtype=np.intp), *positions])
    shifted: Indices = joint + np.repeat(starts, [len(each) for each in positions])
    return shifted
