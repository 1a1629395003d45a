"""The metrics of two runs, and how sure their difference is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from zoo_runner.errors import ZooError
from zoo_runner.manifest.direction import Direction
from zoo_runner.plugin.scoring import score
from zoo_runner.report.changes import ClassChange, Interval, MetricChange
from zoo_runner.statistics.bootstrap import percentiles, resample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.manifest.expectations import Uncertainty
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
    from zoo_runner.plugin.scoring import Metric, Scored
    from zoo_runner.report.model import MetricRecord

METHOD: Final = "paired bootstrap"
EXACT: Final = 1e-9
"""How far two scores of the same predictions may be apart, by the order of additions."""
Key: TypeAlias = tuple[str, str]
"""Name and protocol of a metric."""


@dataclass(frozen=True, eq=False)
class _Spread:
    """``after - before`` on every resample: of the metric, float64 [R], and of each class."""

    whole: NDArray[Any]
    per_class: Mapping[str, NDArray[Any]] = field(default_factory=dict)


def metric_changes(
    baseline: Baseline,
    metric: Metric,
    values: Sequence[MetricValue],
    scored: ScoredPairs,
    uncertainty: Uncertainty,
) -> tuple[MetricChange, ...]:
    """Compare every metric that both runs have, over the samples that both runs have.

    Where the baseline left predictions, they are scored anew with today's annotations, so that the difference is that
    of the predictions alone. Its interval is the percentile interval of a paired bootstrap: each resample draws the
    same samples for both runs (Efron & Tibshirani 1993, section 13.3), so that what makes a sample hard for both
    cancels out.

    Args:
        baseline: The earlier run.
        metric: The metric of this run.
        values: What it gave for all predictions of this run.
        scored: What it gave for those of the samples that are in both runs.
        uncertainty: How the bootstrap is done.

    Returns:
        In the order of ``values``. Without predictions of the baseline, or with such that the metric cannot score,
        only what the reports say is compared.
    """
    reported = {(record.name, record.protocol): record for record in baseline.report.metrics}
    shared = [value for value in values if _comparable(value, reported.get((value.name, value.protocol)))]
    if scored.before is None or scored.after is None or unscored(scored, baseline.report.metrics):
        return tuple(_change(value, reported[value.name, value.protocol]) for value in shared)
    whole = len(scored.pairs.samples) == scored.pairs.run
    today, rescored = _by_key(values if whole else scored.after.values), _by_key(scored.before.values)
    spreads = _spreads(metric, scored.before, scored.after, scored.pairs.samples, uncertainty)
    changes = []
    for key in ((value.name, value.protocol) for value in shared):
        change = _change(today[key], reported[key], rescored[key])
        changes.append(_with_intervals(change, spreads[key], uncertainty) if key in spreads else change)
    return tuple(changes)


def unscored(scored: ScoredPairs, reported: Sequence[MetricRecord]) -> str:
    """Say why the baseline's predictions cannot be scored by today's annotations.

    Predictions may name classes by their positions, so that those made for other classes mean something else today.

    Args:
        scored: Both runs' predictions.
        reported: What the baseline's report says of its metrics.

    Returns:
        Nothing if they can, or if there are none.
    """
    return scored.fault if scored.before is None else _other_classes(scored.before, reported)


def rescore(
    metric: Metric, samples: Sequence[Sample], predictions: Sequence[Arrays], reported: Sequence[MetricRecord]
) -> Mapping[Key, MetricValue]:
    """Score predictions of the baseline with today's annotations.

    Args:
        metric: The metric of this run.
        samples: As the data set gives them now.
        predictions: The baseline's of each.
        reported: What the baseline's report says of its metrics.

    Returns:
        What each metric gives; nothing if it cannot score them.
    """
    try:
        scored = score(metric, samples, predictions)
    except ZooError:
        return {}
    return {} if _other_classes(scored, reported) else _by_key(scored.values)


def _other_classes(scored: Scored, reported: Sequence[MetricRecord]) -> str:
    values = _by_key(scored.values)
    for record in reported:
        today = values.get((record.name, record.protocol))
        if today and record.per_class and list(record.per_class) != list(today.per_class):
            return f"its classes are {', '.join(record.per_class)}; those of this run {', '.join(today.per_class)}"
    return ""


def loss(before: float, after: float, direction: Direction) -> float:
    """Return by how much something got worse: all there is, if it is not a number any more; nothing, if it was none."""
    if math.isnan(before):
        return 0.0
    if math.isnan(after):
        return math.inf
    return direction.gain(after, before)


def loss_by_data(change: ClassChange, direction: Direction) -> float:
    """Return by how much the baseline's predictions of a class score worse today than its report says."""
    if change.reported is None:
        return 0.0
    return loss(change.reported, change.before, direction)


def _comparable(value: MetricValue, record: MetricRecord | None) -> bool:
    return record is not None and record.unit == value.unit


def _by_key(values: Sequence[MetricValue]) -> dict[Key, MetricValue]:
    return {(value.name, value.protocol): value for value in values}


def _change(now: MetricValue, record: MetricRecord, rescored: MetricValue | None = None) -> MetricChange:
    before = record.value if rescored is None else rescored.value
    classes = record.per_class if rescored is None else rescored.per_class
    direction = Direction.of(higher_is_better=now.higher_is_better)
    per_class = [
        ClassChange(
            label=label,
            before=classes[label],
            after=after,
            difference=after - classes[label],
            reported=record.per_class.get(label),
        )
        for label, after in now.per_class.items()
        if label in classes
    ]

    def losses(change: ClassChange) -> tuple[float, float]:
        by_run = loss(change.before, change.after, direction)
        return -by_run, -loss_by_data(change, direction)

    return MetricChange(
        name=now.name,
        protocol=now.protocol,
        unit=now.unit,
        before=record.value,
        after=now.value,
        difference=now.value - before,
        higher_is_better=now.higher_is_better,
        rescored=None if rescored is None else rescored.value,
        per_class=tuple(sorted(per_class, key=losses)),
    )


def _spreads(
    metric: Metric, before: Scored, after: Scored, samples: Sequence[Sample], uncertainty: Uncertainty
) -> dict[Key, _Spread]:
    """Resample both runs; the same samples and seed give the same draws."""
    then, now = (resample(metric, each, samples, uncertainty) for each in (before, after))
    return {
        (new.name, new.protocol): _Spread(
            new.values - old.values,
            {label: new.per_class[label] - old.per_class[label] for label in new.per_class if label in old.per_class},
        )
        for old, new in zip(then, now, strict=True)
    }


def _with_intervals(change: MetricChange, spread: _Spread, uncertainty: Uncertainty) -> MetricChange:
    """Add the intervals; a difference that is not a number on some resample has none."""
    low, high = percentiles(spread.whole, uncertainty.level)
    interval = Interval(
        low=low,
        high=high,
        level=uncertainty.level,
        method=METHOD,
        resamples=len(spread.whole),
        seed=uncertainty.seed,
    )
    ends = {label: percentiles(values, uncertainty.level) for label, values in spread.per_class.items()}
    known = {label: {"low": low, "high": high} for label, (low, high) in ends.items() if math.isfinite(low)}
    return change.model_copy(
        update={
            "interval": interval if math.isfinite(low) else None,
            "per_class": tuple(each.model_copy(update=known.get(each.label, {})) for each in change.per_class),
        }
    )
