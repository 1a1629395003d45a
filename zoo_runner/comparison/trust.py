"""Whether the difference from a baseline says something of the model: what must be known of the baseline for that.

The baseline must have met its own figure, else a model could lose a little in every run. And it must have been scored
with today's data and metric, else the difference is also theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.causes import Cause, Doubt
from zoo_runner.comparison.metrics import EXACT, rescore
from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.lines import metric_line
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.report.ground_truth import UNKNOWN, sample_digest

if TYPE_CHECKING:
    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.plugin.scoring import Metric
    from zoo_runner.report.changes import MetricChange
    from zoo_runner.report.model import MetricRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is to be paired.

    Attributes:
        baseline: The earlier run.
        metric: The metric of this run.
        record: What it gave for the expected measure.
        dataset: All samples of the data set.
        scored: Those that this run scored.
        change: The measure's difference from the baseline, over ``scored``.
        tolerance: How far the difference may be on the wrong side, in the metric's unit.
        noun: What the samples are called, in the plural.
    """

    baseline: Baseline
    metric: Metric
    record: MetricRecord
    dataset: Sequence[Sample]
    scored: Sequence[Sample]
    change: MetricChange
    tolerance: float
    noun: str = SAMPLES


def distrust(asked: Question) -> Doubt | None:
    """Return why the difference says nothing of the model; ``None`` if it does."""
    then = _line(asked)
    if then is None:
        text = f"the baseline has no line {asked.record.id}, nor one of the whole data set; run it again"
        return Doubt(cause=Cause.BASELINE_MISSED, text=text)
    return _missed(then, asked.noun) or _other_annotations(asked) or _other_scores(asked, then)


def _line(asked: Question) -> MetricRecord | None:
    """Return the baseline's line of the same id, or of the whole data set that a subset is part of."""
    own = {
        metric_line(each.name, each.protocol, asked.baseline.report.subset): each
        for each in asked.baseline.report.metrics
    }
    return own.get(asked.record.id) or own.get(metric_line(asked.record.name, asked.record.protocol))


def _missed(then: MetricRecord, noun: str) -> Doubt | None:
    """Say that the baseline did not meet its own figure, whatever its verdict was by another rule."""
    name = then.id or metric_line(then.name, then.protocol)
    if then.expected is None:
        why = f"nothing was expected of {name} there"
    elif then.samples < then.dataset_samples:
        why = f"only {then.samples} of {then.dataset_samples} {noun} were scored there"
    else:
        margin = then.tolerance if then.absolute is None else then.absolute
        if Band(decimal(then.expected), decimal(margin or 0.0)).holds(then.value, then.direction):
            return None
        why = f"{name} was {then.value:.4f} there, expected {then.expected:g} with a tolerance of {margin or 0.0:g}"
    text = f"the baseline did not meet its own figure: {why}; give a run that met it"
    return Doubt(cause=Cause.BASELINE_MISSED, text=text)


def _digests(asked: Question) -> Mapping[str, tuple[bytes, bytes]]:
    """Return the digests then and now of the scored samples for which both are known."""
    known = {each.id: asked.baseline.digests.get(each.id, UNKNOWN) for each in asked.scored}
    both = {each.id: (known[each.id], sample_digest(each)) for each in asked.scored if known[each.id] != UNKNOWN}
    return {name: pair for name, pair in both.items() if pair[1] != UNKNOWN}


def _other_annotations(asked: Question) -> Doubt | None:
    changed = [name for name, (then, now) in _digests(asked).items() if then != now]
    if not changed:
        return None
    text = (
        f"the annotations of {len(changed)} of the {len(asked.scored)} {asked.noun} are not those that the baseline "
        f"was scored with, such as {changed[0]}: run the baseline again"
    )
    return Doubt(cause=Cause.BASELINE_CHANGED, text=text)


def _other_scores(asked: Question, then: MetricRecord) -> Doubt | None:
    """Score the baseline's predictions of all its samples again: they must give what its report says."""
    own = [
        (sample, before)
        for sample, before in zip(asked.dataset, asked.baseline.of(asked.dataset), strict=True)
        if before is not None
    ]
    same = len(asked.scored) == asked.baseline.count
    if not same and len(own) != asked.baseline.count:
        text = (
            f"the baseline scored {asked.baseline.count} {asked.noun}, of which the data set has {len(own)} today: "
            "run the baseline again"
        )
        return Doubt(cause=Cause.BASELINE_CHANGED, text=text)
    now, classes = asked.change.rescored, {each.label: each.before for each in asked.change.per_class}
    if not same:
        samples, before = tuple(each for each, _ in own), tuple(each for _, each in own)
        values = rescore(asked.metric, samples, before, asked.baseline.report.metrics)
        value = values.get((then.name, then.protocol))
        now, classes = (None, {}) if value is None else (value.value, dict(value.per_class))
    if now is None or not abs(now - then.value) <= max(asked.tolerance, EXACT):
        shown = "not at all" if now is None else f"{now:.4f}"
        text = (
            f"the baseline's predictions scored {then.value:.4f} then and {shown} now: data or metric "
            "changed, not only the model; run the baseline again"
        )
        return Doubt(cause=Cause.BASELINE_CHANGED, text=text)
    if same or len(_digests(asked)) == len(asked.scored):
        return None
    exact = {**then.per_class, "": then.value}
    if all(abs({**classes, "": now}.get(label, now) - value) <= EXACT for label, value in exact.items()):
        return None
    text = (
        f"the baseline does not say with which annotations its {asked.noun} were scored, and its predictions do not "
        f"give exactly the same today ({then.value:.4f} then, {now:.4f} now): run the baseline again"
    )
    return Doubt(cause=Cause.BASELINE_CHANGED, text=text)
