"""Which samples the report shows, and what is drawn on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.evidence import DiagnosedScore
from zoo_runner.report.picture import Picture

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Diagnosis
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.report.model import Report

SHOWN: Final = 24
"""Pictures in a report: enough to see a pattern, few enough that the file stays small."""


PER_KIND: Final = 2
"""Pictures that each kind of error has at least, if there are so many."""


def pictures(report: Report, samples: Sequence[Sample], scored: Scored) -> tuple[Picture, ...]:
    """Draw the samples that are worth a look.

    Those that lost most against the baseline come first, then those with the worst scores. No kind of error is missing
    that the run has: of each the samples with the most of it are among them.

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
    wanted = [positions[index] for index in worth_a_look(report) if index in positions]
    diagnoses = scored.diagnose()
    chosen = _chosen(list(dict.fromkeys(wanted)), scored.error_kinds, diagnoses)
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


def _chosen(wanted: Sequence[int], kinds: Sequence[str], diagnoses: Sequence[Diagnosis]) -> list[int]:
    """Choose positions among those that are wanted, in their order, and a few of each kind of error."""
    if not wanted:
        return []
    of_kinds = dict.fromkeys(place for kind in kinds for place in _most_of(kind, wanted, diagnoses))
    few = list(of_kinds)[:SHOWN]
    kept = set(list(dict.fromkeys([*few, *wanted]))[:SHOWN])
    others = [place for place in few if place not in {*wanted}]
    return [*(place for place in wanted if place in kept), *others][:SHOWN]


def _most_of(kind: str, wanted: Sequence[int], diagnoses: Sequence[Diagnosis]) -> list[int]:
    """Return positions of samples with errors of a kind: of those that are wanted, else those that have most of it."""
    first = [place for place in wanted if diagnoses[place].errors.get(kind)][:PER_KIND]
    if first:
        return first
    having = [place for place, each in enumerate(diagnoses) if each.errors.get(kind)]
    return sorted(having, key=lambda place: -diagnoses[place].errors[kind])[:PER_KIND]


def worth_a_look(report: Report) -> Iterator[int]:
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
