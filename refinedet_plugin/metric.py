"""VOC mean average precision, by all the definitions that published numbers use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from refinedet_plugin.average_precision import curve_of, precision_recall
from refinedet_plugin.by_class import detections_by_class, detections_of, truths_by_class, truths_of
from refinedet_plugin.curves import class_curve
from refinedet_plugin.diagnosis import BASIS, ERRORS, error_counts, judge
from refinedet_plugin.illustration import illustrate
from refinedet_plugin.image_scores import image_scores
from refinedet_plugin.resampling import resampled_precisions
from refinedet_plugin.rules import DEVKIT, REFERENCE
from refinedet_plugin.tally import joined, tallies_of, tally_of
from zoo_runner.evidence import Diagnosis, Resamples
from zoo_runner.interfaces import MetricValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.average_precision import Definition
    from refinedet_plugin.matching import Detections, Truths
    from refinedet_plugin.rules import Rules
    from refinedet_plugin.tally import Tally
    from refinedet_plugin.voc import VocSample
    from zoo_runner.evidence import ClassCurve, Illustration
    from zoo_runner.interfaces import Arrays, Sample

VOC07: Final = "voc07_map"
"""Mean over classes of the 11-point average precision (VOC2007)."""
VOC10: Final = "voc10_map"
"""Mean over classes of the area under the precision envelope (VOC2010 and later)."""

RULES: Final = (REFERENCE, DEVKIT)
"""All that the measures go by."""
MEASURES: Final[tuple[tuple[str, Rules, Definition], ...]] = (
    (VOC07, REFERENCE, "eleven points"),
    (VOC07, DEVKIT, "eleven points"),
    (VOC10, DEVKIT, "area"),
)


@dataclass(frozen=True)
class VocMetric:
    """Mean average precision over the classes.

    Attributes:
        classes: Names in label order.
    """

    classes: tuple[str, ...]

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """Name and protocol of the values ``evaluate`` returns, in its order."""
        return tuple((name, rules.name) for name, rules, _ in MEASURES)

    @property
    def error_kinds(self) -> tuple[str, ...]:
        """What ``diagnose`` counts, gravest first."""
        return ERRORS

    @property
    def diagnosis_basis(self) -> str:
        """What ``diagnose`` and ``illustrate`` look at, in one line."""
        return BASIS

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        """Score ``predictions[i]`` against ``samples[i]``.

        A prediction has ``boxes``, floating [K, 4] xyxy in 0-based pixels of the original image, unclipped;
        ``scores``, floating [K]; and ``labels``, integer [K], positions in ``classes``. The order of the
        detections decides between equal scores.

        Args:
            samples: The ``VocSample`` records to score on; objects in other images do not count.
            predictions: One for each sample.

        Returns:
            The 11-point mAP by the reference's rules, then by the devkit's, then the devkit's area under the
            envelope, in percent. By the reference's rules a class that was never detected counts -100.

        Raises:
            ResultError: A prediction is missing, malformed or not finite; the first ones are named.
            PluginError: The samples are not from a VOC data set.
        """
        return self.total([self.tally(samples, predictions)])

    def tally(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[Tally, ...]:
        """Find the objects of some consecutive samples, for ``total``.

        Raises:
            ResultError: As ``evaluate``.
            PluginError: As ``evaluate``.
        """
        detections, truths = detections_of(samples, predictions, self.classes), truths_of(samples, self.classes)
        return tallies_of(detections, truths, len(self.classes), RULES)

    def total(self, tallies: Sequence[tuple[Tally, ...]]) -> tuple[MetricValue, ...]:
        """Return what ``evaluate`` does, given what ``tally`` returned for all parts of the samples, in their order."""
        places = range(len(self.classes))
        return self._values([joined([each[label] for each in tallies], len(RULES)) for label in places], RULES)

    def score(
        self, detections: Sequence[Detections], truths: Sequence[Truths], rules: Sequence[Rules] = RULES
    ) -> tuple[MetricValue, ...]:
        """Do what ``evaluate`` does for detections and objects by class, such as those of result files.

        For result files, ``rules`` are those of ``RULES``, each ``for_result_files()``.
        """
        return self._values(
            [tally_of(found, true, rules) for found, true in zip(detections, truths, strict=True)], rules
        )

    def _values(self, tallies: Sequence[Tally], rules: Sequence[Rules]) -> tuple[MetricValue, ...]:
        """Score the classes by the rules that their tallies are by."""
        outcomes = [each.outcomes(rules) for each in tallies]
        support = {name: judged[0].positives for name, judged in zip(self.classes, outcomes, strict=True)}
        curves = {each.name: [curve_of(judged[place], each) for judged in outcomes] for place, each in enumerate(rules)}
        values = []
        for name, protocol, definition in MEASURES:
            precisions = [curve.average(definition) for curve in curves[protocol.name]]
            values.append(
                MetricValue(
                    name=name,
                    protocol=protocol.name,
                    value=100.0 * float(np.mean(precisions)),
                    unit="percent",
                    per_class=dict(zip(self.classes, (100.0 * each for each in precisions), strict=True)),
                    support=support,
                )
            )
        return tuple(values)

    def resampled(
        self, samples: Sequence[Sample], predictions: Sequence[Arrays], weights: NDArray[Any]
    ) -> tuple[Resamples, ...]:
        """Do what ``evaluate`` does for R resamples of the samples at once.

        Args:
            samples: N samples.
            predictions: One for each.
            weights: Non-negative integers [R, N]: how often each sample was drawn in each resample.

        Returns:
            One record for each of ``measures``. A row of ones gives what ``evaluate`` gives, to the last bit; see
            ``resampled_precisions`` for what repeated samples are. A class without detections, or without objects,
            in a resample counts as it does in a data set.

        Raises:
            ResultError: As ``evaluate``.
            PluginError: As ``evaluate``.
            ValueError: ``weights`` has another shape, is not integer or has a negative number.
        """
        if weights.ndim and weights.shape[-1] != len(samples):
            raise ValueError(
                f"expected weights [R, {len(samples)}]; found {list(weights.shape)}; draw from these samples"
            )
        detections = detections_by_class(samples, predictions, self.classes)
        truths = truths_by_class(samples, self.classes)
        resamples = []
        for rules in RULES:
            measures = [(name, definition) for name, protocol, definition in MEASURES if protocol is rules]
            definitions = [definition for _, definition in measures]
            tables = resampled_precisions(detections, truths, weights, rules, definitions)
            resamples += [
                Resamples(
                    name=name,
                    protocol=rules.name,
                    # row by row, as evaluate: numpy adds up a matrix in an order of its own
                    values=np.array([100.0 * float(np.mean(row)) for row in table], dtype=np.float64),
                    per_class=dict(zip(self.classes, 100.0 * table.T, strict=True)),
                )
                for (name, _), table in zip(measures, tables, strict=True)
            ]
        return tuple(resamples)

    def curves(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[ClassCurve, ...]:
        """Return the curve of each class by the reference's rules, thinned as ``class_curve`` says.

        Its ``average`` is the class's value of the headline, in percent.

        Raises:
            ResultError: As ``evaluate``.
            PluginError: As ``evaluate``.
        """
        detections = detections_by_class(samples, predictions, self.classes)
        truths = truths_by_class(samples, self.classes)
        return tuple(
            class_curve(name, precision_recall(found, true, REFERENCE))
            for name, found, true in zip(self.classes, detections, truths, strict=True)
        )

    def diagnose(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[Diagnosis, ...]:
        """Score every sample on its own, and count its errors.

        Both go by the reference's rules. The score is the mean of the 11-point average precision over the classes
        that the image has counted objects of, in percent, with all its detections; see ``image_scores``. The errors
        are those of ``judge``, among the detections that ``diagnosis_basis`` names.

        Raises:
            ResultError: As ``evaluate``.
            PluginError: As ``evaluate``.
        """
        detections, truths = detections_of(samples, predictions, self.classes), truths_of(samples, self.classes)
        count = len(self.classes)
        scores = image_scores(detections.by_class(count), truths.by_class(count), REFERENCE, len(samples))
        errors = error_counts(judge(detections, truths), detections, truths, len(samples))
        return tuple(
            Diagnosis(
                score=None if math.isnan(score) else 100.0 * score,
                errors={kind: number for kind, number in zip(ERRORS, row, strict=True) if number},
            )
            for score, row in zip(scores.tolist(), errors.tolist(), strict=True)
        )

    def illustrate(self, sample: Sample, prediction: Arrays) -> Illustration:
        """Draw one sample with its objects and the detections that ``diagnosis_basis`` names.

        Raises:
            DatasetError: The image file is missing, cannot be decoded, or does not have the annotated size.
            ResultError: As ``evaluate``.
            PluginError: As ``evaluate``.
        """
        truths = truths_of([sample], self.classes)
        detections = detections_of([sample], [prediction], self.classes)
        return illustrate(cast("VocSample", sample), detections, truths, self.classes)  # truths_of takes no others
