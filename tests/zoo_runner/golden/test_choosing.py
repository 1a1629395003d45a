from __future__ import annotations

import numpy as np
import pytest

from zoo_runner.golden.choosing import chosen
from zoo_runner.plugin.targets import Targets, Trait


def targets(*scenes: str) -> Targets:
    """One scene a text, one object a letter, whose class it is."""
    letters = [(place, letter) for place, scene in enumerate(scenes) for letter in scene]
    values = tuple(sorted({letter for _, letter in letters}))
    codes = np.array([values.index(letter) for _, letter in letters], dtype=np.intp)
    return Targets(
        noun="objects",
        samples=np.array([place for place, _ in letters], dtype=np.intp),
        found=np.ones(len(letters), dtype=np.bool_),
        traits=(Trait(name="class", values=values, codes=codes),),
    )


@pytest.mark.parametrize(
    ("samples", "known", "count", "places"),
    [
        pytest.param(0, None, 8, [], id="none"),
        pytest.param(1, None, 8, [0], id="one"),
        pytest.param(5, None, 8, [0, 1, 2, 3, 4], id="all of few"),
        pytest.param(9, None, 3, [0, 4, 8], id="spread"),
        pytest.param(9, targets(), 3, [0, 4, 8], id="nothing annotated"),
        pytest.param(4, targets("a", "", "aaaa", "b"), 3, [1, 2, 3], id="crowded, empty, another class"),
        pytest.param(3, targets("a", "a", "aa"), 1, [2], id="the crowded one"),
        pytest.param(4, targets("a", "a", "aa", "a"), 3, [0, 1, 2], id="of one class"),
        pytest.param(4, targets("", "", "ab", ""), 4, [0, 1, 2, 3], id="mostly empty"),
    ],
)
def test_which(samples: int, known: Targets | None, count: int, places: list[int]) -> None:
    assert chosen(samples, known, count) == places
