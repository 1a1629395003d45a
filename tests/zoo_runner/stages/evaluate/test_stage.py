"""Evaluation: figures, intervals, and which samples are worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from answer_metric import Full, FullScore, Jobs, Plain, answers, evaluated, job, samples
from zoo_runner.errors import PluginError
from zoo_runner.job.options import Stage
from zoo_runner.plugin.evidence import Scale
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.report.changes import DiagnosedSample
from zoo_runner.report.model import Verdict
from zoo_runner.stages.evaluate.accumulation import Accumulation
from zoo_runner.stages.evaluate.stage import WORST, Data, diagnosis_record, evaluate
from zoo_runner.statistics.bootstrap import draw, percentiles

if TYPE_CHECKING:
    from tests.conftest import Listener

__all__ = ["job"]  # a fixture


def test_a_plain_metric_is_scored_and_gated(job: Jobs) -> None:
    journal = evaluated(job(Plain(), "expected.accuracy.value=75"), answers(1, 0, 1, 1))
    gated, other = journal.metrics
    assert (gated.id, gated.value, gated.verdict, gated.expected) == ("accuracy/top1", 75.0, Verdict.PASS, 75.0)
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
    journal = evaluated(job(Full(), "expected.accuracy.value=75", "uncertainty.seed=3"), predictions)
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
        pytest.param([1, 1, 0, 0, 0] * 400, Verdict.PASS, id="surely good"),
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


@dataclass(frozen=True)
class Odd(Plain):
    """Gives something else than a number, or for the direction."""

    value: Any = 50.0
    better: Any = True

    def values(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        return tuple(
            replace(each, value=self.value, higher_is_better=self.better)
            for each in super().values(samples, predictions)
        )


@pytest.mark.parametrize("value", ["50", None, True, np.True_, 50 + 0j, np.array([40.0, 50.0]), b"50"])
def test_a_metric_that_gives_no_number_is_an_error(job: Jobs, value: Any) -> None:
    with pytest.raises(PluginError, match=r"for accuracy/top1, expected a number; correct the plugin"):
        evaluated(job(Odd(value=value)), answers(1, 0))


@pytest.mark.parametrize("better", [None, "lower", 0, 1])
def test_a_metric_without_a_direction_is_an_error(job: Jobs, better: Any) -> None:
    with pytest.raises(PluginError, match=r"for accuracy/top1, expected True or False; correct the plugin"):
        evaluated(job(Odd(better=better)), answers(1, 0))


@pytest.mark.parametrize("value", [50, np.float32(50), np.int64(50), np.array(50.0)])
def test_any_number_is_one(job: Jobs, value: Any) -> None:
    record = evaluated(job(Odd(value=value, better=np.True_)), answers(1, 0)).metrics[0]
    assert (record.value, record.direction) == (50.0, "at_least")


def test_nothing_to_score_is_no_crash(job: Jobs) -> None:
    journal = evaluated(job(Full()), [])
    assert (journal.metrics[0].interval, journal.metrics[0].verdict) == (None, Verdict.FAIL)
    assert journal.diagnosis is not None
    assert (journal.diagnosis.totals, journal.diagnosis.worst) == ({"wrong": 0, "odd": 0}, ())


def test_too_good_is_a_warning(job: Jobs, listener: Listener) -> None:
    figure = "expected.accuracy={value: 45, tolerance: {abs: 1}, too_good: {abs: 4}}"
    journal = evaluated(job(Plain(), figure), answers(1, 0))
    assert journal.metrics[0].verdict is Verdict.PASS
    (warning,) = journal.warnings
    assert warning.startswith("accuracy/top1: too good: 50.00 is 5.00 percent beyond the expected 45 (")
    assert listener.heard == [f"warning: {warning}"]


SUBSETS = "subsets={pr: {every: 2, expected: {value: 70}}, bare: {every: 2}}"


@pytest.mark.parametrize(
    ("subset", "expected", "verdict", "why"),
    [
        ("pr", 70.0, Verdict.PASS, "75.00, expected at least 70 - 0"),
        (
            "bare",
            None,
            Verdict.NOT_GATED,
            "the subset bare has no figure of its own; measure one and add subsets.bare.expected",
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
    data = Data(dataset=listed, scored=chosen)
    evaluate(made, scope, data, answers(1, 1, 1, 0), Accumulation(made.recipe.parts.metric, listed))
    record, other = made.journal.metrics
    assert (record.id, record.expected, record.verdict, record.why) == (
        f"accuracy/top1@{subset}",
        expected,
        verdict,
        why,
    )
    assert (other.id, other.why) == (f"accuracy/other@{subset}", "")
    assert made.scope(listed, chosen[:3]).partial


@pytest.mark.parametrize(
    ("figure", "answered", "verdict", "cause"),
    [
        pytest.param("{value: 0.7, unit: fraction}", [1, 1, 1, 0], Verdict.PASS, "", id="fraction, met"),
        pytest.param("{value: 0.76, unit: fraction}", [1, 1, 1, 0], Verdict.FAIL, "", id="fraction, missed"),
        pytest.param("{value: 60, unit: words}", [1, 1, 1, 0], Verdict.INCONCLUSIVE, "unit", id="no such unit"),
        pytest.param("{value: 80, direction: at_most}", [1, 1], Verdict.INCONCLUSIVE, "unconfirmed", id="direction"),
        pytest.param(
            "{value: 80, direction: at_most, confirm: meant}", [1, 1, 1, 0], Verdict.PASS, "", id="direction, confirmed"
        ),
        pytest.param("{value: 60}", [1, 1, 1, 0], Verdict.INCONCLUSIVE, "too_good", id="fifteen points above"),
        pytest.param("{value: 65}", [1, 1, 1, 0], Verdict.PASS, "", id="ten points above"),
        pytest.param(
            "{value: 70, too_good: {then: fail}}", [1, 1, 1, 0], Verdict.FAIL, "too_good", id="too good fails"
        ),
        pytest.param(
            "{value: 70, too_good: {then: inconclusive, abs: 4}}", [1, 1, 1, 0], Verdict.INCONCLUSIVE, "too_good",
            id="too good is inconclusive",
        ),
        pytest.param("{value: 99}", [1.5, 1.5], Verdict.INCONCLUSIVE, "impossible", id="more than all"),
        pytest.param("{value: 99}", [0.5], Verdict.FAIL, "", id="worse stays worse"),
    ],
)  # fmt: skip # one row a case
def test_a_metric_that_says_nothing_of_itself_is_held_to_its_value(
    job: Jobs, figure: str, answered: list[float], verdict: Verdict, cause: str
) -> None:
    predictions: list[Any] = [{"right": np.array(each)} for each in answered]
    journal = evaluated(job(Plain(), "expected.accuracy.tolerance=null", f"expected.accuracy={figure}"), predictions)
    record = journal.metrics[0]
    assert (record.verdict, record.cause) == (verdict, cause)
    assert ("confirmed: meant" in record.why) is ("meant" in figure)


def test_a_figure_that_is_better_by_three_tolerances_is_a_warning_by_default(job: Jobs) -> None:
    for tolerance, warned in ((0.1, True), (1.0, True), (2.0, False)):  # a point; three points; six points
        figure = f"expected.accuracy={{value: 70, tolerance: {{abs: {tolerance}}}}}"
        assert bool(evaluated(job(Plain(), figure), answers(1, 1, 1, 0)).warnings) is warned


def test_a_metric_that_contradicts_itself_is_refused(job: Jobs) -> None:
    class Contrary(Plain):
        scales = (Scale(unit="fraction"),) * 2

    with pytest.raises(PluginError, match="says of accuracy/top1 unit 'fraction', higher is better, and gave a value"):
        evaluated(job(Contrary()), answers(1))


def diagnosed(*found: tuple[float | None, int]) -> list[DiagnosedSample]:
    predictions: list[Any] = [{"score": score, "wrong": wrong} for score, wrong in found]
    record = diagnosis_record(samples(len(found)), FullScore((), predictions))
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
