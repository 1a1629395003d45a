"""One scoring of a set of predictions: taken in chunk by chunk, joined and sorted once, and then asked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from zoo_detection.mean_ap.average_precision import curve_of, mean_percent
from zoo_detection.mean_ap.by_class import detections_of, ground_truth_of
from zoo_detection.mean_ap.evidence.curves import class_curve
from zoo_detection.mean_ap.evidence.diagnosis import BASIS, ERRORS, error_counts, judge
from zoo_detection.mean_ap.evidence.illustration import illustrate
from zoo_detection.mean_ap.evidence.kept import Kept
from zoo_detection.mean_ap.evidence.resampling import resampled_precisions
from zoo_detection.mean_ap.evidence.targets import targets_of
from zoo_detection.mean_ap.image_scores import image_scores
from zoo_detection.mean_ap.matches import joined, matches_by_class
from zoo_detection.mean_ap.protocols import REFERENCE
from zoo_detection.mean_ap.values import MEASURES, PROTOCOLS, values_of
from zoo_runner.plugin.evidence import Diagnosis, Resamples
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.matches import JudgedClass, Matches
    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.evidence import ClassCurve, Illustration
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
    from zoo_runner.plugin.targets import Targets


class VocScoring:
    """Takes in predictions in chunks; neither their number nor their sizes change a result.

    Args:
        classes: Names in label order.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._samples: list[Sequence[Sample]] = []
        self._matches: list[tuple[Matches, ...]] = []
        self._kept: list[Kept] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Join, check and match some predictions; of most detections only scores and matches are kept.

        A prediction has ``boxes``, floating [K, 4] xyxy in 0-based pixels of the original image, unclipped;
        ``scores``, floating [K]; and ``labels``, integer [K], positions in the class list. The order of the
        detections decides between equal scores.

        Args:
            samples: The ``DetectionSample`` records after those of the chunk before; objects in other images do not
                count.
            predictions: One for each sample.

        Raises:
            ResultError: A prediction is missing, malformed or not finite; the first ones are named.
            PluginError: The samples are not from a VOC data set.
        """
        detections = detections_of(samples, predictions, self._classes)
        ground_truth = ground_truth_of(samples, self._classes)
        self._samples.append(samples)
        self._matches.append(matches_by_class(detections, ground_truth, len(self._classes), PROTOCOLS))
        self._kept.append(Kept.of(detections, ground_truth))

    def compute(self) -> VocScore:
        """Join and sort the chunks, and compute the values."""
        if not self._samples:
            self.update((), ())
        sizes = [len(each) for each in self._samples]
        judged = [
            joined([each[label] for each in self._matches], sizes, len(PROTOCOLS)).judged(PROTOCOLS)
            for label in range(len(self._classes))
        ]
        samples = [cast("DetectionSample", each) for chunk in self._samples for each in chunk]  # update takes no others
        return VocScore(self._classes, samples, judged, Kept.joined(self._kept, sizes))


class VocScore:
    """What a set of predictions scores, and why.

    Attributes:
        values: Of ``MEASURES``, in percent; see :func:`~zoo_detection.mean_ap.values.values_of`.
        error_kinds: What ``diagnose`` counts, gravest first.
        diagnosis_basis: What ``diagnose`` and ``illustrate`` look at, in one line.
    """

    error_kinds: Final = ERRORS
    diagnosis_basis: Final = BASIS

    def __init__(
        self,
        classes: tuple[str, ...],
        samples: Sequence[DetectionSample],
        judged: Sequence[Sequence[JudgedClass]],
        kept: Kept,
    ) -> None:
        self._classes = classes
        self._samples = samples
        self._kept = kept
        self._judged = judged
        self.values: tuple[MetricValue, ...] = values_of(classes, judged, PROTOCOLS)

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        """Compute the values on R resamples of the N samples at once.

        Args:
            weights: Non-negative integers [R, N]: how often each sample was drawn in each resample.

        Returns:
            One record for each of ``MEASURES``. A row of ones gives ``values``, to the last bit; see
            ``resampled_precisions`` for what repeated samples are. A class without detections, or without objects,
            in a resample counts as it does in a data set.

        Raises:
            ValueError: ``weights`` has another shape, is not integer or has a negative number.
        """
        count = len(self._samples)
        if weights.ndim and weights.shape[-1] != count:
            expected, found = tensor_text("", "integers", ["R", count]), tensor_text("", weights.dtype, weights.shape)
            raise ValueError(mismatch("weights", [expected], [found], "draw from these samples"))
        resamples = []
        for place, protocol in enumerate(PROTOCOLS):
            measures = [(name, definition) for name, own, definition in MEASURES if own is protocol]
            definitions = [definition for _, definition in measures]
            tables = resampled_precisions(self._by(place), weights, protocol.undetected, definitions)
            resamples += [
                Resamples(
                    name=name,
                    protocol=protocol.name,
                    values=mean_percent(table),
                    per_class=dict(zip(self._classes, 100.0 * table.T, strict=True)),
                )
                for (name, _), table in zip(measures, tables, strict=True)
            ]
        return tuple(resamples)

    def curves(self) -> tuple[ClassCurve, ...]:
        """Return the curve of each class by the reference protocol, thinned as ``class_curve`` says.

        Its ``average`` is the class's value of the headline, in percent.
        """
        return tuple(
            class_curve(name, curve_of(each.outcomes, REFERENCE))
            for name, each in zip(self._classes, self._by(PROTOCOLS.index(REFERENCE)), strict=True)
        )

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Score every sample on its own, and count its errors.

        Both go by the reference protocol. The score is the mean of the 11-point average precision over the classes
        that the image has counted objects of, in percent, with all its detections; see ``image_scores``. The errors
        are those of ``judge``, among the detections that ``diagnosis_basis`` names.
        """
        return self._diagnoses

    @cached_property
    def _diagnoses(self) -> tuple[Diagnosis, ...]:
        count = len(self._samples)
        scores = image_scores(self._by(PROTOCOLS.index(REFERENCE)), count)
        detections, ground_truth = self._kept.detections, self._kept.ground_truth
        errors = error_counts(judge(detections, ground_truth), detections, ground_truth, count)
        return tuple(
            Diagnosis(
                score=None if math.isnan(score) else 100.0 * score,
                errors={kind: number for kind, number in zip(ERRORS, row, strict=True) if number},
            )
            for score, row in zip(scores.tolist(), errors.tolist(), strict=True)
        )

    def targets(self) -> Targets:
        """Return the objects that count: found are those that ``diagnose`` does not count as missed."""
        return targets_of(self._kept, self._samples, self._classes)

    def illustrate(self, position: int) -> Illustration:
        """Draw one sample with its objects and the detections that ``diagnosis_basis`` names.

        Args:
            position: Of the sample among those scored, from 0.

        Raises:
            DatasetError: The image file is missing, cannot be decoded, or does not have the annotated size.
        """
        kept = self._kept.of_image(position)
        return illustrate(self._samples[position], kept.detections, kept.ground_truth, self._classes)

    def _by(self, protocol: int) -> Sequence[JudgedClass]:
        """Return the classes as judged by one of ``PROTOCOLS``."""
        return [each[protocol] for each in self._judged]
