from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import ExpectedLine, expected_lines, metric_line, throughput_line
from zoo_runner.manifest.load import load

Write = Callable[..., Path]

EXPECTED = """\
expected:
  accuracy: {metric: map, protocol: ref, value: 80, tolerance: {abs: 1}, rule: paired}
  chips:
    310P3: {accuracy: {1: 90}, throughput: {16: 400, 1: 300}, tolerance: {rel: 0.1}, confirm: a test}
    310P3@slow: {accuracy: {1: 90}, throughput: {16: 9}}
    310P1: {}
benchmark: {batch: [1, 16]}
subsets:
  pr: {every: 2, expected: {value: 50, direction: within, tolerance: {rel: 0.5}, confirm: a test}}
  bare: {every: 3}
"""


def bands(*figures: tuple[float, float]) -> tuple[Band, ...]:
    return tuple(Band(decimal(value), decimal(margin)) for value, margin in figures)


def test_ids() -> None:
    assert metric_line("map", "ref") == "map/ref"
    assert metric_line("map", "ref", "pr") == "map/ref@pr"
    assert throughput_line("310P3", 16) == "throughput/310P3/16"


def test_what_a_manifest_expects(write: Write, minimal: str) -> None:
    chip = ("expected", "chips", "310P3", "throughput")
    assert expected_lines(load(write(minimal + EXPECTED)).manifest) == {
        "map/ref": ExpectedLine(
            path=("expected", "accuracy"), figures=bands((80, 1), (90, 1), (90, 1)), direction=None, rule="paired"
        ),
        "map/ref@pr": ExpectedLine(
            path=("subsets", "pr", "expected"), figures=bands((50, 25)), direction=Direction.WITHIN
        ),
        "throughput/310P3/16": ExpectedLine(
            path=("expected", "chips", "310P3@slow", "throughput", 16),
            figures=bands((400, 40), (9, 0)),
            direction=Direction.AT_LEAST,
        ),
        "throughput/310P3/1": ExpectedLine(path=(*chip, 1), figures=bands((300, 30)), direction=Direction.AT_LEAST),
    }


def test_nothing_is_expected(write: Write, minimal: str) -> None:
    assert expected_lines(load(write(minimal)).manifest) == {}


@pytest.mark.parametrize(
    ("direction", "value", "passes"),
    [
        (Direction.AT_LEAST, 79.0, True),
        (Direction.AT_LEAST, 78.9, False),
        (Direction.AT_MOST, 81.0, True),
        (Direction.AT_MOST, 81.1, False),
        (Direction.WITHIN, 79.0, True),
        (Direction.WITHIN, 81.1, False),
        (None, 81.0, True),
        (None, 90.0, False),
    ],
)
def test_what_passes(direction: Direction | None, value: float, *, passes: bool) -> None:
    line = ExpectedLine(path=(), figures=bands((80.0, 1.0)), direction=direction)
    assert line.passes(value) is passes


def test_a_value_must_meet_all_figures() -> None:
    line = ExpectedLine(path=(), figures=bands((80.0, 1.0), (90.0, 1.0)), direction=Direction.AT_LEAST)
    assert [line.passes(value) for value in (78.0, 85.0, 89.0)] == [False, False, True]
