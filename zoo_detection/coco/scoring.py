"""One scoring of a set of predictions by COCO's rules: taken in chunk by chunk, joined once, and then asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from zoo_detection.coco.average_precision import RECALLS, Ranked, points
from zoo_detection.coco.matching import CocoMatches, annotated, detected, matches_of
from zoo_detection.coco.resampling import resampled_averages
from zoo_detection.coco.values import MEASURES, PROTOCOL, by_class, mean_of, values_of
from zoo_detection.mean_ap.by_class import detections_of, ground_truth_of
from zoo_detection.mean_ap.evidence.diagnosis import BASIS, ERRORS, error_counts, judge
from zoo_detection.mean_ap.evidence.illustration import illustrate
from zoo_detection.mean_ap.evidence.kept import Kept
from zoo_detection.mean_ap.evidence.targets import targets_of
from zoo_runner.plugin.evidence import ClassCurve, Diagnosis, Resamples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.evidence import Illustration
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
    from zoo_runner.plugin.targets import Targets


class CocoScoring:
    """Takes in predictions in chunks; neither their number nor their sizes change a result.

    Args:
        classes: Names in label order.
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self._classes = tuple(classes)
        self._samples: list[Sequence[Sample]] = []
        self._matches: list[CocoMatches] = []
        self._kept: list[Kept] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Join, check and match some predictions.

        A prediction has ``boxes``, floating [K, 4] xyxy in pixels of the original image; ``scores``, floating [K]; and
        ``labels``, integer [K], positions in the class list. The order of the detections decides between equal scores.

        Raises:
            ResultError: A prediction is missing, malformed or not finite; the first ones are named.
            PluginError: The samples are of no detection data set with these classes.
        """
        matches = matches_of(
            detected(samples, predictions, self._classes), annotated(samples, self._classes), len(self._classes)
        )
        kept = Kept.of(detections_of(samples, predictions, self._classes), ground_truth_of(samples, self._classes))
        self._samples.append(samples)
        self._matches.append(matches)
        self._kept.append(kept)

    def compute(self) -> CocoScore:
        """Join and sort the chunks, and compute the values."""
        if not self._samples:
            self.update((), ())
        sizes = [len(each) for each in self._samples]
        samples = [cast("DetectionSample", each) for chunk in self._samples for each in chunk]  # update takes no others
        return CocoScore(self._classes, samples, joined(self._matches, sizes), Kept.joined(self._kept, sizes))


def joined(parts: Sequence[CocoMatches], images: Sequence[int]) -> CocoMatches:
    """Join consecutive parts of the images, at least one; each part has so many images."""
    columns = {each.name: np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(CocoMatches)}
    starts = np.cumsum([0, *images])[:-1]
    for name in ("images", "object_images"):
        columns[name] += np.repeat(starts, [len(getattr(part, name)) for part in parts]).astype(np.int32)
    before = np.cumsum([0, *(len(part.images) for part in parts)])[:-1]
    columns["hits"] += np.repeat(before, [len(part.hits) for part in parts])
    return CocoMatches(**columns)


class CocoScore:
    """What a set of predictions scores, and why.

    Attributes:
        values: Of ``MEASURES``, in percent; see :func:`~zoo_detection.coco.values.values_of`.
        error_kinds: What ``diagnose`` counts, gravest first.
        diagnosis_basis: What ``diagnose`` and ``illustrate`` look at, in one line.
    """

    error_kinds: Final = ERRORS
    diagnosis_basis: Final = BASIS

    def __init__(
        self, classes: tuple[str, ...], samples: Sequence[DetectionSample], matches: CocoMatches, kept: Kept
    ) -> None:
        self._classes = classes
        self._samples = samples
        self._matches = matches
        self._kept = kept
        self.ranked = Ranked.of(
            matches, matches.labels.astype(np.intp), matches.object_labels.astype(np.intp), len(classes)
        )
        self.values: tuple[MetricValue, ...] = values_of(classes, self.ranked)

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        """Compute the values on R resamples of the N samples at once.

        Args:
            weights: Non-negative integers [R, N]: how often each sample was drawn in each resample.

        Returns:
            One record for each of ``MEASURES``. A class that has no object that counts in a resample has NaN there,
            and is left out of its mean, as in a data set.

        Raises:
            ValueError: ``weights`` has another shape, is not integer or has a negative number.
        """
        averages = resampled_averages(self.ranked, weights, len(self._samples))
        records = []
        for value, (name, area, overlaps) in zip(self.values, MEASURES, strict=True):
            table = by_class(averages, area, overlaps)
            rows = zip(self._classes, table.T, strict=True)
            own = {label: column for label, column in rows if label in value.per_class}
            records.append(Resamples(name=name, protocol=PROTOCOL, values=mean_of(table), per_class=own))
        return tuple(records)

    def curves(self) -> tuple[ClassCurve, ...]:
        """Return the curve of each class that has objects: the mean precision over the ten overlaps at each recall.

        Its ``average`` is the class's value of the headline, in percent.
        """
        drawn = list(points(self.ranked, 0))
        curves = []
        for place, label in enumerate(self._classes):
            if label not in self.values[0].per_class:
                continue
            levels = np.mean([each.level_precision(place) for each in drawn], axis=0)
            curves.append(
                ClassCurve(
                    label=label,
                    average=self.values[0].per_class[label],
                    recall=tuple(RECALLS.tolist()),
                    precision=tuple(levels.tolist()),
                    levels=tuple(RECALLS.tolist()),
                    level_precision=tuple(levels.tolist()),
                )
            )
        return tuple(curves)

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Score every sample on its own, and count its errors.

        The score is the headline of the image alone: the mean over the classes that it has counted objects of. The
        errors are those of :func:`~zoo_detection.mean_ap.evidence.diagnosis.judge`, which takes an object as found at
        an IoU above one half.
        """
        return self._diagnoses

    @cached_property
    def _diagnoses(self) -> tuple[Diagnosis, ...]:
        detections, ground_truth = self._kept.detections, self._kept.ground_truth
        errors = error_counts(judge(detections, ground_truth), detections, ground_truth, len(self._samples))
        return tuple(
            Diagnosis(
                score=None if score < 0 else score,
                errors={kind: number for kind, number in zip(ERRORS, row, strict=True) if number},
            )
            for score, row in zip(self._image_scores().tolist(), errors.tolist(), strict=True)
        )

    def _image_scores(self) -> NDArray[np.float64]:
        """The headline [N] of each image alone; ``ABSENT`` without objects that count."""
        matches, count = self._matches, len(self._classes)
        groups = matches.images.astype(np.intp) * count + matches.labels
        objects = matches.object_images.astype(np.intp) * count + matches.object_labels
        alone = Ranked.of(matches, groups, objects, len(self._samples) * count)
        averages = np.array([each.averages() for each in points(alone, 0)])
        return mean_of(100.0 * averages.mean(axis=0).reshape(-1, count))

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
