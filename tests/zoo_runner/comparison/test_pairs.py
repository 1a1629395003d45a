from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from zoo_runner.comparison.pairs import pair

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World
    from zoo_runner.plugin.interfaces import Arrays


@pytest.mark.parametrize(
    ("ids", "count", "found", "complete"),
    [
        pytest.param(["s1", "s2", "s3"], 3, ["s1", "s2", "s3"], True, id="the same"),
        pytest.param(["s3", "s1", "s2"], 3, ["s1", "s2", "s3"], True, id="another order"),
        pytest.param(["s2", "s9", "s3"], 3, ["s2", "s3"], False, id="some"),
        pytest.param(["s1", "s2", "s3"], 2, ["s1", "s2"], False, id="fewer now"),
        pytest.param(["s7", "s8", "s9"], 3, [], False, id="none"),
        pytest.param(["s1", "s2", "s3"], 0, [], False, id="empty run"),
    ],
)
def test_samples_are_paired_by_id(world: World, ids: list[str], count: int, found: list[str], complete: bool) -> None:
    baseline = world.baseline("abb", "ab.", ids=ids)
    pairs = pair(baseline, world.samples("abb"[:count]), world.predictions("bbb"[:count]))
    assert [sample.id for sample in pairs.samples] == found
    assert [before["guess"][0] for before in pairs.before] == [
        {"a": 0, "b": 1, ".": -1}["ab."[ids.index(each)]] for each in found
    ]
    assert len(pairs.after) == len(found)
    assert (pairs.run, pairs.baseline, pairs.complete) == (count, 3, complete)


def test_a_baseline_without_predictions_has_no_pairs(world: World) -> None:
    pairs = pair(replace(world.baseline("a", "a"), predictions=None), world.samples("a"), world.predictions("a"))
    assert (pairs.samples, pairs.baseline, pairs.complete) == ((), 0, False)


def test_a_run_that_made_no_predictions_has_no_pairs(world: World) -> None:
    pairs = pair(world.baseline("ab", "ab"), world.samples("ab"), ())
    assert (pairs.samples, pairs.run, pairs.baseline) == ((), 0, 2)


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        pytest.param({"x": np.array([1.0, np.nan])}, {"x": np.array([1.0, np.nan])}, True, id="the same"),
        pytest.param({"x": np.zeros((0, 4))}, {"x": np.zeros((0, 4))}, True, id="empty"),
        pytest.param({"x": np.array([1.0])}, {"x": np.array([np.nextafter(1.0, 2.0)])}, False, id="last bit"),
        pytest.param({"x": np.array([1.0])}, {"x": np.array([1.0], dtype=np.float32)}, False, id="type"),
        pytest.param({"x": np.zeros((2, 1))}, {"x": np.zeros((1, 2))}, False, id="shape"),
        pytest.param({"x": np.zeros(1)}, {"y": np.zeros(1)}, False, id="names"),
    ],
)
def test_predictions_are_the_same_to_the_last_bit_or_not(
    world: World, before: Arrays, after: Arrays, same: bool
) -> None:
    baseline = replace(world.baseline("a", "a"), predictions={"s1": before})
    assert pair(baseline, world.samples("a"), [after]).same is same
