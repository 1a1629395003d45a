"""VOC mean average precision, as a metric of a plugin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_detection.mean_ap.canaries import canaries_of
from zoo_detection.mean_ap.canary_scenes import SCENES
from zoo_detection.mean_ap.matches import matches_of
from zoo_detection.mean_ap.scoring import VocScoring
from zoo_detection.mean_ap.values import MEASURES, PROTOCOLS, values_of
from zoo_runner.plugin.evidence import Scale

if TYPE_CHECKING:
    from zoo_detection.mean_ap.matching import Detections, GroundTruth
    from zoo_detection.mean_ap.protocols import EvaluationProtocol
    from zoo_runner.plugin.evidence import Canary
    from zoo_runner.plugin.interfaces import MetricValue


@dataclass(frozen=True)
class VocMetric:
    """Mean average precision over the classes.

    Attributes:
        classes: Names in label order.
    """

    classes: tuple[str, ...]

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """Name and protocol of each value, the headline first."""
        return tuple((name, protocol.name) for name, protocol, _ in MEASURES)

    @property
    def scales(self) -> tuple[Scale, ...]:
        """How the values are read. The worst is that of detections that find nothing; none at all can count less."""
        return tuple(Scale(unit="percent", worst=0.0, best=100.0) for _ in MEASURES)

    @property
    def resampled(self) -> bool:
        """That its scores can be resampled."""
        return True

    def canaries(self) -> tuple[Canary, ...]:
        """Return made-up data sets of these classes, on which every rule of the protocols decides about a value."""
        return tuple(canaries_of(self.classes, SCENES))

    def scoring(self) -> VocScoring:
        """Begin a scoring."""
        return VocScoring(self.classes)

    def score(
        self,
        detections: Sequence[Detections],
        ground_truth: Sequence[GroundTruth],
        protocols: Sequence[EvaluationProtocol] = PROTOCOLS,
    ) -> tuple[MetricValue, ...]:
        """Score detections and objects by class, such as those of result files.

        For result files, ``protocols`` are those of ``PROTOCOLS``, each ``for_result_files()``.
        """
        matches = [matches_of(*each, protocols) for each in zip(detections, ground_truth, strict=True)]
        return values_of(self.classes, [each.judged(protocols) for each in matches], protocols)
