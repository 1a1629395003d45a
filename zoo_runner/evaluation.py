"""Predictions -> figures: what they are, how sure they are, what the gate says of them, and what went wrong where."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from zoo_runner.comparison.metrics import EXACT, metric_changes
from zoo_runner.evidence import CurveMetric, DiagnosingMetric
from zoo_runner.options import Stage
from zoo_runner.report.changes import DiagnosedSample, Interval, MetricChange
from zoo_runner.report.model import CurveRecord, DiagnosisRecord, MetricRecord
from zoo_runner.stages import gate
from zoo_runner.stages.bootstrap import resample
from zoo_runner.stages.targets import accuracy_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.baseline import Baseline
    from zoo_runner.evidence import Diagnosis, Resamples
    from zoo_runner.interfaces import Arrays, Metric, MetricValue, Sample
    from zoo_runner.job import Job
    from zoo_runner.stages.accumulation import Accumulation
    from zoo_runner.stages.targets import Scope

WORST: Final = 50
"""Samples of the diagnosis that are listed one by one."""


def evaluate(
    job: Job, scope: Scope, samples: Sequence[Sample], predictions: Sequence[Arrays], accumulation: Accumulation
) -> tuple[MetricChange, ...]:
    """Score the predictions of ``samples``; what is found goes to the journal.

    Args:
        job: The run.
        scope: What the figures are measured on.
        samples: The scored samples.
        predictions: One for each.
        accumulation: What the metric has taken in of them.

    Returns:
        What changed since the baseline; empty without one.
    """
    metric, uncertainty, journal = job.recipe.parts.metric, job.recipe.manifest.uncertainty, job.journal
    with journal.stage(Stage.EVALUATE) as note:
        clock = Laps()
        values = accumulation.evaluate(predictions)
        clock.lap("metric")
        resampled = resample(metric, samples, predictions, uncertainty)
        clock.lap(f"{uncertainty.resamples} resamples", worth=bool(resampled))
        changes = _changes(job, values, samples, predictions)
        clock.lap("comparison", worth=bool(changes))
        journal.metrics = _judged(job, scope, samples, values, resampled, changes)
        journal.curves = curve_records(metric, samples, predictions)
        journal.diagnosis = diagnosis_record(metric, samples, predictions)
        clock.lap("diagnosis", worth=bool(journal.curves or journal.diagnosis))
        note.why = str(clock)
    return changes


class Laps:
    """What took how long, for a stage's note."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._laps: list[str] = []

    def lap(self, name: str, *, worth: bool = True) -> None:
        """Note the seconds since the last lap, if they are worth it."""
        now = time.perf_counter()
        if worth:
            self._laps.append(f"{name} {now - self._since:.2f} s")
        self._since = now

    def __str__(self) -> str:
        return ", ".join(self._laps)


def _judged(
    job: Job,
    scope: Scope,
    samples: Sequence[Sample],
    values: Sequence[MetricValue],
    resampled: Sequence[Resamples],
    changes: Sequence[MetricChange],
) -> tuple[MetricRecord, ...]:
    """Give every metric its record, and the expected one its verdict."""
    manifest, records = job.recipe.manifest, []
    by_measure = {(each.name, each.protocol): each for each in resampled}
    changed = {(each.name, each.protocol): each for each in changes}
    accuracy, target = manifest.expected.accuracy, accuracy_target(job.recipe.loaded, scope)
    for value in values:
        measure = value.name, value.protocol
        record = gate.metric_record(value, scope, manifest.uncertainty, by_measure.get(measure))
        if accuracy and (accuracy.metric, accuracy.protocol) == measure:
            if target is None:
                text = f"the subset has no figure of its own; measure one and add subsets.{scope.subset}.expected"
                record = record.model_copy(update={"why": text})
            else:
                difference = _difference(job.baseline, samples, changed.get(measure), target.tolerance)
                record = gate.judge_metric(record, target, scope, difference)
                record = record if job.options.runs(Stage.GATE) else gate.ungated(record)
        if warning := gate.too_good(record, target):
            job.journal.warn(warning)
        records.append(record)
    return tuple(records)


NOT_PAIRED: Final = (
    "the baseline cannot be paired with this run: its detections do not give this metric, as the comparison explains"
)
NO_BASELINE: Final = "the rule paired compares with another run: give one with --baseline"


def _changes(
    job: Job, values: Sequence[MetricValue], samples: Sequence[Sample], predictions: Sequence[Arrays]
) -> tuple[MetricChange, ...]:
    if job.baseline is None:
        return ()
    uncertainty = job.recipe.manifest.uncertainty
    return metric_changes(job.baseline, job.recipe.parts.metric, values, samples, predictions, uncertainty)


def _difference(
    baseline: Baseline | None, samples: Sequence[Sample], change: MetricChange | None, tolerance: float
) -> Interval | str:
    """Return the interval of a metric's difference from the baseline, or why it says nothing of the model.

    Both runs are scored with today's annotations and metric. If those make more of a difference to the baseline than
    the tolerance, the model may have got worse at what was asked of it then, and nobody would see.
    """
    if baseline is None:
        return NO_BASELINE
    known = sum(each is not None for each in baseline.of(samples))
    if known < len(samples):
        return f"the baseline has detections of {known} of the {len(samples)} samples; give a run that scored them all"
    if change is None or change.interval is None or change.rescored is None:
        return NOT_PAIRED
    if baseline.count == known and not abs(change.rescored - change.before) <= max(tolerance, EXACT):
        return (
            f"the baseline's detections scored {change.before:.4f} then and {change.rescored:.4f} now: data or metric "
            "changed, not only the model; run the baseline again"
        )
    return change.interval


def curve_records(metric: Metric, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[CurveRecord, ...]:
    """Return the curves of a metric that has any."""
    if not isinstance(metric, CurveMetric):
        return ()
    return tuple(
        CurveRecord(
            label=curve.label,
            average=curve.average,
            recall=curve.recall,
            precision=curve.precision,
            levels=curve.levels,
            level_precision=curve.level_precision,
        )
        for curve in metric.curves(samples, predictions)
    )


def diagnosis_record(
    metric: Metric, samples: Sequence[Sample], predictions: Sequence[Arrays]
) -> DiagnosisRecord | None:
    """Return what went wrong, from a metric that can tell: all errors by kind, and the samples that have most.

    Of the samples with errors those with the lowest scores of their own come first, among equals those with more
    errors, then in data-set order; those without a score come last.
    """
    if not isinstance(metric, DiagnosingMetric):
        return None
    diagnoses = metric.diagnose(samples, predictions)
    kinds = metric.error_kinds
    faulty = [(sample, each) for sample, each in zip(samples, diagnoses, strict=True) if any(each.errors.values())]
    return DiagnosisRecord(
        basis=metric.diagnosis_basis,
        kinds=kinds,
        totals={kind: sum(each.errors.get(kind, 0) for each in diagnoses) for kind in kinds},
        worst=tuple(
            DiagnosedSample(id=sample.id, index=sample.index, score=each.score, errors=dict(each.errors))
            for sample, each in sorted(faulty, key=_badness)[:WORST]
        ),
    )


def _badness(diagnosed: tuple[Sample, Diagnosis]) -> tuple[float, int, int]:
    sample, diagnosis = diagnosed
    score = float("inf") if diagnosis.score is None else diagnosis.score
    return score, -sum(diagnosis.errors.values()), sample.index
