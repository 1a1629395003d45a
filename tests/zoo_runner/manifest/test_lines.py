from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.manifest.lines import ExpectedLine, expected_lines, metric_line, throughput_line
from zoo_runner.manifest.load import load

Write = Callable[..., Path]

EXPECTED = """\
expected:
  accuracy: {metric: map, protocol: ref, value: 80, tolerance: {abs: 1}, rule: paired}
  chips:
    310P3: {accuracy: {1: 90}, throughput: {16: 400, 1: 300}, tolerance: {rel: 0.1}}
    310P3@slow: {accuracy: {1: 90}, throughput: {16: 9}}
    310P1: {}
benchmark: {batch: [1, 16]}
subsets:
  pr: {every: 2, expected: {value: 50, direction: within, tolerance: {rel: 0.5}}}
  bare: {every: 3}
"""


def test_ids() -> None:
    assert metric_line("map", "ref") == "map/ref"
    assert metric_line("map", "ref", "pr") == "map/ref@pr"
    assert throughput_line("310P3", 16) == "throughput/310P3/16"


def test_what_a_manifest_expects(write: Write, minimal: str) -> None:
    chip = ("expected", "chips", "310P3", "throughput")
    assert expected_lines(load(write(minimal + EXPECTED)).manifest) == {
        "map/ref": ExpectedLine(
            path=("expected", "accuracy"), figures=((80, 1), (90, 1), (90, 1)), direction=None, rule="paired"
        ),
        "map/ref@pr": ExpectedLine(path=("subsets", "pr", "expected"), figures=((50, 25),), direction="within"),
        "throughput/310P3/16": ExpectedLine(
            path=("expected", "chips", "310P3@slow", "throughput", 16),
            figures=((400, 40), (9, 0)),
            direction="at_least",
        ),
        "throughput/310P3/1": ExpectedLine(path=(*chip, 1), figures=((300, 30),), direction="at_least"),
    }


def test_nothing_is_expected(write: Write, minimal: str) -> None:
    assert expected_lines(load(write(minimal)).manifest) == {}


@pytest.mark.parametrize(
    ("direction", "value", "passes"),
    [
        ("at_least", 79.0, True),
        ("at_least", 78.9, False),
        ("at_most", 81.0, True),
        ("at_most", 81.1, False),
        ("within", 79.0, True),
        ("within", 81.1, False),
        (None, 81.0, True),
        (None, 90.0, False),
    ],
)
def test_what_passes(direction: str | None, value: float, *, passes: bool) -> None:
    line = ExpectedLine(path=(), figures=((80.0, 1.0),), direction=direction)  # type: ignore[arg-type] # from a table
    assert line.passes(value) is passes


def test_a_value_must_meet_all_figures() -> None:
    line = ExpectedLine(path=(), figures=((80.0, 1.0), (90.0, 1.0)), direction="at_least")
    assert [line.passes(value) for value in (78.0, 85.0, 89.0)] == [False, False, True]
