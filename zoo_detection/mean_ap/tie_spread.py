"""How far the order of equal scores can move an average precision.

Within a tie some detections are right, some wrong, and some count neither way. How many of each is the same in every
order: of several that find one object the first is right and the others are wrong, and if a better score found it
before, all are. Precision is read where recall rises, at the right ones, and is the lower the more wrong ones come
before. So the average is greatest where all right detections of a tie precede its wrong ones. It is least where the
wrong ones come first, as far as they can: a second detection of an object follows the right one, at once, and of the
objects those come first that have most of them. Every other order lies between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_detection.mean_ap.average_precision import curve_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.average_precision import Curve, Definition
    from zoo_detection.mean_ap.matching import Outcomes, Pairs
    from zoo_detection.mean_ap.protocols import EvaluationProtocol

    Indices = NDArray[np.intp]


def false_spread(judged: Outcomes, written: NDArray[np.floating[Any]], hits: Pairs) -> tuple[Indices, Indices] | None:
    """Count the false positives before each true one, in the best and in the worst order of ties.

    Args:
        judged: Detections in some order of their ties.
        written: Floating [D], the scores that they were sorted by.
        hits: Which of them find which object.

    Returns:
        The least and the most of them, [T] each; nothing where the order changes nothing.
    """
    scores = written.take(judged.order)
    starts = np.flatnonzero(scores[1:] != scores[:-1]) + 1
    tie = np.searchsorted(starts, judged.true, side="right")
    edges = np.concatenate((np.zeros(1, dtype=np.intp), starts, np.array([len(scores)], dtype=np.intp)))
    least, most = (_false_before(judged, edges.take(tie + end)) for end in (0, 1))
    if np.array_equal(least, most):
        return None
    most -= _bound_to_follow(tie, _repeats(judged, written, hits))
    return None if np.array_equal(least, most) else (least, most)


def _repeats(judged: Outcomes, written: NDArray[np.floating[Any]], hits: Pairs) -> Indices:
    """How many further detections [T] with the same score find the object of each true positive."""
    first = judged.order.take(judged.true)
    objects = hits.objects.take(np.searchsorted(hits.detections, first))
    best = np.full(int(hits.objects.max(initial=-1)) + 1, np.nan)
    best[objects] = written.take(first)
    same = written.take(hits.detections) == best.take(hits.objects)
    repeats: Indices = np.bincount(hits.objects[same], minlength=len(best)).take(objects) - 1
    return repeats


def _bound_to_follow(tie: Indices, repeats: Indices) -> Indices:
    """How many false positives [T] of its tie cannot come before each true one, if those with most repeats lead.

    Those are the repeats of the true one and of all after it.
    """
    order = np.lexsort((-repeats, tie))
    ahead = np.cumsum(repeats[order])
    ends = np.searchsorted(tie, tie, side="right") - 1
    bound: Indices = ahead[ends] - ahead + repeats[order]
    return bound


def _false_before(judged: Outcomes, places: Indices) -> Indices:
    """How many false positives [T] come before places [T] in the order."""
    right, neither = np.searchsorted(judged.true, places), np.searchsorted(judged.ignored, places)
    before: Indices = places - right - neither
    return before


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """The curves of one class.

    Attributes:
        curve: In the order that the detections are in.
        ends: In the worst and in the best order of ties; nothing where their order changes nothing.
    """

    curve: Curve
    ends: tuple[Curve, ...]

    @classmethod
    def of(cls, judged: Outcomes, protocol: EvaluationProtocol) -> Drawn:
        """Draw them."""
        least, most = judged.false_spread or (None, None)
        ends = () if most is None else (curve_of(judged, protocol, most), curve_of(judged, protocol, least))
        return cls(curve=curve_of(judged, protocol), ends=ends)

    def averages(self, definition: Definition) -> tuple[float, float, float]:
        """The average precision, in 0..1, and the least and the greatest in any order of ties."""
        average = self.curve.average(definition)
        least, greatest = (each.average(definition) for each in self.ends) if self.ends else (average, average)
        return average, least, greatest
