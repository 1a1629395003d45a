"""Metrics whose values are means over samples: the author says what one sample scores, and gets the rest.

Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from zoo_runner.errors import PluginError, ResultError, shortened
from zoo_runner.plugin.evidence import Diagnosis, Illustration, Resamples, Scale
from zoo_runner.plugin.interfaces import MetricValue
from zoo_runner.plugin.mean_pictures import histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample

Measures: TypeAlias = "tuple[tuple[str, str], ...]"
"""Names and protocols."""
Scores: TypeAlias = "Mapping[tuple[str, str], float] | float"
"""What one sample scores: a number for each measure, or one number where there is one measure."""

FAR_OFF: Final = "far off"
OFF: Final = "off"
LOWEST: Final = "worst tenth"
_LARGE: Final = 1e280
"""Scores beyond it are made smaller before they are summed: the sum of many has no float."""


class SampleMeans:
    """A metric whose values are means over samples. A subclass says ``measures``, ``scales`` and :meth:`scores`.

    It is scored chunk by chunk, and keeps one float64 per sample and measure. Its values are the same to the last bit
    however the samples are divided; they have bootstrap intervals and paired comparisons, and a diagnosis of the
    samples that score worst.

    Attributes:
        measures: Which values it gives, as ``(name, protocol)``, headline first.
        scales: How each of them is read, in that order. With ``worst`` and ``best`` of the headline the diagnosis tells
            samples that are off from those that are far off.
    """

    measures: Measures
    scales: tuple[Scale, ...]
    resampled = True

    def scores(self, prediction: Arrays, sample: Sample) -> Scores:
        """Return what one prediction scores, in the units of ``scales``.

        Args:
            prediction: As the postprocessing returned it.
            sample: The sample that it is of.

        Returns:
            A mapping with a finite number for each of ``measures``; a number alone where there is one measure.
        """
        raise NotImplementedError

    def scoring(self) -> MeanScoring:
        """Begin a scoring.

        Raises:
            PluginError: There are no measures, or not as many scales.
        """
        if not self.measures or len(self.scales) != len(self.measures):
            raise PluginError(
                f"{type(self).__name__}: expected one of scales for each of measures, and at least one, found "
                f"{len(self.measures)} measures and {len(self.scales)} scales; correct the plugin"
            )
        return MeanScoring(self)


class MeanScoring:
    """One scoring of a :class:`SampleMeans`.

    Args:
        metric: Says what a sample scores.
    """

    def __init__(self, metric: SampleMeans) -> None:
        self._metric = metric
        self._rows = array("d")

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Score the next chunk, sample by sample.

        Raises:
            PluginError: The metric gave something else than a number for each measure.
            ResultError: A score is not finite; the sample is named.
        """
        for sample, prediction in zip(samples, predictions, strict=True):
            self._rows.extend(self._row(self._metric.scores(prediction, sample), sample))

    def compute(self) -> MeanScore:
        """Return the means of all samples; without any, they are NaN."""
        import numpy as np  # noqa: PLC0415 - keeps `zoo-run --help` free of numpy

        rows = np.array(self._rows, dtype=np.float64).reshape(-1, len(self._metric.measures))
        return MeanScore(measures=self._metric.measures, scales=self._metric.scales, rows=rows)

    def _row(self, scores: Scores, sample: Sample) -> list[float]:
        measures = self._metric.measures
        alone = not isinstance(scores, Mapping) and len(measures) == 1
        given = dict.fromkeys(measures, scores) if alone else scores
        if not isinstance(given, Mapping) or set(given) != set(measures):
            found = list(given) if isinstance(given, Mapping) else f"no mapping: {shortened(repr(given))}"
            raise PluginError(
                f"{type(self._metric).__name__}.scores: sample {shortened(sample.id)!r}: expected a mapping with a "
                f"number for each of {list(measures)}, found {found}; correct the plugin"
            )
        row = [_number(given[measure]) for measure in measures]
        for measure, value in zip(measures, row, strict=True):
            if value is None or not math.isfinite(value):
                name = "/".join(measure)
                raise ResultError(
                    f"sample {shortened(sample.id)!r}: expected a finite number as its {name}, found "
                    f"{shortened(repr(given[measure]))}; look at its prediction, and at "
                    f"{type(self._metric).__name__}.scores"
                )
        return [value for value in row if value is not None]


def _number(value: Any) -> float | None:
    """Return a score as a float; ``None`` for what is no number."""
    try:
        return None if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError):
        return None


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanScore:
    """What a set of predictions scores by a :class:`SampleMeans`.

    Attributes:
        measures: As the metric's.
        scales: As the metric's.
        rows: What each sample scores, float64 [N, M], in the order of the samples and the measures.
    """

    measures: Measures
    scales: tuple[Scale, ...]
    rows: NDArray[Any]

    @property
    def values(self) -> tuple[MetricValue, ...]:
        """The mean of each measure; no order of the samples changes a bit of it."""
        return tuple(
            MetricValue(
                name=name,
                protocol=protocol,
                value=mean(column.tolist()),
                unit=scale.unit,
                higher_is_better=scale.higher_is_better,
            )
            for (name, protocol), scale, column in zip(self.measures, self.scales, self.rows.T, strict=True)
        )

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        """Return the means of R resamples.

        Args:
            weights: Non-negative integers [R, N]: how often each sample was drawn.
        """
        import numpy as np  # noqa: PLC0415 - keeps `zoo-run --help` free of numpy

        drawn = np.asarray(weights, dtype=np.float64)
        by = 2.0**-64 if np.abs(self.rows).max(initial=0.0) > _LARGE else 1.0
        with np.errstate(invalid="ignore", over="ignore"):  # of nothing drawn the mean is NaN
            means = (drawn @ (by * self.rows)) / drawn.sum(axis=1, keepdims=True) / by
        if len(self.rows):  # as in :func:`mean`
            means = np.clip(means, self.rows.min(axis=0), self.rows.max(axis=0))
        return tuple(
            Resamples(name=name, protocol=protocol, values=column)
            for (name, protocol), column in zip(self.measures, means.T, strict=True)
        )

    @property
    def error_kinds(self) -> tuple[str, ...]:
        """Kinds of samples that are not as good as they could be, gravest first."""
        return tuple(kind for kind, _ in self._limits())

    @property
    def diagnosis_basis(self) -> str:
        """What a sample of each kind is."""
        name, unit = "/".join(self.measures[0]), self.scales[0].unit
        side = "below" if self.scales[0].higher_is_better else "above"
        kinds = ", ".join(f"{kind}: {side} {limit:.6g} {unit}" for kind, limit in self._limits())
        return f"{name} of a sample alone ({kinds or 'all samples are equal'})"

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """Return the headline of each sample, and of which kind it is."""
        sign = 1 if self.scales[0].higher_is_better else -1
        limits = self._limits()
        found = []
        for score in self.rows[:, 0].tolist():
            kind = next((kind for kind, limit in limits if sign * score < sign * limit), None)
            found.append(Diagnosis(score=score, errors={} if kind is None else {kind: 1}))
        return tuple(found)

    def illustrate(self, position: int) -> Illustration:
        """Draw how many samples score what, with this sample marked."""
        return histogram(self.rows[:, 0].tolist(), position)

    def _limits(self) -> list[tuple[str, float]]:
        """Return the kinds, gravest first, with the score that a sample of that kind does not reach."""
        scale = self.scales[0]
        if scale.best is not None:
            half = [] if scale.worst is None else [(FAR_OFF, (scale.worst + scale.best) / 2)]
            return [*half, (OFF, scale.best)]
        scores = sorted(self.rows[:, 0].tolist(), reverse=not scale.higher_is_better)
        limit = scores[len(scores) // 10] if scores else math.nan
        return [(LOWEST, limit)] if scores and limit != scores[0] else []


def mean(values: Sequence[float]) -> float:
    """Return the mean of finite numbers, from an exact sum: the same to the last bit in any order; NaN of none."""
    if not values:
        return math.nan
    try:
        found = math.fsum(values) / len(values)
    except OverflowError:  # the sum has no float; the mean has
        found = 2 * math.fsum(value / len(values) / 2 for value in values)
    return min(max(found, min(values)), max(values))  # roundings do not lead out of the values
