"""Whole runs of a metric that says what one sample scores, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from lab import Lab

pytestmark = pytest.mark.slow  # whole runs

MEANS = """
from trial_plugin import *

from zoo_runner.plugin.evidence import Scale
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.means import SampleMeans


class Means(SampleMeans):
    measures = (("accuracy", "top1"), ("score", "mean"))
    scales = (Scale(unit="percent", worst=0.0, best=100.0), Scale(unit="points"))

    def __init__(self, config):
        self.classes = config.classes

    def scores(self, prediction, sample):
        right = self.classes[int(prediction["label"][0])] == sample.id.partition("_")[0]
        return {self.measures[1]: prediction["score"][0] + sample.index, self.measures[0]: 100.0 * right}


@hookimpl
def zoo_metric(config):
    return Means(config)
"""


def test_intervals_rules_comparison_and_diagnosis(lab: Lab, install: Callable[..., Path]) -> None:
    install("means-dist", {"means": "means_plugin"}, {"means_plugin": MEANS})
    plain = lab()
    first = lab("plugin.name=means", "expected.accuracy.rule=interval", output=lab.folder / "first")
    headline, other = first.metrics
    assert first.verdict is Verdict.PASS, first.why
    assert headline.value == plain.metrics[0].value
    assert headline.interval is not None
    assert other.interval is not None
    assert headline.interval.low <= headline.value <= headline.interval.high
    assert other.interval.low < other.value < other.interval.high
    assert [text for text in first.warnings if "means" in text] == []
    for wrong in sorted((lab.folder / "data").glob("dog_*.txt"))[:2]:
        wrong.rename(wrong.with_name(wrong.name.replace("dog", "cat")))
    again = lab(
        "plugin.name=means",
        "expected.accuracy.rule=paired",
        "expected.accuracy.absolute={abs: 3.9}",
        baseline=lab.folder / "first",
        output=lab.folder / "second",
    )
    assert again.diagnosis is not None
    assert (again.diagnosis.kinds, dict(again.diagnosis.totals)) == (("far off", "off"), {"far off": 2, "off": 0})
    assert [(each.id[:4], each.score) for each in again.diagnosis.worst] == [("cat_", 0.0)] * 2
    page = (lab.folder / "second" / "report.html").read_text()
    assert page.count("data:image/svg+xml;base64,") == 2
    assert again.comparison is not None
