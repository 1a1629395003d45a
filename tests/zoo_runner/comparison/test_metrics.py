from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.comparison import metric_changes, pair, score_pairs
from zoo_runner.comparison.metrics import loss
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.plugin.scoring import score
from zoo_runner.statistics.bootstrap import draw

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.plugin.scoring import Metric
    from zoo_runner.report.changes import MetricChange

TRUTHS = "aaaaabbbbb"
QUICK = Uncertainty(resamples=200, seed=3)
runs = st.tuples(st.sampled_from("ab"), st.sampled_from("ab."), st.sampled_from("ab."))


def changed(
    world: World,
    baseline: Baseline,
    guesses: str,
    *,
    truths: str = TRUTHS,
    metric: Metric | None = None,
    uncertainty: Uncertainty = QUICK,
) -> tuple[MetricChange, ...]:
    samples, predictions = world.samples(truths), world.predictions(guesses)
    chosen = metric or world.metric
    scored = score(chosen, samples, predictions)
    pairs = score_pairs(chosen, pair(baseline, samples, predictions), scored)
    return metric_changes(baseline, chosen, scored.values, pairs, uncertainty)


def test_both_runs_are_scored_on_the_same_samples(world: World) -> None:
    right, wrong = changed(world, world.baseline(TRUTHS, "aaaaabbbbb"), "aaaa.bbb..")
    assert (right.name, right.protocol, right.unit) == ("right", "own", "percent")
    assert (right.before, right.rescored, right.after) == (100.0, 100.0, 70.0)
    assert right.difference == pytest.approx(-30.0)
    assert wrong.difference == pytest.approx(30.0)
    assert (right.higher_is_better, wrong.higher_is_better) == (True, False)
    assert [(each.label, each.difference) for each in right.per_class] == [("bee", -40.0), ("ant", -20.0)]
    assert [each.label for each in wrong.per_class] == ["bee", "ant"]  # the larger loss, not the larger number
    assert [(each.before, each.after) for each in right.per_class] == [(100.0, 60.0), (100.0, 80.0)]


def test_the_interval_is_that_of_paired_differences(world: World) -> None:
    before, after = "aaa..bbbbb", "aaaa.bbb.."
    right, _ = changed(world, world.baseline(TRUTHS, before), after)
    weights = draw(10, QUICK.resamples, QUICK.seed)
    gained = np.array(
        [(new == true) - (old == true) * 1.0 for true, old, new in zip(TRUTHS, before, after, strict=True)]
    )
    low, high = np.quantile([100 * (row @ gained) / 10 for row in weights], [0.025, 0.975])
    assert right.interval is not None
    assert (right.interval.low, right.interval.high) == pytest.approx((low, high))
    assert (right.interval.method, right.interval.resamples, right.interval.seed) == ("paired bootstrap", 200, 3)
    assert right.interval.level == 0.95


def test_classes_have_intervals_of_their_own(world: World) -> None:
    right, wrong = changed(world, world.baseline(TRUTHS * 4, TRUTHS * 4), "aaaa.bbb.." * 4, truths=TRUTHS * 4)
    for each in (*right.per_class, *wrong.per_class):
        assert each.low is not None
        assert each.high is not None
        assert each.low < each.difference < each.high


def test_pairing_leaves_out_what_is_hard_for_both(world: World) -> None:
    truths, hard = "ab" * 50, "ab.." * 25
    (right, _) = changed(world, world.baseline(truths, hard), "." + hard[1:], truths=truths)
    assert right.interval is not None
    assert right.interval.high - right.interval.low < 5  # unpaired it would be about 28: 4 * 5 * sqrt(2)
    assert right.interval.high == 0.0


@given(st.lists(runs, min_size=2, max_size=12))
def test_swapping_the_runs_swaps_the_signs(world: World, rows: list[tuple[str, str, str]]) -> None:
    truths, one, other = ("".join(column) for column in zip(*rows, strict=True))
    there = changed(world, world.baseline(truths, one), other, truths=truths)
    back = changed(world, world.baseline(truths, other), one, truths=truths)
    for first, second in zip(there, back, strict=True):
        assert first.difference == pytest.approx(-second.difference)
        assert first.interval is not None
        assert second.interval is not None
        assert (first.interval.low, first.interval.high) == pytest.approx((-second.interval.high, -second.interval.low))


@given(st.lists(runs, min_size=2, max_size=12))
def test_a_run_does_not_differ_from_itself(world: World, rows: list[tuple[str, str, str]]) -> None:
    truths, guesses, _ = ("".join(column) for column in zip(*rows, strict=True))
    for change in changed(world, world.baseline(truths, guesses), guesses, truths=truths):
        assert (change.difference, change.before) == (0.0, change.rescored)
        assert change.interval is not None
        assert (change.interval.low, change.interval.high) == (0.0, 0.0)


def test_samples_that_are_in_one_run_only_are_left_out(world: World) -> None:
    baseline = world.baseline("ab", "ab", ids=["s10", "s1"])
    right, _ = changed(world, baseline, "aaaaabbbb.")
    assert (right.before, right.rescored, right.after, right.difference) == (100, 0, 50, 50)


def test_other_annotations_show_in_the_score_of_the_old_detections(world: World) -> None:
    right, _ = changed(world, world.baseline(TRUTHS, TRUTHS), TRUTHS, truths="aaaaabbb..")
    assert (right.before, right.rescored, right.after, right.difference) == (100.0, 80.0, 80.0, 0.0)


@pytest.mark.parametrize(
    "guesses",
    [pytest.param("", id="no detections"), pytest.param("x" * 10, id="detections that cannot be scored")],
)
def test_without_detections_the_figures_are_compared(world: World, guesses: str) -> None:
    reported = world.report(TRUTHS, TRUTHS)
    baseline = replace(world.baseline(TRUTHS[: len(guesses)], guesses), report=reported)
    right, wrong = changed(world, baseline, "aaaa.bbbbb")
    assert (right.before, right.after, right.difference) == (100.0, 90.0, -10.0)
    assert (right.rescored, right.interval) == (None, None)
    assert [(each.label, each.difference, each.low) for each in right.per_class] == [
        ("ant", -20.0, None),
        ("bee", 0.0, None),
    ]
    assert wrong.difference == pytest.approx(10.0)


def test_a_metric_that_cannot_be_resampled_has_no_interval(world: World) -> None:
    right, _ = changed(world, world.baseline(TRUTHS, TRUTHS), "." * 10, metric=world.plain)
    assert (right.rescored, right.difference, right.interval) == (100.0, -100.0, None)


def test_no_resamples_give_no_interval(world: World) -> None:
    right, _ = changed(world, world.baseline(TRUTHS, TRUTHS), "." * 10, uncertainty=Uncertainty(resamples=0))
    assert (right.rescored, right.difference, right.interval) == (100.0, -100.0, None)


def test_a_class_without_objects_lost_nothing_and_has_no_interval(world: World) -> None:
    right, _ = changed(world, world.baseline("bbb", "bbb"), "bb.", truths="bbb")
    assert [each.label for each in right.per_class] == ["bee", "ant"]
    assert (right.per_class[0].low is None, right.per_class[1].low) == (False, None)


@pytest.mark.parametrize(
    ("before", "after", "higher", "expected"),
    [
        (2.0, 1.5, True, 0.5),
        (2.0, 1.5, False, -0.5),
        (2.0, math.nan, True, math.inf),
        (math.nan, 2.0, True, 0.0),
        (math.nan, math.nan, False, 0.0),
    ],
)
def test_loss(before: float, after: float, higher: bool, expected: float) -> None:
    assert loss(before, after, Direction.of(higher_is_better=higher)) == expected


@pytest.mark.parametrize(
    "update",
    [{"name": "other"}, {"protocol": "other"}, {"unit": "fraction"}],
    ids=["name", "protocol", "unit"],
)
def test_metrics_that_are_not_the_same_are_not_compared(world: World, update: dict[str, str]) -> None:
    first, second = world.report(TRUTHS, TRUTHS).metrics
    baseline = world.baseline(TRUTHS, TRUTHS, metrics=(first.model_copy(update=update), second))
    assert [change.name for change in changed(world, baseline, TRUTHS)] == ["wrong"]


def test_no_samples_are_no_samples(world: World) -> None:
    baseline = world.baseline(TRUTHS, TRUTHS)
    none = score_pairs(world.metric, pair(baseline, (), ()))
    assert metric_changes(baseline, world.metric, (), none, QUICK) == ()
