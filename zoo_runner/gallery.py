"""Which samples the report shows, and what is drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.evidence import DiagnosingMetric
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from zoo_runner.interfaces import Arrays, Metric, Sample
    from zoo_runner.report.model import Report

SHOWN: Final = 24
"""Pictures in a report: enough to see a pattern, few enough that the file stays small."""


def pictures(
    report: Report, samples: Sequence[Sample], predictions: Sequence[Arrays], metric: Metric
) -> tuple[Picture, ...]:
    """Draw the samples that are worth a look.

    Those that lost most against the baseline come first, then those with the worst scores.

    Args:
        report: Finished; its diagnosis and its comparison say which samples are worth a look.
        samples: What was scored.
        predictions: One for each sample.
        metric: What they were scored by.

    Returns:
        At most :data:`SHOWN` pictures; none if the metric does not implement ``DiagnosingMetric``.
    """
    if not isinstance(metric, DiagnosingMetric):
        return ()
    positions = {sample.index: position for position, sample in enumerate(samples)}
    wanted = [positions[index] for index in _candidates(report) if index in positions]
    chosen = list(dict.fromkeys(wanted))[:SHOWN]
    found = metric.diagnose([samples[each] for each in chosen], [predictions[each] for each in chosen])
    return tuple(
        Picture(
            id=samples[position].id,
            index=samples[position].index,
            score=diagnosis.score,
            errors={kind: count for kind, count in diagnosis.errors.items() if count},
            illustration=metric.illustrate(samples[position], predictions[position]),
        )
        for position, diagnosis in zip(chosen, found, strict=True)
    )


def _candidates(report: Report) -> Iterator[int]:
    """Yield the indices of samples, the most telling first; some come twice."""
    if report.comparison:
        worsened = [
            each for each in report.comparison.samples if each.lost > 0 or any(map(_positive, each.errors.values()))
        ]
        yield from (each.index for each in worsened)
    if report.diagnosis:
        yield from (each.index for each in report.diagnosis.worst)


def _positive(count: int) -> bool:
    return count > 0
