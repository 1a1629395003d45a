"""The samples that two runs have in common, with both predictions of each, and what those score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from zoo_runner.errors import ZooError
from zoo_runner.plugin.scoring import score
from zoo_runner.statistics.groups import whole_groups

if TYPE_CHECKING:
    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Metric, Scored


@dataclass(frozen=True, kw_only=True, eq=False)
class PairedPredictions:
    """The samples that are in both runs, in the order of this one; none of them where there is nothing to pair.

    Attributes:
        samples: As the data set gives them now.
        before: The baseline's prediction of each.
        after: This run's.
        run: How many samples this run has predictions of.
        baseline: How many the baseline has predictions of.
        cut: How many are in both runs and left out, as others of their group are not.
    """

    samples: tuple[Sample, ...]
    before: tuple[Arrays, ...]
    after: tuple[Arrays, ...]
    run: int
    baseline: int
    cut: int = 0

    @property
    def complete(self) -> bool:
        """Whether both runs have the same samples, and any."""
        return 0 < len(self.samples) == self.run == self.baseline

    @property
    def same(self) -> bool:
        """Whether both runs predicted the same, to the last bit."""
        return all(_same(*both) for both in zip(self.before, self.after, strict=True))


def pair(baseline: Baseline, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> PairedPredictions:
    """Find the samples that are in both runs; of groups, those that are in both as a whole.

    Args:
        baseline: The other run.
        samples: Of this run.
        predictions: One for each; none from a run that ended before it made any.
    """
    known = baseline.of(samples) if predictions else ()
    there = [each is not None for each in known]
    whole = whole_groups(samples, there) if predictions else []
    everything = zip(samples, known, predictions, whole, strict=True) if predictions else ()
    found = [(sample, before, after) for sample, before, after, kept in everything if before is not None and kept]
    return PairedPredictions(
        samples=tuple(sample for sample, _, _ in found),
        before=tuple(before for _, before, _ in found),
        after=tuple(after for _, _, after in found),
        run=len(predictions),
        baseline=baseline.count,
        cut=sum(there) - len(found),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoredPairs:
    """Both predictions of the samples that are in both runs, scored by today's annotations.

    Attributes:
        pairs: What was scored.
        before: What the baseline's predictions score; ``None`` if there are no pairs, or they cannot be scored.
        after: What this run's score; ``None`` if there are no pairs.
        fault: Why the baseline's cannot be scored, in the metric's words.
    """

    pairs: PairedPredictions
    before: Scored | None = None
    after: Scored | None = None
    fault: str = ""


def score_pairs(metric: Metric, pairs: PairedPredictions, scored: Scored | None = None) -> ScoredPairs:
    """Score both predictions of every pair.

    Args:
        metric: The metric of this run.
        pairs: Both predictions of each sample.
        scored: What all predictions of this run score, if that is known: it serves where all of them are paired.

    Raises:
        ZooError: The predictions of this run cannot be scored.
    """
    if not pairs.samples:
        return ScoredPairs(pairs=pairs)
    whole = scored is not None and len(pairs.samples) == pairs.run
    after = scored if whole else score(metric, pairs.samples, pairs.after)
    try:
        return ScoredPairs(pairs=pairs, before=score(metric, pairs.samples, pairs.before), after=after)
    except ZooError as error:
        return ScoredPairs(pairs=pairs, after=after, fault=str(error))


def _same(one: Arrays, other: Arrays) -> bool:
    return one.keys() == other.keys() and all(_bits(one[name]) == _bits(other[name]) for name in one)


def _bits(array: object) -> tuple[str, tuple[int, ...], bytes]:
    """Return what makes two arrays the same; NaN is the same as NaN."""
    held = np.asarray(array)
    return held.dtype.str, held.shape, held.tobytes()
