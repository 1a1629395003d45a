"""Precision against recall of one class, and its average by the definitions of VOC2007 and VOC2010."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from zoo_detection.mean_ap.matching import outcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.matching import Detections, GroundTruth, Outcomes
    from zoo_detection.mean_ap.protocols import EvaluationProtocol

Definition: TypeAlias = Literal["eleven points", "area"]
"""How precision is averaged over recall: as in VOC2007, or as in VOC2010 and later."""
RECALLS: Final = np.arange(0.0, 1.1, 0.1)
"""The eleven recalls of VOC2007, in the reference's floats: the fourth is 0.30000000000000004."""
EPSILON: Final = float(np.finfo(np.float64).eps)
"""What the reference divides by where nothing counts yet."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Curve:
    """Precision against recall from the best score down.

    Every point where recall rises is there, and the last one. Between two of them precision only falls, so that no
    average needs more.

    Attributes:
        recall: Float64 [P], ascending; all 0 if there are no positives, where the reference divides by 0.
        precision: Float64 [P]; 0 as long as only difficult objects were found.
        undetected: The AP if P is 0, which means that there are no detections at all.
    """

    recall: NDArray[np.float64]
    precision: NDArray[np.float64]
    undetected: float

    def envelope(self) -> NDArray[np.float64]:
        """Float64 [P], the best precision at or beyond each point."""
        best: NDArray[np.float64] = np.maximum.accumulate(self.precision[::-1])[::-1]
        return best

    def level_precision(self) -> NDArray[np.float64]:
        """Float64 [11], the best precision at or beyond each of ``RECALLS``; 0 where none reaches it."""
        best = np.append(self.envelope(), 0.0)
        levels: NDArray[np.float64] = best[np.searchsorted(self.recall, RECALLS)]
        return levels

    def average(self, definition: Definition) -> float:
        """AP in 0..1 by either definition."""
        return self.eleven_points() if definition == "eleven points" else self.area()

    def eleven_points(self) -> float:
        """AP of VOC2007 in 0..1: the mean, over recalls 0, 0.1, ..., 1, of the best precision at or beyond.

        Without positives the AP is 0 (the reference's too: no recall reaches a level); without detections it
        is ``undetected``. (Everingham et al. 2010, "The PASCAL Visual Object Classes Challenge", section 4.2.)
        """
        return float(eleven_point_sum(self.level_precision())) if self.recall.size else self.undetected

    def area(self) -> float:
        """AP of VOC2010 and later in 0..1: the area under the monotone envelope of the curve.

        Without positives the AP is 0; without detections it is ``undetected``. (VOC2012 development kit, section
        3.4.1.) Strips are added one after the other, so that the sum is the same on every processor.
        """
        return float(strip_sum(self.recall, self.envelope())) if self.recall.size else self.undetected


def eleven_point_sum(levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean [...] of the precision [..., 11] at the eleven recalls: the reference's sum, to the last bit."""
    average: NDArray[np.float64] = np.zeros(levels.shape[:-1])
    for level in range(len(RECALLS)):
        average = average + levels[..., level] / len(RECALLS)
    return average


def mean_percent(precisions: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean [...] of average precisions [..., C] in 0..1 over C classes, in percent.

    Classes are added one after the other: numpy's sums have an order that its releases and processors may change.
    """
    total: NDArray[np.float64] = np.zeros(precisions.shape[:-1])
    for label in range(precisions.shape[-1]):
        total = total + precisions[..., label]
    percent: NDArray[np.float64] = 100.0 * total / precisions.shape[-1]
    return percent


def least_found(positives: NDArray[np.signedinteger[Any]]) -> NDArray[np.float64]:
    """How many objects [R, 11] of so many [R] reach each of the eleven recalls, as floating division sees it."""
    whole = np.maximum(positives, 1)[:, np.newaxis].astype(np.float64)
    least: NDArray[np.float64] = np.ceil(RECALLS * whole)
    least -= (least - 1) / whole >= RECALLS
    least += least / whole < RECALLS
    return least


def strip_sum(recall: NDArray[np.float64], envelope: NDArray[np.float64]) -> NDArray[np.float64]:
    """The area [...] under envelopes [..., P] over ascending recalls [..., P], from recall 0; P is not 0.

    Adding nothing where recall does not rise changes no bit of a sum that is taken in order.
    """
    strips = np.diff(recall, axis=-1, prepend=0.0) * envelope
    area: NDArray[np.float64] = np.cumsum(strips, axis=-1)[..., -1]
    return area


def precision_recall(detections: Detections, ground_truth: GroundTruth, protocol: EvaluationProtocol) -> Curve:
    """Score the detections of one class.

    Args:
        detections: The detections.
        ground_truth: The objects.
        protocol: How boxes and scores are read, and what finds an object; see
            :func:`~zoo_detection.mean_ap.matching.judged`.
    """
    return curve_of(outcomes(detections, ground_truth, protocol), protocol)


def curve_of(judged: Outcomes, protocol: EvaluationProtocol, false_before: NDArray[np.intp] | None = None) -> Curve:
    """Draw the curve of detections that were judged by a protocol.

    Args:
        judged: The detections.
        protocol: By which they were judged.
        false_before: False positives [T] before each true one, instead of those of the order that they are in.
    """
    count = len(judged.order)
    true = np.arange(1.0, len(judged.true) + 1)
    false = (judged.false_before if false_before is None else false_before).astype(np.float64)
    if count and (not true.size or judged.true[-1] < count - 1):
        true = np.append(true, float(true.size))
        false = np.append(false, float(count - len(judged.true) - len(judged.ignored)))
    return Curve(
        recall=true / float(max(judged.positives, 1)),
        precision=true / np.maximum(true + false, EPSILON),
        undetected=protocol.undetected,
    )
