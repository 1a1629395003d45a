from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import PluginError
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.plugin.evidence import Resamples
from zoo_runner.plugin.interfaces import MetricValue, Sample
from zoo_runner.plugin.scoring import ScoredValues, Scoring
from zoo_runner.statistics.bootstrap import draw, percentiles, resample, smallest_drop

if TYPE_CHECKING:
    from numpy.typing import NDArray


def listed(count: int) -> list[Sample]:
    return [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, count + 1)]


FINITE = st.floats(min_value=-1e6, max_value=1e6)


@given(st.integers(0, 40), st.integers(0, 30), st.integers(0, 2**32))
def test_every_resample_has_as_many_samples_as_there_are(count: int, resamples: int, seed: int) -> None:
    weights = draw(count, resamples, seed)
    assert weights.shape == (resamples, count)
    assert weights.dtype == np.int32
    assert (weights >= 0).all()
    assert (weights.sum(axis=1) == count).all()


@given(st.integers(0, 2**32))
def test_a_seed_fixes_the_draws(seed: int) -> None:
    assert np.array_equal(draw(20, 5, seed), draw(20, 5, seed))
    assert not np.array_equal(draw(20, 5, seed), draw(20, 5, seed + 1))


def test_the_draws_of_a_seed_do_not_depend_on_how_many_are_in_memory() -> None:
    """More weights than are made at a time are those of one generator that draws them all."""
    count, resamples = 2**22 + 1, 2
    generator = np.random.Generator(np.random.PCG64(3))
    rows = (generator.integers(0, count, size=count) for _ in range(resamples))
    expected = np.stack([np.bincount(row, minlength=count) for row in rows])
    assert np.array_equal(draw(count, resamples, 3), expected)


def test_each_sample_is_drawn_as_often_as_the_others() -> None:
    weights = draw(50, 20_000, 0)
    # A count is binomial(50, 1/50): mean 1, variance 49/50; 20 000 of them, so 0.007 is one standard error.
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.04
    assert np.abs(weights.var(axis=0) - 0.98).max() < 0.08


@given(st.lists(FINITE, min_size=1, max_size=50), st.floats(0.51, 0.98), st.floats(0.001, 0.01))
def test_a_higher_level_is_wider(values: list[float], level: float, more: float) -> None:
    array = np.array(values)
    low, high = percentiles(array, level)
    lower, higher = percentiles(array, level + more)
    slack = 1e-9 * (1 + np.abs(array).max())
    assert array.min() - slack <= lower <= low + slack
    assert low <= high + slack
    assert high <= higher + slack <= array.max() + 2 * slack


@pytest.mark.parametrize(
    ("values", "level", "ends"),
    [
        pytest.param([*range(101)], 0.95, (2.5, 97.5), id="between values"),
        pytest.param([*range(101)], 0.9, (5.0, 95.0), id="on values"),
        pytest.param([3.0], 0.95, (3.0, 3.0), id="one value"),
        pytest.param([3.0, 3.0, 3.0], 0.95, (3.0, 3.0), id="equal values"),
        pytest.param([], 0.95, (math.nan, math.nan), id="none"),
        pytest.param([1.0, math.nan], 0.95, (math.nan, math.nan), id="not a number"),
        pytest.param([1.0, math.inf], 0.95, (math.nan, math.nan), id="infinite"),
    ],
)
def test_percentiles(values: list[float], level: float, ends: tuple[float, float]) -> None:
    assert percentiles(np.array(values), level) == pytest.approx(ends, nan_ok=True)


@pytest.mark.parametrize(
    ("values", "drop"),
    [
        pytest.param([-1.0, 1.0], 2.4865 * math.sqrt(2), id="two values"),
        pytest.param([5.0, 5.0, 5.0], math.nan, id="equal values"),
        pytest.param([5.0], math.nan, id="one value"),
        pytest.param([], math.nan, id="none"),
        pytest.param([1.0, math.nan], math.nan, id="not a number"),
    ],
)
def test_smallest_drop(values: list[float], drop: float) -> None:
    assert smallest_drop(np.array(values)) == pytest.approx(drop, nan_ok=True)


def test_a_drop_of_that_size_shows_four_times_out_of_five() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    error = 1.7
    drop = smallest_drop(generator.normal(0, error, 100_000))
    measured = generator.normal(-drop, error, 100_000)
    assert np.mean(measured < -1.6449 * error) == pytest.approx(0.80, abs=0.01)


@dataclass
class MeanScore:
    """The mean of numbers on resamples."""

    numbers: Sequence[float] | NDArray[np.float64]
    calls: list[int] = field(default_factory=list)
    values: tuple[MetricValue, ...] = ()

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        self.calls.append(len(weights))
        values = weights @ np.array(self.numbers) / len(self.numbers)
        return (Resamples(name="mean", protocol="plain", values=values, per_class={"half": values / 2}),)


class Plain:
    measures = (("mean", "plain"),)

    def scoring(self) -> Scoring:
        raise NotImplementedError


class Mean(Plain):
    resampled = True


@pytest.mark.parametrize(("count", "resamples", "calls"), [(4, 250, 1), (2**12, 2**11 + 1, 2)])
def test_a_metric_is_resampled_in_pieces_of_32_mib(count: int, resamples: int, calls: int) -> None:
    score = MeanScore(list(range(count)))
    (found,) = resample(Mean(), score, listed(count), Uncertainty(resamples=resamples, seed=5))
    assert (len(score.calls), sum(score.calls)) == (calls, resamples)
    assert max(score.calls) * count * np.dtype(np.int32).itemsize <= 32 * 2**20
    whole = draw(count, resamples, 5) @ np.arange(count) / count
    assert np.array_equal(found.values, whole)
    assert np.array_equal(found.per_class["half"], whole / 2)


def test_the_interval_is_that_of_the_mean() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    drawn = generator.normal(10, 2, 400)
    (found,) = resample(Mean(), MeanScore(drawn), listed(len(drawn)), Uncertainty(resamples=4000))
    error = drawn.std() / math.sqrt(400)
    assert percentiles(found.values, 0.95) == pytest.approx(
        (drawn.mean() - 1.96 * error, drawn.mean() + 1.96 * error), abs=0.1 * error
    )


@pytest.mark.parametrize(
    ("metric", "values", "resamples"),
    [
        pytest.param(Plain(), [1.0, 2.0], 100, id="a metric that cannot"),
        pytest.param(Mean(), [1.0, 2.0], 0, id="not asked for"),
        pytest.param(Mean(), [], 100, id="no samples"),
        pytest.param(Mean(), [1.0], 100, id="one sample, of which every draw is the same"),
    ],
)
def test_nothing_is_resampled(metric: Any, values: list[float], resamples: int) -> None:
    assert resample(metric, MeanScore(values), listed(len(values)), Uncertainty(resamples=resamples)) == ()


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        pytest.param((), "returned [], expected 100 values for each of [('mean', 'plain')]", id="nothing"),
        pytest.param(
            (Resamples(name="mean", protocol="other", values=np.zeros(100)),),
            "returned [('mean', 'other', (100,))], expected 100 values",
            id="another measure",
        ),
        pytest.param(
            (Resamples(name="mean", protocol="plain", values=np.zeros(99)),),
            "returned [('mean', 'plain', (99,))], expected 100 values",
            id="too few",
        ),
        pytest.param(
            (Resamples(name="mean", protocol="plain", values=np.zeros(100), per_class={"a": np.zeros((100, 1))}),),
            "returned {'a': (100, 1)}, expected 100 values",
            id="a class of another shape",
        ),
    ],
)
def test_a_metric_that_breaks_its_contract(returned: tuple[Resamples, ...], text: str) -> None:
    class Broken(MeanScore):
        def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
            assert len(weights) == 100
            return returned

    with pytest.raises(PluginError) as caught:
        resample(Mean(), Broken([1, 2]), listed(2), Uncertainty(resamples=100))
    assert text in str(caught.value)


def test_a_score_that_is_not_as_the_metric_says() -> None:
    with pytest.raises(PluginError, match=r"that its scores can be resampled, and ScoredValues has no resample\(\)"):
        resample(Mean(), ScoredValues(()), listed(2), Uncertainty(resamples=100))
