"""What counts as a match: the rules of the reference and those of the VOC devkit.

Both give the best-overlapping object to each detection, in order of score. They differ in what scores and boxes go
through before, which :class:`EvaluationProtocol` spells out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.mean_ap.text_rounding import text_rounded
from zoo_detection.mean_ap.tie_order import published_descending

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]

MIN_OVERLAP: Final = 0.5
"""A detection finds an object if their IoU exceeds this."""


@dataclass(frozen=True, kw_only=True)
class EvaluationProtocol:
    """One definition of a match, from the detector's boxes to true and false positives.

    Attributes:
        name: What manifests call it.
        score_decimals: Decimals of the scores in the text files that detections pass through, or ``None``
            where they pass through none.
        box_decimals: Likewise for coordinates.
        detection_offset: Added to the detections' coordinates, before rounding.
        ground_truth_offset: Added to the annotated coordinates, which are 1-based inclusive pixels.
        border: Added to widths and heights: 1 where corners are the first and last pixel inside.
        stable: Whether equal scores stay in the order given. Otherwise they come in the order of the published
            figure, see :mod:`.tie_order`.
        undetected: The AP of a class with no detections at all.
    """

    name: str
    score_decimals: int | None
    box_decimals: int | None
    detection_offset: float
    ground_truth_offset: float
    border: float
    stable: bool
    undetected: float

    def for_result_files(self) -> EvaluationProtocol:
        """Return the same protocol for detections read from a result file: 1-based, rounded as written."""
        return replace(self, score_decimals=None, box_decimals=None, detection_offset=0.0)

    def ranking(self, scores: Floats) -> NDArray[np.intp]:
        """Order [D] of the detections, best score first, from their scores [D]."""
        return self.ordered(self.written(scores))

    def written(self, scores: Floats) -> Floats:
        """The scores [D] that detections are sorted by, from their scores [D]."""
        return scores if self.score_decimals is None else text_rounded(scores, self.score_decimals)

    def ordered(self, written: Floats) -> NDArray[np.intp]:
        """Order [D] of the scores [D] that ``written`` gave."""
        return stable_descending(written) if self.stable else published_descending(written)

    def detection_boxes(self, boxes: Floats) -> NDArray[np.float64]:
        """Boxes [K, 4] xyxy as they enter the overlap, from the detections' boxes [K, 4] xyxy."""
        shifted = boxes.astype(np.float64) + self.detection_offset
        return shifted if self.box_decimals is None else text_rounded(shifted, self.box_decimals)

    def ground_truth_boxes(self, boxes: Floats) -> NDArray[np.float64]:
        """Boxes [G, 4] xyxy as they enter the overlap, from the annotated boxes [G, 4] xyxy."""
        return boxes.astype(np.float64) + self.ground_truth_offset


REFERENCE: Final = EvaluationProtocol(
    name="reference",
    score_decimals=3,
    box_decimals=1,
    detection_offset=1.0,
    ground_truth_offset=-1.0,
    border=0.0,
    stable=False,
    undetected=-1.0,
)
"""The published number's rules (reference: eval_refinedet.py). Detections are shifted by 1, written with
``%.3f`` and ``%.1f``, and read back, which makes many of them equal; equal ones come in the order that numpy gave them
then; objects are shifted by 1 the other way; never detected counts -1."""
DEVKIT: Final = EvaluationProtocol(
    name="devkit",
    score_decimals=None,
    box_decimals=None,
    detection_offset=1.0,
    ground_truth_offset=0.0,
    border=1.0,
    stable=True,
    undetected=0.0,
)
"""What papers mean (VOC development kit, VOCevaldet): unrounded, 1-based inclusive pixels, a stable sort."""


def stable_descending(scores: Floats) -> NDArray[np.intp]:
    """Order [D] of finite scores [D] from the highest down, equal ones as they come.

    Two stable sorts of 16-bit numbers, which numpy does digit by digit, take a float32 in about a third of the time
    of the fastest other sort on a processor with slow AVX-512 stores, and as long on one without: read as a whole
    number, a float32 grows with its value; a negative one does once all bits but the sign are turned over.
    Subtracting from 0 makes the two zeros, which are equal, the same.
    """
    order: NDArray[np.intp]
    if scores.dtype != np.float32:
        order = np.argsort(-scores, kind="stable")
        return order
    bits = (np.float32(0) - scores).view(np.int32)
    keys = bits ^ (bits >> np.int32(31) & np.int32(0x7FFFFFFF)) ^ np.int32(-0x80000000)  # unsigned from here on
    order = np.argsort(keys.astype(np.uint16), kind="stable")  # the lower half
    upper = (keys.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return order.take(np.argsort(upper.take(order), kind="stable"))
