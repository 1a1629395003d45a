from __future__ import annotations

from typing import Any

import pytest

from zoo_runner.report.changes import Interval
from zoo_runner.report.model import ManifestRecord, MetricRecord, PerformanceRecord, Report, Verdict
from zoo_runner.report.table import Row, figure, line_id, measured, rows

MANIFEST = ManifestRecord(name="m", path="m.yaml", files=("m.yaml",), digest="0" * 64)


def metric(**given: Any) -> MetricRecord:
    usual: dict[str, Any] = {"value": 79.584, "unit": "percent", "samples": 9, "dataset_samples": 10}
    return MetricRecord(name="map", protocol="reference", **(usual | given))


def timing(**given: Any) -> PerformanceRecord:
    return PerformanceRecord(backend="ascend", chip="310P3", batch=16, **{"loops": 5, **given})


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
def test_measured(line: MetricRecord | PerformanceRecord, text: str) -> None:
    assert measured(line) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0.00"), (-0.25, "-0.25"), (1.0, "1.00"), (float("inf"), "inf"), (1e-9, "1e-09"), (12345.678, "12345.68")],
)
def test_figure(value: float, text: str) -> None:
    assert figure(value) == text


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(metric(id="map/reference@pr"), "map/reference@pr", id="given"),
        pytest.param(metric(), "map/reference", id="metric"),
        pytest.param(timing(), "throughput/310P3/16", id="timing"),
    ],
)
def test_ids(line: MetricRecord | PerformanceRecord, text: str) -> None:
    assert line_id(line) == text


@pytest.mark.parametrize(
    ("direction", "text"), [("at_least", "≥ 80.00"), ("at_most", "≤ 80.00"), ("within", "80.00"), ("new", "80.00")]
)
def test_a_row_says_in_which_direction(direction: str, text: str) -> None:
    line = metric(expected=80.0, tolerance=0.5, direction=direction, verdict=Verdict.FAIL, why="so")
    report = Report(verdict=Verdict.FAIL, exit_code=1, manifest=MANIFEST, metrics=(line,))
    assert rows(report) == (
        Row(line="map/reference", measured="79.58 %", expected=text, tolerance="0.5", verdict=Verdict.FAIL, why="so"),
    )


def test_timings_that_nothing_is_expected_of_can_be_left_out() -> None:
    lines = (timing(expected=1.0, verdict=Verdict.FAIL), timing(id="other"))
    report = Report(verdict=Verdict.FAIL, exit_code=1, manifest=MANIFEST, metrics=(metric(),), performance=lines)
    assert [row.line for row in rows(report)] == ["map/reference", "throughput/310P3/16", "other"]
    assert [row.line for row in rows(report, all_lines=False)] == ["map/reference", "throughput/310P3/16"]
    assert {(row.expected, row.tolerance) for row in rows(report)} == {("-", "-"), ("≥ 1.00", "-")}
