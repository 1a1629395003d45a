"""Evaluation: figures, intervals, what the baseline changes, and which samples are worst."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo_runner.artifacts import Store
from zoo_runner.baseline import Baseline
from zoo_runner.evaluation import WORST, diagnosis_record, evaluate
from zoo_runner.evidence import ClassCurve, Diagnosis, Illustration, Resamples
from zoo_runner.interfaces import Arrays, MetricValue, Sample
from zoo_runner.job import Job
from zoo_runner.journal import Journal
from zoo_runner.manifest.load import load
from zoo_runner.options import RunOptions, Stage
from zoo_runner.recipe import resolve
from zoo_runner.report.changes import DiagnosedSample
from zoo_runner.report.model import Verdict
from zoo_runner.stages.accumulation import Accumulation
from zoo_runner.stages.bootstrap import draw, percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.conftest import Listener

TRIAL = Path(__file__).parents[1] / "trial_plugin" / "trial.yaml"
MEASURES = (("accuracy", "top1"), ("accuracy", "other"))


@dataclass(frozen=True)
class Plain:
    """The share of right answers; a prediction says whether it is one, and how many errors it has."""

    measures: tuple[tuple[str, str], ...] = MEASURES

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        share = 100 * float(np.mean([each["right"] for each in predictions])) if predictions else math.nan
        return tuple(
            MetricValue(name=name, protocol=protocol, value=share, unit="percent", support={"all": len(samples)})
            for name, protocol in self.measures
        )


class Full(Plain):
    """The same with everything a metric may tell beside."""

    error_kinds = ("wrong", "odd")
    diagnosis_basis = "every answer counts"

    def resampled(
        self, samples: Sequence[Sample], predictions: Sequence[Arrays], weights: NDArray[Any]
    ) -> tuple[Resamples, ...]:
        values = 100 * (weights @ np.array([float(each["right"]) for each in predictions])) / len(samples)
        return tuple(
            Resamples(name=name, protocol=protocol, values=values, per_class={"all": values})
            for name, protocol in self.measures
        )

    def curves(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[ClassCurve, ...]:
        assert len(samples) == len(predictions)
        return (ClassCurve(label="all", average=7.0, recall=(0.0, 1.0), precision=(1.0, 0.5), levels=(0.5,)),)

    def diagnose(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[Diagnosis, ...]:
        assert len(samples) == len(predictions)
        return tuple(Diagnosis(score=score(each), errors={"wrong": int(each.get("wrong", 0))}) for each in predictions)

    def illustrate(self, sample: Sample, prediction: Arrays) -> Illustration:
        raise NotImplementedError


def score(prediction: Arrays) -> float | None:
    found = prediction.get("score")
    return None if found is None else float(found)


def samples(count: int) -> list[Sample]:
    return [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, count + 1)]


def answers(*right: int) -> list[Arrays]:
    return [{"right": np.array(each)} for each in right]


Jobs = Callable[..., Job]


@pytest.fixture
def job(trial_site: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.syspath_prepend(trial_site)

    def make(metric: Any, *overrides: str, baseline: Baseline | None = None, subset: str | None = None) -> Job:
        loaded = load(TRIAL, ("uncertainty.resamples=200", *overrides))
        options = RunOptions(output=tmp_path / "out", subset=subset)
        whole = resolve(load(TRIAL), RunOptions(output=tmp_path / "out"))
        recipe = replace(
            whole, loaded=loaded, manifest=loaded.manifest, parts=replace(whole.parts, metric=metric),
            subset=loaded.manifest.subsets[subset] if subset else None,
        )  # fmt: skip # what is replaced, in one row
        journal = Journal(loaded=loaded, progress=listener)
        store = Store(tmp_path / "store")
        return Job(recipe=recipe, options=options, store=store, journal=journal, backend=None, baseline=baseline)

    return make


def evaluated(made: Job, predictions: list[Arrays]) -> Journal:
    listed = samples(len(predictions))
    evaluate(made, made.scope(listed, listed), listed, predictions, Accumulation(made.recipe.parts.metric, listed))
    return made.journal


def test_a_plain_metric_is_scored_and_gated(job: Jobs) -> None:
    journal = evaluated(job(Plain(), "expected.accuracy.value=50"), answers(1, 0, 1, 1))
    gated, other = journal.metrics
    assert (gated.id, gated.value, gated.verdict, gated.expected) == ("accuracy/top1", 75.0, Verdict.PASS, 50.0)
    assert (other.id, other.value, other.verdict, other.expected) == ("accuracy/other", 75.0, Verdict.NOT_GATED, None)
    assert (gated.interval, gated.smallest_drop, gated.support) == (None, None, {"all": 4})
    assert (journal.curves, journal.diagnosis, journal.warnings) == ((), None, [])
    (stage,) = journal.stages
    assert stage.name == "evaluate"
    assert "resamples" not in stage.why


def test_a_full_metric_tells_more(job: Jobs) -> None:
    right = [1, 0, 1, 1, 0, 1]
    predictions: list[Any] = [
        {**each, "score": 5.0, "wrong": 1 - value} for each, value in zip(answers(*right), right, strict=True)
    ]
    journal = evaluated(job(Full(), "expected.accuracy.value=50", "uncertainty.seed=3"), predictions)
    values = 100 * (draw(6, 200, 3) @ np.array(right)) / 6
    for record in journal.metrics:
        assert record.interval is not None
        assert (record.interval.low, record.interval.high) == percentiles(values, 0.95)
        assert (record.interval.resamples, record.interval.seed, record.interval.method) == (200, 3, "bootstrap")
        assert record.smallest_drop == pytest.approx(2.4865 * values.std(ddof=1))
        assert record.per_class_interval == {"all": percentiles(values, 0.95)}
    (curve,) = journal.curves
    assert (curve.label, curve.average, curve.precision, curve.levels) == ("all", 7.0, (1.0, 0.5), (0.5,))
    assert journal.diagnosis is not None
    assert journal.diagnosis.totals == {"wrong": 2, "odd": 0}
    assert [each.id for each in journal.diagnosis.worst] == ["s2", "s5"]
    assert [part.rpartition(" ")[0].rpartition(" ")[0] for part in journal.stages[0].why.split(", ")] == [
        "metric",
        "200 resamples",
        "diagnosis",
    ]


@pytest.mark.parametrize(
    ("right", "verdict"),
    [
        pytest.param([1] * 40, Verdict.PASS, id="surely good"),
        pytest.param([0] * 40, Verdict.FAIL, id="surely bad"),
        pytest.param([1, 0, 0] * 10, Verdict.INCONCLUSIVE, id="unsure"),
    ],
)
def test_the_interval_decides(job: Jobs, right: list[int], verdict: Verdict) -> None:
    rule = "expected.accuracy={value: 35, rule: interval, tolerance: {abs: 1}}"
    assert evaluated(job(Full(), rule), answers(*right)).metrics[0].verdict is verdict


@pytest.mark.parametrize("right", [0, 1], ids=["missed", "too good"])
def test_a_run_that_stops_before_the_gate_has_no_verdict(job: Jobs, right: int) -> None:
    made = job(Full(), "expected.accuracy={value: 35, tolerance: {abs: 1}, too_good: {abs: 2}}")
    made = replace(made, options=replace(made.options, last=Stage.EVALUATE))
    journal = evaluated(made, answers(right, right))
    record = journal.metrics[0]
    assert (record.verdict, record.why) == (Verdict.NOT_GATED, "this run stops before the gate")
    assert (record.value, record.expected, record.tolerance) == (100.0 * right, 35.0, 1.0)
    assert journal.warnings == []


def test_nothing_to_score_is_no_crash(job: Jobs) -> None:
    journal = evaluated(job(Full()), [])
    assert (journal.metrics[0].interval, journal.metrics[0].verdict) == (None, Verdict.FAIL)
    assert journal.diagnosis is not None
    assert (journal.diagnosis.totals, journal.diagnosis.worst) == ({"wrong": 0, "odd": 0}, ())


def test_too_good_is_a_warning(job: Jobs, listener: Listener) -> None:
    figure = "expected.accuracy={value: 50, tolerance: {abs: 1}, too_good: {abs: 10}}"
    journal = evaluated(job(Plain(), figure), answers(1, 1))
    assert journal.metrics[0].verdict is Verdict.PASS
    (warning,) = journal.warnings
    assert warning.startswith("accuracy/top1: too good: 100.0000 is 50.0000 percent beyond the expected 50 (")
    assert listener.heard == [f"warning: {warning}"]


SUBSETS = "subsets={pr: {every: 2, expected: {value: 50}}, bare: {every: 2}}"


@pytest.mark.parametrize(
    ("subset", "expected", "verdict", "why"),
    [
        ("pr", 50.0, Verdict.PASS, "75.0000, expected at least 50 - 0"),
        (
            "bare",
            None,
            Verdict.NOT_GATED,
            "the subset has no figure of its own; measure one and add subsets.bare.expected",
        ),
    ],
)
def test_a_subset_has_its_own_figure(job: Jobs, subset: str, expected: float, verdict: Verdict, why: str) -> None:
    made = job(Plain(), SUBSETS, subset=subset)
    listed = samples(8)
    chosen = made.chosen(listed)
    assert [each.id for each in chosen] == ["s1", "s3", "s5", "s7"]
    scope = made.scope(listed, chosen)
    assert (scope.samples, scope.dataset_samples, scope.partial) == (4, 4, False)
    evaluate(made, scope, chosen, answers(1, 1, 1, 0), Accumulation(made.recipe.parts.metric, listed))
    record, other = made.journal.metrics
    assert (record.id, record.expected, record.verdict, record.why) == (
        f"accuracy/top1@{subset}",
        expected,
        verdict,
        why,
    )
    assert (other.id, other.why) == (f"accuracy/other@{subset}", "")
    assert made.scope(listed, chosen[:3]).partial


def baseline(made: Job, predictions: dict[str, Arrays] | None) -> Baseline:
    journal = Journal(loaded=made.recipe.loaded, progress=made.journal.progress)
    journal.metrics = evaluated(made, list((predictions or {}).values()) or answers(1)).metrics
    return Baseline(path=Path("b/report.json"), report=journal.report(Verdict.PASS, ["met"]), predictions=predictions)


PAIRED = "expected.accuracy={value: 90, rule: paired, tolerance: {abs: 5}}"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "why"),
    [
        pytest.param([1] * 20, [1] * 20, Verdict.PASS, "difference from the baseline: ", id="the same"),
        pytest.param([0] * 20, [1] * 20, Verdict.PASS, "difference from the baseline: ", id="better"),
        pytest.param([1] * 20, [0] * 20, Verdict.FAIL, "difference from the baseline: ", id="all lost"),
        pytest.param(
            [1] * 20, [0, 0] + [1] * 18, Verdict.INCONCLUSIVE, "difference from the baseline: ", id="two of twenty lost"
        ),
        pytest.param(
            [1] * 19,
            [1] * 20,
            Verdict.INCONCLUSIVE,
            "the baseline has detections of 19 of the 20 samples; give a run that scored them all",
            id="a baseline of fewer samples",
        ),
        pytest.param(
            None,
            [1] * 20,
            Verdict.INCONCLUSIVE,
            "the baseline has detections of 0 of the 20 samples; give a run that scored them all",
            id="a baseline without detections",
        ),
    ],
)
def test_the_difference_from_the_baseline_decides(
    job: Jobs, before: list[int] | None, after: list[int], verdict: Verdict, why: str
) -> None:
    known = None if before is None else {f"s{i}": each for i, each in enumerate(answers(*before), start=1)}
    earlier = baseline(job(Full(), PAIRED), known)
    made = job(Full(), PAIRED, baseline=earlier)
    listed = samples(len(after))
    changes = evaluate(
        made, made.scope(listed, listed), listed, answers(*after), Accumulation(made.recipe.parts.metric, listed)
    )
    record = made.journal.metrics[0]
    assert (record.verdict, record.rule, record.expected) == (verdict, "paired", 90.0)
    assert record.why.startswith(why)
    assert record.interval is not None
    assert record.interval.method == "bootstrap"
    assert {(each.name, each.protocol) for each in changes} == set(MEASURES)


@pytest.mark.parametrize(
    ("reported", "verdict"),
    [
        pytest.param(100.0, Verdict.PASS, id="as now"),
        pytest.param(96.0, Verdict.PASS, id="less than the tolerance away"),
        pytest.param(94.0, Verdict.INCONCLUSIVE, id="more than it below"),
        pytest.param(106.0, Verdict.INCONCLUSIVE, id="more than it above"),
        pytest.param(math.nan, Verdict.INCONCLUSIVE, id="not a number"),
    ],
)
def test_a_baseline_that_scores_otherwise_now_decides_nothing(job: Jobs, reported: float, verdict: Verdict) -> None:
    listed, right = samples(20), answers(*[1] * 20)
    known = baseline(job(Full(), PAIRED), {each.id: one for each, one in zip(listed, right, strict=True)})
    then = tuple(each.model_copy(update={"value": reported}) for each in known.report.metrics)
    earlier = replace(known, report=known.report.model_copy(update={"metrics": then}))
    made = job(Full(), PAIRED, baseline=earlier)
    evaluate(made, made.scope(listed, listed), listed, right, Accumulation(made.recipe.parts.metric, listed))
    record = made.journal.metrics[0]
    assert record.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert record.why == (
            f"the baseline's detections scored {reported:.4f} then and 100.0000 now: data or metric changed, not only "
            "the model; run the baseline again"
        )


def test_without_a_baseline_it_cannot(job: Jobs) -> None:
    record = evaluated(job(Full(), PAIRED), answers(1, 1)).metrics[0]
    assert (record.verdict, record.why) == (
        Verdict.INCONCLUSIVE,
        "the rule paired compares with another run: give one with --baseline",
    )


def diagnosed(*found: tuple[float | None, int]) -> list[DiagnosedSample]:
    predictions: list[Any] = [{"score": score, "wrong": wrong} for score, wrong in found]
    record = diagnosis_record(Full(), samples(len(found)), predictions)
    assert record is not None
    assert (record.basis, record.kinds) == ("every answer counts", ("wrong", "odd"))
    return list(record.worst)


@pytest.mark.parametrize(
    ("found", "order"),
    [
        pytest.param([], [], id="no samples"),
        pytest.param([(100.0, 0), (None, 0)], [], id="no errors"),
        pytest.param([(50.0, 1), (20.0, 1), (30.0, 1)], [2, 3, 1], id="lowest score first"),
        pytest.param([(50.0, 1), (50.0, 3), (50.0, 2)], [2, 3, 1], id="then most errors"),
        pytest.param([(50.0, 1), (50.0, 1)], [1, 2], id="then data-set order"),
        pytest.param([(None, 9), (100.0, 1)], [2, 1], id="no score comes last"),
        pytest.param([(0.0, 0), (90.0, 1)], [2], id="a sample without errors is left out"),
    ],
)
def test_the_worst_samples(found: list[tuple[float | None, int]], order: list[int]) -> None:
    assert [each.index for each in diagnosed(*found)] == order


def test_only_the_worst_are_listed() -> None:
    listed = diagnosed(*((float(-index), 1) for index in range(WORST + 10)))
    assert len(listed) == WORST
    assert listed[0] == DiagnosedSample(id=f"s{WORST + 10}", index=WORST + 10, score=-WORST - 9.0, errors={"wrong": 1})
