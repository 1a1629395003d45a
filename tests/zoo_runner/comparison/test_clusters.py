from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.comparison.clusters import clusters, tail
from zoo_runner.comparison.pairs import pair, score_pairs
from zoo_runner.comparison.placements import Placement

if TYPE_CHECKING:
    from tests.zoo_runner.comparison.conftest import World

NOWHERE: Mapping[int, Placement] = {}


def found(
    world: World,
    truths: str,
    before: str,
    after: str,
    *,
    png: str = "",
    placements: Mapping[int, Placement] = NOWHERE,
    plain: bool = False,
) -> list[str]:
    """What is in common, in short; samples with a letter in ``png`` are files of that type."""
    samples = [
        replace(sample, path=Path(f"{sample.id}.{'PNG' if mark == 'p' else 'jpg'}"))
        for sample, mark in zip(world.samples(truths), png.ljust(len(truths)), strict=True)
    ]
    pairs = pair(world.baseline(truths, before), samples, world.predictions(after))
    scored = score_pairs(world.plain if plain else world.metric, pairs)
    lower = [one == truth != other for truth, one, other in zip(truths, before, after, strict=True)]
    return [
        f"{each.of}: {each.trait} {each.value} {each.lost}/{each.all_lost} {each.here}/{each.all_here}"
        for each in clusters(scored, lower, placements, "insects")
    ]


TRUTHS = "ab" * 20
NO_ANTS = TRUTHS.replace("a", ".")


def test_a_class_that_is_gone(world: World) -> None:
    assert found(world, TRUTHS, TRUTHS, NO_ANTS) == ["animals: class ant 20/20 20/40"]


def test_files_of_a_type(world: World) -> None:
    after, png = "." * 10 + TRUTHS[10:], "p" * 10
    assert found(world, TRUTHS, TRUTHS, after, png=png) == [
        "animals: file type .png 10/10 10/40",
        "insects: file type .png 10/10 10/40",
    ]
    assert found(world, TRUTHS, TRUTHS, after, png=png, plain=True) == ["insects: file type .png 10/10 10/40"]


def test_a_device_and_a_place_in_the_batch(world: World) -> None:
    after = "".join("." if place % 8 == 3 else letter for place, letter in enumerate(TRUTHS * 3))
    placements = {index: Placement(device=(index - 1) // 8 % 2, row=(index - 1) % 8) for index in range(1, 121)}
    assert found(world, TRUTHS * 3, TRUTHS * 3, after, placements=placements)[:2] == [
        "animals: place in batch 3 15/15 15/120",
        "insects: place in batch 3 15/15 15/120",
    ]
    after = "".join("." if place // 8 % 2 else letter for place, letter in enumerate(TRUTHS * 3))
    assert found(world, TRUTHS * 3, TRUTHS * 3, after, placements=placements)[0] == "animals: device 1 56/56 56/120"


def test_files_do_not_tell_the_place_in_a_batch(world: World) -> None:
    placements = {index: Placement(device=index % 2) for index in range(1, 41)}
    after = "".join("." if index % 2 else letter for index, letter in enumerate(TRUTHS, start=1))
    assert {each.split(" ")[1] for each in found(world, TRUTHS, TRUTHS, after, placements=placements)} == {
        "class",
        "device",
    }


@pytest.mark.parametrize(
    ("truths", "before", "after"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param(TRUTHS, TRUTHS, TRUTHS, id="nothing lost"),
        pytest.param(TRUTHS, NO_ANTS, TRUTHS, id="gained"),
        pytest.param(TRUTHS, TRUTHS, "...." + TRUTHS[4:], id="too few"),
        pytest.param(TRUTHS, TRUTHS, "." * 10 + TRUTHS[10:], id="as many of each class"),
        pytest.param("a" * 40, "a" * 40, "." * 40, id="what all have"),
    ],
)
def test_nothing_is_in_common(world: World, truths: str, before: str, after: str) -> None:
    assert found(world, truths, before, after) == []


@given(st.integers(1, 8), st.data())
def test_the_tail_is_that_of_counting(total: int, data: st.DataObject) -> None:
    drawn, marked = data.draw(st.integers(0, total)), data.draw(st.integers(0, total))
    count = data.draw(st.integers(0, min(drawn, marked)))
    draws = [sum(each < marked for each in some) for some in combinations(range(total), drawn)]
    expected = sum(each >= count for each in draws) / len(draws)
    assert math.isclose(tail(count, drawn, marked, total), expected, rel_tol=1e-9)
