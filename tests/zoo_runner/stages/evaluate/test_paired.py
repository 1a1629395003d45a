"""The rule ``paired``: the difference from a baseline decides."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from answer_metric import MEASURES, Full, Jobs, answers, evaluated, job, samples
from zoo_runner.comparison.baseline import Baseline
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.plugin.interfaces import Arrays
from zoo_runner.report.model import Verdict
from zoo_runner.stages.evaluate.accumulation import Accumulation
from zoo_runner.stages.evaluate.stage import Data, evaluate

__all__ = ["job"]  # a fixture


def baseline(made: Job, predictions: dict[str, Arrays] | None) -> Baseline:
    journal = Journal(loaded=made.recipe.loaded, progress=made.journal.progress)
    journal.metrics = evaluated(made, list((predictions or {}).values()) or answers(1)).metrics
    return Baseline(path=Path("b/report.json"), report=journal.report(Verdict.PASS, ["met"]), predictions=predictions)


BOTH = "expected at least 95 - 4.75; difference from the baseline: "
PAIRED = "expected.accuracy={value: 95, rule: paired, tolerance: {abs: 4.75}, absolute: {abs: 4.75}}"


@pytest.mark.parametrize(
    ("before", "after", "verdict", "why"),
    [
        pytest.param(
            [1] * 20,
            [1] * 20,
            Verdict.PASS,
            f"100.00, {BOTH}",
            id="the same",
        ),
        pytest.param(
            [0] + [1] * 19,
            [1] * 20,
            Verdict.PASS,
            f"100.00, {BOTH}",
            id="better",
        ),
        pytest.param([1] * 20, [0] * 20, Verdict.FAIL, "0.00, expected at least 95 - 4.75", id="all lost"),
        pytest.param(
            [1] * 20,
            [0] + [1] * 19,
            Verdict.INCONCLUSIVE,
            f"95.00, {BOTH}",
            id="one of twenty lost",
        ),
        pytest.param(
            [0, 0] + [1] * 18,
            [0] + [1] * 19,
            Verdict.INCONCLUSIVE,
            "the baseline did not meet its own figure: accuracy/top1 was 90.0000 there, expected 95 with a tolerance "
            "of 4.75; give a run that met it",
            id="a baseline that is itself red",
        ),
        pytest.param(
            [1] * 19,
            [1] * 20,
            Verdict.INCONCLUSIVE,
            "the baseline has predictions of 19 of the 20 samples; give a run that scored them all",
            id="a baseline of fewer samples",
        ),
        pytest.param(
            None,
            [1] * 20,
            Verdict.INCONCLUSIVE,
            "the baseline has predictions of 0 of the 20 samples; give a run that scored them all",
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
    data, taken = Data(dataset=listed, scored=listed), Accumulation(made.recipe.parts.metric, listed)
    changes = evaluate(made, made.scope(listed, listed), data, answers(*after), taken).changes
    record = made.journal.metrics[0]
    assert (record.verdict, record.rule, record.expected) == (verdict, "paired", 95.0)
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
    data = Data(dataset=listed, scored=listed)
    evaluate(made, made.scope(listed, listed), data, right, Accumulation(made.recipe.parts.metric, listed))
    record = made.journal.metrics[0]
    assert record.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE and math.isnan(reported):
        assert record.cause == "baseline_missed"
    elif verdict is Verdict.INCONCLUSIVE:
        assert record.cause == "baseline_changed"
        assert record.why == (
            f"the baseline's predictions scored {reported:.4f} then and 100.0000 now: data or metric changed, not only "
            "the model; run the baseline again"
        )


def test_a_model_cannot_sink_a_little_in_every_run(job: Jobs) -> None:
    """Each run loses two of a thousand answers to the last: none is worse than its baseline by the tolerance."""
    rule = "expected.accuracy={value: 100, rule: paired, tolerance: {abs: 0.5}, absolute: {abs: 1}}"
    verdicts, count = [], 1000
    earlier = baseline(job(Full(), rule), named(answers(*[1] * count)))
    for week in range(1, 9):
        now = answers(*[0] * (2 * week), *[1] * (count - 2 * week))
        made, listed = job(Full(), rule, baseline=earlier), samples(count)
        data, taken = Data(dataset=listed, scored=listed), Accumulation(made.recipe.parts.metric, listed)
        evaluate(made, made.scope(listed, listed), data, now, taken)
        verdicts.append(made.journal.metrics[0].verdict)
        report = made.journal.report(verdicts[-1], ["so"])
        earlier = Baseline(path=Path("b/report.json"), report=report, predictions=named(now))
    assert verdicts == [Verdict.PASS] * 5 + [Verdict.FAIL] * 3


def named(predictions: list[Arrays]) -> dict[str, Arrays]:
    return {f"s{index}": each for index, each in enumerate(predictions, start=1)}


def test_without_a_baseline_it_cannot(job: Jobs) -> None:
    record = evaluated(job(Full(), PAIRED), answers(1, 1)).metrics[0]
    assert (record.verdict, record.why) == (
        Verdict.INCONCLUSIVE,
        "the rule paired compares with another run: give one with --baseline",
    )
