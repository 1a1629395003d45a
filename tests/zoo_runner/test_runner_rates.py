"""Throughput in a unit of the manifest's own, from a run to its verdict."""

from __future__ import annotations

import pytest

from lab import Lab
from zoo_runner.report.model import Verdict
from zoo_runner.report.table import rows

pytestmark = pytest.mark.slow  # whole runs

ANY = 0.001
"""A rate that every machine reaches."""
UNIT = "unit: {name: frames/s, per_sample: 16}, confirm: a test, tolerance: {rel: 0.1}"


def test_a_throughput_in_frames(lab: Lab) -> None:
    report = lab(f"expected.chips={{cpu: {{throughput: {{1: {ANY}}}, {UNIT}}}}}")
    assert report.verdict is Verdict.PASS
    (line,) = report.performance
    assert (line.unit, line.per_sample, line.expected, line.id) == ("frames/s", 16, ANY, "throughput/cpu/1")
    assert line.mean_ms is not None
    assert line.throughput == pytest.approx(16 * 1000 / line.mean_ms)
    assert line.why.endswith("- 0.0001 frames/s, as one sample is 16 of frames; confirmed: a test")
    assert next(row.measured for row in rows(report) if row.line == line.id).endswith(" frames/s")


def test_samples_are_not_taken_for_frames(lab: Lab) -> None:
    """A figure between the two rates: what counts is the one in the figure's unit."""
    measured = lab("benchmark.loop=20").performance[0].throughput
    assert measured is not None
    loop, figure = "benchmark.loop=20", measured * 100
    unit = "unit: {name: frames/s, per_sample: 10000}, confirm: a test"
    assert lab(loop, f"expected.chips={{cpu: {{throughput: {{1: {figure}}}, {unit}}}}}").verdict is Verdict.PASS
    report = lab(loop, f"expected.chips={{cpu: {{throughput: {{1: {figure}}}, confirm: a test}}}}")
    assert (report.verdict, report.performance[0].unit, report.performance[0].per_sample) == (
        Verdict.FAIL,
        "images/s",
        1,
    )


def test_baselines_in_another_unit_are_not_compared(lab: Lab) -> None:
    frames = f"expected.chips={{cpu: {{throughput: {{1: {ANY}}}, {UNIT}}}}}"
    halves = frames.replace("16", "8")  # a sample is worth something else
    lab(output=lab.folder / "images")
    lab(frames, output=lab.folder / "frames")
    for before, figures, compared in (("images", frames, []), ("frames", halves, []), ("frames", frames, ["frames/s"])):
        report = lab(figures, baseline=lab.folder / before)
        assert report.comparison is not None
        assert [each.unit for each in report.comparison.performance] == compared
