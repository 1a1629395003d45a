"""What diagnosis and pictures need of the predictions: all objects, and the few detections that anybody acts on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_detection.mean_ap.by_class import joined, some_of
from zoo_detection.mean_ap.evidence.diagnosis import acted_on

if TYPE_CHECKING:
    from zoo_detection.mean_ap.by_class import LabelledDetections, LabelledGroundTruth


@dataclass(frozen=True, kw_only=True, eq=False)
class Kept:
    """Detections and objects of some images.

    Attributes:
        detections: Those that :func:`~zoo_detection.mean_ap.evidence.diagnosis.judge` looks at.
        ground_truth: All objects.
    """

    detections: LabelledDetections
    ground_truth: LabelledGroundTruth

    @classmethod
    def of(cls, detections: LabelledDetections, ground_truth: LabelledGroundTruth) -> Kept:
        """Keep what is needed."""
        return cls(detections=some_of(detections, acted_on(detections)), ground_truth=ground_truth)

    @classmethod
    def joined(cls, parts: Sequence[Kept], images: Sequence[int]) -> Kept:
        """Join consecutive parts of the images, at least one; each part has so many images."""
        return cls(
            detections=joined([each.detections for each in parts], images),
            ground_truth=joined([each.ground_truth for each in parts], images),
        )

    def of_image(self, position: int) -> Kept:
        """Return what the image at a position has."""
        found, true = self.detections, self.ground_truth
        return Kept(
            detections=some_of(found, found.images == position), ground_truth=some_of(true, true.images == position)
        )
