from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.manifest.bands import Band, decimal
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.gated import ExpectedLine, expected_lines
from zoo_runner.manifest.lines import metric_line, throughput_line
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
            path=("expected", "accuracy"),
            figures=bands((80, 1), (90, 1), (90, 1)),
            direction=None,
            rule="paired",
            unit="percent",
            measure="map/ref",
        ),
        "map/ref@pr": ExpectedLine(
            path=("subsets", "pr", "expected"),
            figures=bands((50, 25)),
            direction=Direction.WITHIN,
            unit="percent",
            measure="map/ref",
        ),
        "throughput/310P3/16": ExpectedLine(
            path=("expected", "chips", "310P3@slow", "throughput", 16),
            figures=bands((400, 40), (9, 0)),
            direction=Direction.AT_LEAST,
            unit="images/s",
        ),
        "throughput/310P3/1": ExpectedLine(
            path=(*chip, 1), figures=bands((300, 30)), direction=Direction.AT_LEAST, unit="images/s"
        ),
    }


SEVERAL = """\
expected:
  accuracy:
    map/ref: {value: 80, tolerance: {abs: 1}}
    loss/ref: {value: 2, unit: nats, direction: at_most, rule: interval}
  chips:
    310P3: {accuracy: {loss/ref: {1: 2.1, 16: 2.2}}}
subsets:
  pr: {every: 2, expected: {loss/ref: {value: 3}}}
"""


def test_several_lines_of_metrics(write: Write, minimal: str) -> None:
    found = expected_lines(load(write(minimal + SEVERAL)).manifest)
    assert {name: (line.path, [float(each.value) for each in line.figures]) for name, line in found.items()} == {
        "map/ref": (("expected", "accuracy", "map/ref"), [80.0]),
        "loss/ref": (("expected", "accuracy", "loss/ref"), [2.0, 2.1, 2.2]),
        "loss/ref@pr": (("subsets", "pr", "expected", "loss/ref"), [3.0]),
    }
    assert [(line.unit, line.rule, line.measure) for line in found.values()] == [
        ("percent", "point", "map/ref"),
        ("nats", "interval", "loss/ref"),
        ("nats", "point", "loss/ref"),
    ]


def test_one_figure_may_stand_at_its_line(write: Write, minimal: str) -> None:
    """And a chip's figures may say which metric they are of, also where there is only one."""
    chips = "{310P3: {accuracy: {4: 79}}, cpu: {accuracy: {map/ref: {4: 78}}}}"
    text = f"expected: {{accuracy: {{map/ref: {{value: 80}}}}, chips: {chips}}}"
    subset = "subsets: {pr: {every: 2, expected: {value: 70}}}"
    line = expected_lines(load(write(f"{minimal}{text}\n{subset}\n")).manifest)
    assert {name: [float(each.value) for each in found.figures] for name, found in line.items()} == {
        "map/ref": [80.0, 79.0, 78.0],
        "map/ref@pr": [70.0],
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
    line = ExpectedLine(path=(), figures=bands((80.0, 1.0)), direction=direction, unit="percent")
    assert line.passes(value) is passes


def test_a_value_must_meet_all_figures() -> None:
    line = ExpectedLine(path=(), figures=bands((80.0, 1.0), (90.0, 1.0)), direction=Direction.AT_LEAST, unit="percent")
    assert [line.passes(value) for value in (78.0, 85.0, 89.0)] == [False, False, True]
