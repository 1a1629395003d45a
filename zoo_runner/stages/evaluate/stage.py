"""Predictions -> figures: what they are, how sure they are, what the gate says of them, and what went wrong where."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause, Doubt
from zoo_runner.comparison.metrics import metric_changes
from zoo_runner.comparison.pairs import pair, score_pairs
from zoo_runner.comparison.trust import Question, distrust
from zoo_runner.job.options import Stage
from zoo_runner.manifest.scales import as_numbers, can_be_resampled, read_as
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.evidence import CurveScore, DiagnosedScore, ResampledMetric, ResampledScore
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.plugin.scoring import Metric, Scored
from zoo_runner.report.changes import DiagnosedSample, Interval, MetricChange
from zoo_runner.report.evidence import CurveRecord, DiagnosisRecord
from zoo_runner.report.model import MetricRecord
from zoo_runner.stages.evaluate.confused import confusions_record
from zoo_runner.stages.gate import judging
from zoo_runner.stages.gate.fitting import fitted
from zoo_runner.stages.gate.suspicion import suspect
from zoo_runner.stages.gate.targets import accuracy_targets
from zoo_runner.stages.gate.verdicts import no_figure
from zoo_runner.statistics.bootstrap import resample
from zoo_runner.statistics.groups import group_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.job.job import Job
    from zoo_runner.job.scope import Scope
    from zoo_runner.plugin.evidence import Diagnosis, Resamples, Scale
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
    from zoo_runner.stages.evaluate.accumulation import Accumulation
    from zoo_runner.stages.gate.targets import Target

WORST: Final = 50
"""Samples of the diagnosis that are listed one by one."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The samples of a run.

    Attributes:
        dataset: All of the data set.
        scored: Those that are scored.
    """

    dataset: Sequence[Sample]
    scored: Sequence[Sample]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came of scoring a run's predictions, for what explains the verdict.

    Attributes:
        scored: What the metric found.
        compared: Both predictions of the samples that the baseline has too; ``None`` without a baseline.
        changes: What changed since the baseline; empty without one.
    """

    scored: Scored
    compared: ScoredPairs | None = None
    changes: tuple[MetricChange, ...] = ()


def evaluate(
    job: Job, scope: Scope, data: Data, predictions: Sequence[Arrays], accumulation: Accumulation
) -> Evaluation:
    """Score the predictions of some samples; what is found goes to the journal.

    Args:
        job: The run.
        scope: What the figures are measured on.
        data: The samples.
        predictions: One for each of the scored ones.
        accumulation: What the metric has taken in of them.
    """
    metric, uncertainty, journal = job.recipe.parts.metric, job.recipe.manifest.uncertainty, job.journal
    with journal.stage(Stage.EVALUATE) as note:
        clock = Laps()
        scored = accumulation.score(predictions)
        for text in _unused(metric, scored):
            journal.warn(f"plugin {job.recipe.manifest.plugin.name!r}: the score, {type(scored).__name__}, {text}")
        values = as_numbers(scored.values)
        clock.lap("metric")
        resampled = resample(metric, scored, data.scored, uncertainty)
        clock.lap(f"{uncertainty.resamples} resamples", worth=bool(resampled))
        compared = _compared(job, data.scored, predictions, scored)
        changes = _changes(job, values, compared)
        clock.lap("comparison", worth=bool(changes))
        if scope.groups == 1 and uncertainty.resamples and can_be_resampled(metric):
            journal.warn(f"the metric has no interval: {ONE_GROUP}")
        journal.metrics = _judged(job, scope, data, values, resampled, changes)
        journal.curves = curve_records(scored)
        journal.diagnosis = diagnosis_record(data.scored, scored)
        journal.confusions = confusions_record(scored)
        clock.lap("diagnosis", worth=bool(journal.curves or journal.diagnosis))
        note.why = str(clock)
    return Evaluation(scored=scored, compared=compared, changes=changes)


def _unused(metric: Metric, scored: Scored) -> Iterator[str]:
    """Say what a score seems to offer and nobody asks it for."""
    yield from near_misses(scored, Scored)
    if isinstance(scored, ResampledScore) and not isinstance(metric, ResampledMetric):
        yield (
            f"has resample, and the metric, {type(metric).__name__}, has no resampled: it gets no intervals; add "
            "resampled = True to the metric"
        )


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
    data: Data,
    values: Sequence[MetricValue],
    resampled: Sequence[Resamples],
    changes: Sequence[MetricChange],
) -> tuple[MetricRecord, ...]:
    """Give every metric its record, and each expected one its verdict."""
    manifest, records = job.recipe.manifest, []
    by_measure = {(each.name, each.protocol): each for each in resampled}
    changed = {(each.name, each.protocol): each for each in changes}
    targets = accuracy_targets(job.recipe.loaded, scope)
    expected = {(each.metric, each.protocol): each for each in manifest.expected.accuracies}
    for value in values:
        measure = value.name, value.protocol
        record = judging.metric_record(value, scope, manifest.uncertainty, by_measure.get(measure))
        scale, accuracy = read_as(job.recipe.parts.metric, value), expected.get(measure)
        if accuracy is not None and accuracy.line in targets:
            record = _held(job, scope, data, record, (targets[accuracy.line], scale, changed.get(measure)))
        elif accuracy is not None:
            record = record.model_copy(update={"why": no_figure(accuracy, scope.subset or "")})
        records.append(record)
    return tuple(records)


def _held(
    job: Job,
    scope: Scope,
    data: Data,
    record: MetricRecord,
    wanted: tuple[Target, Scale, MetricChange | None],
) -> MetricRecord:
    """Hold an expected metric against its figure; what is too good about it goes to the journal."""
    asked, scale, change = wanted
    target = fitted(asked, scale)
    if isinstance(target, Doubt):
        record = judging.undecided(record, asked, target)
    else:
        difference = _difference(job, data, record, change, target.tolerance)
        record = judging.judge_metric(record, target, scope, difference)
    if not job.options.runs(Stage.GATE):
        return judging.ungated(record)
    if isinstance(target, Doubt):
        return record
    record, warning = suspect(record, target, scale)
    if warning:
        job.journal.warn(warning)
    return record


NOT_PAIRED: Final = Doubt(
    cause=Cause.NOT_PAIRED,
    text="the baseline cannot be paired with this run: its predictions do not give this metric, "
    "as the comparison explains",
)
ONE_GROUP: Final = "everything that was scored is in one group, and groups are what is drawn from"
NO_BASELINE: Final = Doubt(
    cause=Cause.NO_BASELINE, text="the rule paired compares with another run: give one with --baseline"
)


def _compared(job: Job, samples: Sequence[Sample], predictions: Sequence[Arrays], scored: Scored) -> ScoredPairs | None:
    if job.baseline is None:
        return None
    return score_pairs(job.recipe.parts.metric, pair(job.baseline, samples, predictions), scored)


def _changes(job: Job, values: Sequence[MetricValue], compared: ScoredPairs | None) -> tuple[MetricChange, ...]:
    if job.baseline is None or compared is None:
        return ()
    return metric_changes(job.baseline, job.recipe.parts.metric, values, compared, job.recipe.manifest.uncertainty)


def _difference(
    job: Job, data: Data, record: MetricRecord, change: MetricChange | None, tolerance: float
) -> Interval | Doubt:
    """Return the interval of a metric's difference from the baseline, or why it says nothing of the model."""
    baseline = job.baseline
    if baseline is None:
        return NO_BASELINE
    known = sum(each is not None for each in baseline.of(data.scored))
    if known < len(data.scored):
        count = f"{known} of the {len(data.scored)} {job.recipe.noun}"
        text = f"the baseline has predictions of {count}; give a run that scored them all"
        return Doubt(cause=Cause.BASELINE_SAMPLES, text=text)
    if group_count(data.scored) == 1:
        return Doubt(cause=Cause.NOT_PAIRED, text=f"the difference has no interval: {ONE_GROUP}")
    if change is None or change.interval is None or change.rescored is None:
        return NOT_PAIRED
    asked = Question(
        baseline=baseline,
        metric=job.recipe.parts.metric,
        record=record,
        dataset=data.dataset,
        scored=data.scored,
        change=change,
        tolerance=tolerance,
        noun=job.recipe.noun,
    )
    return distrust(asked) or change.interval


def curve_records(scored: Scored) -> tuple[CurveRecord, ...]:
    """Return the curves of a score that has any."""
    if not isinstance(scored, CurveScore):
        return ()
    with calling("zoo_metric"):
        curves = scored.curves()
    return tuple(
        CurveRecord(
            label=curve.label,
            average=curve.average,
            recall=curve.recall,
            precision=curve.precision,
            levels=curve.levels,
            level_precision=curve.level_precision,
        )
        for curve in curves
    )


def diagnosis_record(samples: Sequence[Sample], scored: Scored) -> DiagnosisRecord | None:
    """Return what went wrong, from a score that can tell: all errors by kind, and the samples that have most.

    Of the samples with errors those with the lowest scores of their own come first, among equals those with more
    errors, then the severest, then in data-set order; those without a score come last.
    """
    if not isinstance(scored, DiagnosedScore):
        return None
    with calling("zoo_metric"):
        diagnoses, kinds = scored.diagnose(), scored.error_kinds
    faulty = [(sample, each) for sample, each in zip(samples, diagnoses, strict=True) if any(each.errors.values())]
    return DiagnosisRecord(
        basis=scored.diagnosis_basis,
        kinds=kinds,
        totals={kind: sum(each.errors.get(kind, 0) for each in diagnoses) for kind in kinds},
        worst=tuple(
            DiagnosedSample(id=sample.id, index=sample.index, score=each.score, errors=dict(each.errors))
            for sample, each in sorted(faulty, key=_badness)[:WORST]
        ),
    )


def _badness(diagnosed: tuple[Sample, Diagnosis]) -> tuple[float, int, float, int]:
    sample, diagnosis = diagnosed
    score = float("inf") if diagnosis.score is None else diagnosis.score
    return score, -sum(diagnosis.errors.values()), -diagnosis.severity, sample.index
