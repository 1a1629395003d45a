"""The single samples of two runs: where the score fell, and which errors are new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.comparison.metrics import EXACT, loss
from zoo_runner.errors import ZooError
from zoo_runner.evidence import DiagnosingMetric, Diagnosis
from zoo_runner.report.changes import SampleChange

if TYPE_CHECKING:
    from zoo_runner.comparison.pairs import Pairs
    from zoo_runner.interfaces import Metric, Sample

SHOWN: Final = 50
"""How many samples are kept, the worst first."""


@dataclass(frozen=True, kw_only=True)
class SampleChanges:
    """What became of the single samples.

    Attributes:
        before: The baseline's errors by kind, gravest first, by today's annotations.
        after: This run's.
        worst: The samples that changed, the largest loss first; the first ones of them.
        lower: How many samples have a worse score than before.
    """

    before: Mapping[str, int]
    after: Mapping[str, int]
    worst: tuple[SampleChange, ...]
    lower: int


def sample_changes(metric: Metric, pairs: Pairs, *, higher_is_better: bool) -> SampleChanges | None:
    """Judge both predictions of every sample on their own.

    Args:
        metric: Says what is wrong with a prediction.
        pairs: Both predictions of each sample.
        higher_is_better: The direction of the headline, which the samples' own scores have too.

    Returns:
        ``None`` if the metric cannot say, or not of the baseline's predictions.
    """
    if not isinstance(metric, DiagnosingMetric) or not pairs.samples:
        return None
    after = metric.diagnose(pairs.samples, pairs.after)
    try:
        before = metric.diagnose(pairs.samples, pairs.before)
    except ZooError:
        return None
    judged = zip(pairs.samples, before, after, strict=True)
    every = [_change(*each, higher_is_better=higher_is_better) for each in judged]
    changed = [each for each in every if abs(each.lost) > EXACT or each.errors]
    changed.sort(key=lambda each: (-each.lost, -sum(each.errors.values()), each.index))
    return SampleChanges(
        before=_totals(metric.error_kinds, before),
        after=_totals(metric.error_kinds, after),
        worst=tuple(changed[:SHOWN]),
        lower=sum(each.lost > EXACT for each in changed),
    )


def _change(sample: Sample, before: Diagnosis, after: Diagnosis, *, higher_is_better: bool) -> SampleChange:
    lost = 0.0
    if before.score is not None and after.score is not None:
        lost = loss(before.score, after.score, higher_is_better=higher_is_better)
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
