from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo_runner.comparison.pairs import pair
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.plugin.evidence import Resamples
from zoo_runner.plugin.interfaces import MetricValue, Sample
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.stages.fetch.sample_keys import facts
from zoo_runner.statistics.bootstrap import draw, independent, percentiles, resample, weights_of
from zoo_runner.statistics.groups import group_count, groups_of, picked, whole_groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = Uncertainty(resamples=2000, seed=3)


def grouped(*groups: str) -> list[Sample]:
    return [
        Sample(index=index, id=f"s{index}", path=Path(), group=group) for index, group in enumerate(groups, start=1)
    ]


def ids(samples: Sequence[Sample]) -> list[str]:
    return [sample.id for sample in samples]


@pytest.mark.parametrize(
    ("groups", "numbers", "count"),
    [
        pytest.param((), None, None, id="no samples"),
        pytest.param(("", ""), None, None, id="no groups"),
        pytest.param(("a",), [0], 1, id="one sample"),
        pytest.param(("a", "a", "a"), [0, 0, 0], 1, id="all in one"),
        pytest.param(("b", "a", "b"), [0, 1, 0], 2, id="not side by side"),
        pytest.param(("", "a", "", "a"), [0, 1, 2, 1], 3, id="without a group is one of its own"),
        pytest.param(("a", "A", "a "), [0, 1, 2], 3, id="as it is written"),
    ],
)
def test_groups(groups: tuple[str, ...], numbers: list[int] | None, count: int | None) -> None:
    samples = grouped(*groups)
    found = groups_of(samples)
    assert (None if found is None else found.tolist(), group_count(samples)) == (numbers, count)
    assert independent(samples) == (len(samples) if count is None else count)


@pytest.mark.parametrize(
    ("groups", "places", "chosen"),
    [
        pytest.param(("", "", ""), slice(2), ["s1", "s2"], id="no groups"),
        pytest.param(("a", "a", "b"), slice(1), ["s1", "s2"], id="the first group, whole"),
        pytest.param(("a", "b", "a", "b"), slice(1), ["s1", "s3"], id="not side by side"),
        pytest.param(("a", "b", "a", "c"), slice(1, None, 2), ["s2"], id="every second, from the second"),
        pytest.param(("a", "a"), slice(5), ["s1", "s2"], id="more than there are"),
        pytest.param(("a", "a"), slice(1, None, 2), [], id="behind the last"),
        pytest.param(("a", "b"), slice(None), ["s1", "s2"], id="all"),
    ],
)
def test_a_group_is_not_cut(groups: tuple[str, ...], places: slice, chosen: list[str]) -> None:
    assert ids(picked(grouped(*groups), places)) == chosen


def test_only_groups_that_both_runs_have_whole_are_paired() -> None:
    samples = grouped("a", "b", "a", "b", "")
    assert whole_groups(samples, [True, True, False, True, True]) == [False, True, False, True, True]
    assert whole_groups(grouped("", ""), [True, False]) == [True, False]
    there = [{"x": np.zeros(1)}] * 5

    @dataclass
    class Earlier:
        count: int = 4

        def of(self, asked: Sequence[Sample]) -> list[Any]:
            return [None if each.id == "s3" else there[0] for each in asked]

    earlier: Any = Earlier()
    pairs = pair(earlier, samples, there)
    assert (ids(pairs.samples), pairs.run, pairs.baseline, pairs.cut) == (["s2", "s4", "s5"], 5, 4, 1)
    assert pair(earlier, samples, ()).cut == 0


def test_without_groups_nothing_is_drawn_otherwise() -> None:
    (weights,) = weights_of(grouped(*[""] * 40), Uncertainty(resamples=100, seed=7))
    assert np.array_equal(weights, draw(40, 100, 7))


def test_whole_groups_are_drawn_as_often_as_there_are_groups() -> None:
    samples = grouped("a", "b", "a", "c", "c", "c")
    (weights,) = weights_of(samples, Uncertainty(resamples=200, seed=7))
    assert weights.shape == (200, 6)
    assert np.array_equal(weights[:, [0, 1, 3]], draw(3, 200, 7))
    assert np.array_equal(weights[:, [2, 4, 5]], weights[:, [0, 3, 3]])


class MeanScore:
    values = (MetricValue(name="mean", protocol="p", value=0.0, unit="percent"),)

    def __init__(self, measured: NDArray[Any]) -> None:
        self.measured = measured

    def resample(self, weights: NDArray[Any]) -> tuple[Resamples, ...]:
        return (Resamples(name="mean", protocol="p", values=weights @ self.measured / weights.sum(axis=1)),)


class Mean:
    measures = (("mean", "p"),)
    resampled = True

    def scoring(self) -> Any:
        raise NotImplementedError


def width(measured: NDArray[Any], samples: Sequence[Sample]) -> float:
    (found,) = resample(Mean(), MeanScore(measured), samples, MANY)
    low, high = percentiles(found.values, 0.95)
    return high - low


def test_samples_of_one_group_do_not_make_the_interval_narrow() -> None:
    """Nine copies of each of 30 observations tell as much as the 30 do, and no more."""
    observed = np.random.Generator(np.random.PCG64(1)).normal(50, 5, 30)
    copies, names = np.repeat(observed, 9), np.repeat([f"g{each}" for each in range(30)], 9).tolist()
    alone = width(observed, grouped(*[""] * 30))
    assert width(copies, grouped(*names)) == pytest.approx(alone)
    assert width(copies, grouped(*[""] * 270)) < 0.4 * alone, "as if they were independent: a third of it"


@pytest.mark.parametrize("groups", [("a",) * 4, ("a",)])
def test_one_group_has_no_interval(groups: tuple[str, ...]) -> None:
    assert resample(Mean(), MeanScore(np.arange(len(groups))), grouped(*groups), MANY) == ()


def test_what_is_known_of_a_sample_without_a_group_is_what_it_was() -> None:
    """Kept predictions stay valid, and the annotations of earlier runs are told to be the same."""
    plain, other = grouped("", "a")
    assert facts(plain) == FACTS
    assert facts(other)["group"] == "a"
    assert sample_digest(plain).hex() == DIGEST
    assert sample_digest(Sample(index=1, id="s1", path=Path(), group="a")) != sample_digest(plain)


FACTS = {"index": 1, "id": "s1", "files": [], "finding": None}
DIGEST = "4533e5eed684a89ac42a7eda7cafe3f4"
