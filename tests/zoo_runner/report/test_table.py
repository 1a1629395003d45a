from __future__ import annotations

import pytest

from shown_reports import metric, report, timing
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import Line, Verdict
from zoo_runner.report.table import Row, figure, measured, rows, tie_spreads


def interval(low: float, high: float, method: str = "bootstrap") -> Interval:
    return Interval(low=low, high=high, level=0.95, method=method, resamples=1000, seed=0)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(metric(), "79.58 %", id="no interval"),
        pytest.param(metric(unit="px"), "79.58 px", id="another unit"),
        pytest.param(metric(interval=interval(79.1, 80.1)), "79.58 ± 0.50 %", id="even"),
        pytest.param(metric(interval=interval(78.0, 80.0)), "79.58 [78.00, 80.00] %", id="uneven"),
        pytest.param(metric(interval=interval(79.6, 79.7)), "79.58 [79.60, 79.70] %", id="beside it"),
        pytest.param(metric(interval=interval(79.584, 79.584)), "79.58 ± 0.00 %", id="no width"),
        pytest.param(metric(interval=interval(-0.5, 0.1, "paired bootstrap")), "79.58 %", id="of a difference"),
        pytest.param(metric(value=float("nan")), "nan %", id="nan"),
        pytest.param(metric(value=0.0123456), "0.01235 %", id="small"),
        pytest.param(timing(throughput=445.783), "445.78 images/s", id="timing"),
        pytest.param(timing(), "-", id="not timed"),
    ],
)
def test_measured(line: Line, text: str) -> None:
    assert measured(line) == text


def test_spread_over_orders_of_ties() -> None:
    given = (None, (79.584, 79.584), (79.581, 79.584), (71.065, 71.1907), (0.5, 0.51))
    lines = tuple(metric(id=f"map/{place}", tie_spread=ends) for place, ends in enumerate(given))
    assert tie_spreads(report(metrics=lines)) == ("map/3 [71.06, 71.19]", "map/4 [0.5, 0.51]")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.25, "-0.25"), (1.0, "1.00"), (float("inf"), "inf"), (1e-9, "1e-09"), (12345.678, "12345.68")],
)
def test_figure(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("line", "label", "title", "value"),
    [
        pytest.param(metric(id="map/ref@pr"), "map/ref@pr", "map (reference, subset pr)", 79.584, id="of a subset"),
        pytest.param(metric(), "map/reference", "map (reference)", 79.584, id="metric"),
        pytest.param(timing(throughput=9.5), "throughput/310P3/16", "throughput on 310P3, batch 16", 9.5, id="timing"),
    ],
)
def test_what_every_line_says_of_itself(line: Line, label: str, title: str, value: float | None) -> None:
    assert (line.label, line.title, line.measured) == (label, title, value)


@pytest.mark.parametrize(("direction", "text"), [("at_least", "≥ 80.00"), ("at_most", "≤ 80.00"), ("within", "80.00")])
def test_a_row_says_in_which_direction(direction: str, text: str) -> None:
    line = metric(expected=80.0, tolerance=0.5, direction=direction, verdict=Verdict.FAIL, why="so")
    assert rows(report(Verdict.FAIL, metrics=(line,))) == (
        Row(line="map/reference", measured="79.58 %", expected=text, tolerance="0.5", verdict=Verdict.FAIL, why="so"),
    )


def test_timings_that_nothing_is_expected_of_can_be_left_out() -> None:
    lines = (timing(expected=1.0, verdict=Verdict.FAIL), timing(id="other"))
    found = report(Verdict.FAIL, metrics=(metric(),), performance=lines)
    assert [row.line for row in rows(found)] == ["map/reference", "throughput/310P3/16", "other"]
    assert [row.line for row in rows(found, all_lines=False)] == ["map/reference", "throughput/310P3/16"]
    assert {(row.expected, row.tolerance) for row in rows(found)} == {("-", "-"), ("≥ 1.00", "-")}
