"""COCO mean average precision: the six values of boxes that its leader board shows first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo_detection.coco.canaries import SCENES, canaries_of
from zoo_detection.coco.scoring import CocoScoring
from zoo_detection.coco.values import MEASURES, PROTOCOL
from zoo_runner.plugin.evidence import Scale

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Canary


class CocoMetric:
    """Scores detections as pycocotools does, to the last digits.

    At most the best 100 detections of an image and class count. Equal scores stay in the order of the samples, and
    within one in that of the detector.

    Args:
        classes: Names in label order.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """AP, AP50 and AP75, and AP of small, medium and large objects."""
        return tuple((name, PROTOCOL) for name, _, _ in MEASURES)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """All are percentages. The worst is that of detections that find nothing; without objects it is -100."""
        return tuple(Scale(unit="percent", worst=0.0, best=100.0) for _ in MEASURES)

    @property
    def resampled(self) -> bool:
        """That its scores can be resampled."""
        return True

    def canaries(self) -> tuple[Canary, ...]:
        """Return made-up data sets of these classes, on which every rule decides about a value."""
        return tuple(canaries_of(self.classes, SCENES))

    def scoring(self) -> CocoScoring:
        """Begin a scoring."""
        return CocoScoring(self.classes)
