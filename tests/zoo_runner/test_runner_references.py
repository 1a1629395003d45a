"""Figures that are shown and never gated."""

from __future__ import annotations

import pytest

from lab import Lab
from zoo_runner.errors import ManifestError
from zoo_runner.report.html import render
from zoo_runner.report.model import Report, Verdict
from zoo_runner.report.table import reference_texts

pytestmark = pytest.mark.slow  # whole runs

T4 = "{name: T4, throughput: {1: 1000000000000, 4: 9}, published: 'https://example.org/t'}"
FRAMES = "{name: V100, throughput: {1: 5}, unit: {name: frames/s, per_sample: 16}}"
PAPER = "{name: the paper, accuracy: {accuracy/top1: 200}}"
GIVEN = f"expected.reference=[{T4}, {FRAMES}, {PAPER}]"
OTHER = "expected.chips={310P3: {accuracy: {8: 80}, throughput: {1: 1000000000000}, published: a table}}"


def test_no_verdict_looks_at_them(lab: Lab) -> None:
    report = lab(GIVEN, OTHER)
    assert (report.verdict, report.exit_code) == (Verdict.PASS, 0)
    assert report.why == ("accuracy (top1): 100.00, expected at least 100 - 0.5",)
    rate = report.performance[0].throughput
    assert rate is not None
    assert [(each.of, each.line, each.value, each.unit, each.measured, each.why) for each in report.references] == [
        ("T4", "throughput/cpu/1", 1e12, "images/s", rate, ""),
        ("T4", "throughput/cpu/4", 9.0, "images/s", None, "this run did not measure it"),
        ("V100", "throughput/cpu/1", 5.0, "frames/s", None, "this run measured it in another unit"),
        ("the paper", "accuracy/top1", 200.0, "percent", 100.0, ""),
        ("310P3, batch 8", "accuracy/top1", 80.0, "percent", 100.0, ""),
        ("310P3", "throughput/cpu/1", 1e12, "images/s", rate, ""),
    ]
    assert [each.ratio for each in report.references] == [rate / 1e12, None, None, 0.5, 1.25, rate / 1e12]
    assert {each.published for each in report.references} == {"https://example.org/t", None, "a table"}
    assert reference_texts(report)[3:5] == (
        "accuracy/top1: the paper 200.00 %; here 100.00, 0.5 times that",
        "accuracy/top1: 310P3, batch 8 80.00 %; here 100.00, 1.25 times that",
    )
    shown = render(report, ())
    assert "not gated" in shown
    assert 'data-field="/references/3/ratio" data-value="0.5"' in shown
    assert Report.model_validate_json(report.to_json()) == report


def test_other_samples_are_not_compared(lab: Lab) -> None:
    report = lab(f"expected.reference=[{PAPER}]", limit=8)
    assert [(each.measured, each.why) for each in report.references] == [(None, "this run scored other samples")]


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [
        ("{name: T4}", "expected.reference.0: expected accuracy or throughput, found neither"),
        ("{throughput: {1: 9}}", "expected.reference.0.name: required, but not given (of what, such as T4"),
        (
            "{name: T4, accuracy: {top1: 9}}",
            "expected.reference.0.accuracy.top1: expected METRIC/PROTOCOL as key, such as top1/reference, found 'top1'",
        ),
        (
            "{name: T4, accuracy: {accuracy/top5: 9}}",
            "expected.reference.0.accuracy.accuracy/top5: the plugin measures accuracy/top1, found accuracy/top5; did",
        ),
    ],
)
def test_references_that_are_refused(lab: Lab, reference: str, complaint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        lab(f"expected.reference=[{reference}]")
    assert complaint in str(caught.value)
