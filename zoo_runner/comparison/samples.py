"""The single samples of two runs: where the score fell, and which errors are new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.comparison.metrics import EXACT, loss
from zoo_runner.plugin.evidence import DiagnosedScore, Diagnosis
from zoo_runner.report.changes import SampleChange

if TYPE_CHECKING:
    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.manifest.direction import Direction
    from zoo_runner.plugin.interfaces import Sample

SHOWN: Final = 50
"""How many samples are kept, the worst first."""


@dataclass(frozen=True, kw_only=True)
class SampleChanges:
    """What became of the single samples.

    Attributes:
        before: The baseline's errors by kind, gravest first, by today's annotations.
        after: This run's.
        worst: The samples that changed, the largest loss first; the first ones of them.
        fell: Of each sample, whether its score is worse than before.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    worst: tuple[SampleChange, ...]
    fell: tuple[bool, ...]

    @property
    def lower(self) -> int:
        """How many samples have a worse score than before."""
        return sum(self.fell)


def sample_changes(scored: ScoredPairs, direction: Direction) -> SampleChanges | None:
    """Judge both predictions of every sample on their own.

    Args:
        scored: Both predictions of each sample.
        direction: That of the headline, which the samples' own scores have too.

    Returns:
        ``None`` if the metric cannot say what is wrong with a prediction, or not of the baseline's.
    """
    if not isinstance(scored.before, DiagnosedScore) or not isinstance(scored.after, DiagnosedScore):
        return None
    before, after = scored.before.diagnose(), scored.after.diagnose()
    judged = zip(scored.pairs.samples, before, after, strict=True)
    every = [_change(*each, direction) for each in judged]
    changed = [each for each in every if abs(each.lost) > EXACT or each.errors]
    changed.sort(key=lambda each: (-each.lost, -sum(each.errors.values()), each.index))
    return SampleChanges(
        before=_totals(scored.before.error_kinds, before),
        after=_totals(scored.after.error_kinds, after),
        worst=tuple(changed[:SHOWN]),
        fell=tuple(each.lost > EXACT for each in every),
    )


def _change(sample: Sample, before: Diagnosis, after: Diagnosis, direction: Direction) -> SampleChange:
    lost = 0.0
    if before.score is not None and after.score is not None:
        lost = loss(before.score, after.score, direction)
    kinds = [*after.errors, *(kind for kind in before.errors if kind not in after.errors)]
    more = {kind: after.errors.get(kind, 0) - before.errors.get(kind, 0) for kind in kinds}
    return SampleChange(
        id=sample.id,
        index=sample.index,
        before=before.score,
        after=after.score,
        lost=lost,
        errors={kind: count for kind, count in more.items() if count},
    )


def _totals(kinds: Sequence[str], diagnoses: Sequence[Diagnosis]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for diagnosis in diagnoses:
        totals.update(diagnosis.errors)
    return {kind: totals[kind] for kind in kinds}
