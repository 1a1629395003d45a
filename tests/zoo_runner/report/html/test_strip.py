from __future__ import annotations

import math
from typing import Any

import pytest

from zoo_runner.manifest.direction import Direction
from zoo_runner.report.html.strip import Strip, difference_strip, strip
from zoo_runner.report.model import PerformanceRecord


def line(**given: Any) -> PerformanceRecord:
    fields = {"backend": "ascend", "chip": "310P3", "batch": 1, "loops": 1, "expected": 90.0, "tolerance": 2.0}
    return PerformanceRecord(**{**fields, **given})


def test_a_strip_has_the_order_of_the_figures() -> None:
    placed = strip(line(), 86.0, (85.0, 87.5))
    assert placed is not None
    assert 0 < placed.low < placed.value < placed.high < placed.allowed[0] < placed.expected < placed.allowed[1] == 100
    assert placed.interval


@pytest.mark.parametrize(
    ("given", "value"),
    [
        pytest.param({"expected": None}, 1.0, id="nothing expected"),
        pytest.param({}, None, id="not measured"),
        pytest.param({}, math.nan, id="not a number"),
        pytest.param({"expected": math.inf}, 1.0, id="infinite"),
    ],
)
def test_nothing_to_draw(given: dict[str, Any], value: float | None) -> None:
    assert strip(line(**given), value, None) is None


def test_everything_in_one_point() -> None:
    centre = Strip(value=50, low=50, high=50, expected=50, allowed=(50, 100))
    assert strip(line(tolerance=0.0), 90.0, None) == centre
    assert difference_strip(0.0, None, None, Direction.AT_LEAST) == centre


def test_where_less_is_better_the_left_side_is_allowed() -> None:
    placed = difference_strip(-3.0, -4.0, -2.0, Direction.AT_MOST)
    assert placed is not None
    assert placed.allowed[0] == 0
    assert placed.high < placed.expected == placed.allowed[1]


def test_a_loss_is_left_of_zero() -> None:
    placed = difference_strip(-3.0, -4.0, -2.0, Direction.AT_LEAST)
    assert placed is not None
    assert placed.low < placed.value < placed.high < placed.expected == placed.allowed[0]
