"""What a direction means, and how it is worded."""

from __future__ import annotations

import math

import pytest

from zoo_runner.manifest.direction import Direction


@pytest.mark.parametrize(
    ("direction", "word", "better", "symbol", "phrase"),
    [
        pytest.param(Direction.AT_LEAST, "at_least", "higher", "≥", "at least 92.6 - 0.3", id="at least"),
        pytest.param(Direction.AT_MOST, "at_most", "lower", "≤", "at most 92.6 + 0.3", id="at most"),
        pytest.param(Direction.WITHIN, "within", "nearer", "", "92.6 ± 0.3", id="within"),
    ],
)
def test_wording(direction: Direction, word: str, better: str, symbol: str, phrase: str) -> None:
    assert (f"{direction}", direction.better, direction.symbol) == (word, better, symbol)
    assert direction.phrase(92.6, 0.3) == phrase


@pytest.mark.parametrize(
    ("higher", "before", "after", "gain"),
    [
        pytest.param(True, 80.0, 80.0, 0.0, id="the same"),
        pytest.param(True, 80.0, 81.5, 1.5, id="higher is better"),
        pytest.param(True, 81.5, 80.0, -1.5, id="higher is better, and it fell"),
        pytest.param(False, 5.0, 4.5, 0.5, id="lower is better"),
        pytest.param(False, 4.5, 5.0, -0.5, id="lower is better, and it rose"),
        pytest.param(False, 5.0, math.inf, -math.inf, id="infinitely worse"),
    ],
)
def test_gain(higher: bool, before: float, after: float, gain: float) -> None:
    assert Direction.of(higher_is_better=higher).gain(before, after) == gain


def test_where_both_sides_are_wrong_ones_nothing_is_a_gain() -> None:
    with pytest.raises(ValueError, match="of within neither more nor less is better"):
        Direction.WITHIN.gain(1.0, 2.0)
