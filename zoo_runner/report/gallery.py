"""Which samples the report shows, and what is drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.evidence import DiagnosedScore
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.report.model import Report

SHOWN: Final = 24
"""Pictures in a report: enough to see a pattern, few enough that the file stays small."""


def pictures(report: Report, samples: Sequence[Sample], scored: Scored) -> tuple[Picture, ...]:
    """Draw the samples that are worth a look.

    Those that lost most against the baseline come first, then those with the worst scores.

    Args:
        report: Finished; its diagnosis and its comparison say which samples are worth a look.
        samples: Those that were scored.
        scored: What the metric found.

    Returns:
        At most :data:`SHOWN` pictures; none if it is no ``DiagnosedScore``.
    """
    if not isinstance(scored, DiagnosedScore):
        return ()
    positions = {sample.index: position for position, sample in enumerate(samples)}
    wanted = [positions[index] for index in _candidates(report) if index in positions]
    chosen = list(dict.fromkeys(wanted))[:SHOWN]
    diagnoses = scored.diagnose()
    return tuple(
        Picture(
            id=samples[position].id,
            index=samples[position].index,
            score=diagnoses[position].score,
            errors={kind: count for kind, count in diagnoses[position].errors.items() if count},
            illustration=scored.illustrate(position),
        )
        for position in chosen
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
