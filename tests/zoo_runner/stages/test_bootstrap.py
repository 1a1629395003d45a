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
from zoo_runner.evidence import Resamples
from zoo_runner.interfaces import Arrays, MetricValue, Sample
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.stages import bootstrap
from zoo_runner.stages.bootstrap import draw, percentiles, resample, smallest_drop

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def test_the_draws_of_a_seed_do_not_depend_on_how_many_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = draw(7, 100, 3)
    monkeypatch.setattr(bootstrap, "_ENTRIES", 7 * 8)
    assert np.array_equal(draw(7, 100, 3), at_once)


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
class Mean:
    """The mean of numbers, on their own and on resamples."""

    measures: tuple[tuple[str, str], ...] = (("mean", "plain"),)
    calls: list[int] = field(default_factory=list)

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        raise NotImplementedError

    def resampled(
        self, samples: Sequence[Sample], predictions: Sequence[Arrays], weights: NDArray[Any]
    ) -> tuple[Resamples, ...]:
        self.calls.append(len(weights))
        numbers = np.array([float(each["number"]) for each in predictions])
        values = weights @ numbers / len(samples)
        return (Resamples(name="mean", protocol="plain", values=values, per_class={"half": values / 2}),)


def numbers(*values: float) -> tuple[list[Sample], list[Arrays]]:
    samples = [Sample(index=index, id=str(index), path=Path()) for index in range(1, len(values) + 1)]
    return samples, [{"number": np.array(value)} for value in values]


def test_a_metric_is_resampled_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, predictions = numbers(1, 2, 3, 4)
    asked = Uncertainty(resamples=250, seed=5)
    (whole,) = resample(Mean(), samples, predictions, asked)
    assert np.array_equal(whole.values, draw(4, 250, 5) @ np.array([1, 2, 3, 4]) / 4)
    monkeypatch.setattr(bootstrap, "_ENTRIES", 400)
    metric = Mean()
    (pieces,) = resample(metric, samples, predictions, asked)
    assert metric.calls == [100, 100, 50]
    assert np.array_equal(pieces.values, whole.values)
    assert np.array_equal(pieces.per_class["half"], whole.per_class["half"])


def test_the_interval_is_that_of_the_mean() -> None:
    generator = np.random.Generator(np.random.PCG64(2))
    drawn = generator.normal(10, 2, 400)
    (found,) = resample(Mean(), *numbers(*drawn), Uncertainty(resamples=4000))
    error = drawn.std() / math.sqrt(400)
    assert percentiles(found.values, 0.95) == pytest.approx(
        (drawn.mean() - 1.96 * error, drawn.mean() + 1.96 * error), abs=0.1 * error
    )


class Plain:
    measures = (("mean", "plain"),)

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        raise NotImplementedError


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
    assert resample(metric, *numbers(*values), Uncertainty(resamples=resamples)) == ()


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
    class Broken(Mean):
        def resampled(self, *_: object) -> tuple[Resamples, ...]:
            return returned

    with pytest.raises(PluginError) as caught:
        resample(Broken(), *numbers(1, 2), Uncertainty(resamples=100))
    assert text in str(caught.value)
