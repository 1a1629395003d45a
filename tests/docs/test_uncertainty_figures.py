"""The figures in ``docs/explanation/uncertainty.md`` about the sample are what the sample gives."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from places import ROOT
from voc_scenes import scored
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.voc.dataset import VocDataset
from zoo_runner.comparison.baseline import Baseline, read_baseline
from zoo_runner.manifest.load import load
from zoo_runner.statistics.bootstrap import draw

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the sample

PAGE = (ROOT / "docs" / "explanation" / "uncertainty.md").read_text(encoding="utf-8")
MANIFEST = ROOT / "manifests" / "refinedet320-sample.yaml"
QUICK = ("--set", "benchmark={batch: [1], loop: 1, warmup: 0}")
ROOM = 0.3
"""What the sample's figure may differ by between machines, as its manifest has it."""
NUMBER = r"(-?[\d.]+)"


@pytest.fixture(scope="module")
def baseline(session_zoo_run: ZooRun) -> Baseline:
    return read_baseline(run(session_zoo_run, "good"))


def run(zoo_run: ZooRun, output: str, *arguments: str | Path) -> Path:
    folder = zoo_run.folder / "uncertainty" / output
    done = zoo_run(MANIFEST, *QUICK, "--output", folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def figures(pattern: str) -> list[float]:
    """The numbers that a passage of the page has, whose line breaks do not matter."""
    found = re.search(pattern.replace("#", NUMBER), " ".join(PAGE.split()))
    assert found, pattern
    return [float(each) for each in found.groups()]


def metrics(baseline: Baseline) -> Mapping[str, Any]:
    return {each.id: each for each in baseline.report.metrics}


@pytest.mark.parametrize(
    ("line", "row"),
    [("voc07_map/reference", r"`voc07_map` \(reference\)"), ("voc10_map/devkit", r"`voc10_map` \(devkit\), the area")],
)
def test_intervals_lean_as_described(baseline: Baseline, line: str, row: str) -> None:
    value, low, high, mean, above = figures(rf"\| {row} \| # \| # to # \| # \| # % \|")
    record = metrics(baseline)[line]
    assert [value, low, high] == pytest.approx([record.value, record.interval.low, record.interval.high], abs=ROOM)
    metric, samples, predictions = parts(baseline)
    resamples = scored(metric, samples, predictions).resample(draw(len(samples), 1000, 0))
    values = next(each.values for each in resamples if f"{each.name}/{each.protocol}" == line)
    assert mean == pytest.approx(values.mean(), abs=ROOM)
    assert above == pytest.approx(100 * (values > record.value).mean(), abs=5)


def test_ends_and_smallest_drop(baseline: Baseline) -> None:
    record = metrics(baseline)["voc07_map/reference"]
    assert figures("the sample's # images that is # points") == pytest.approx([240, record.smallest_drop], abs=ROOM)
    below, above, again = figures("The lower end is # below the value, the upper one # above it.*one up to # below")
    ends = [record.value - record.interval.low, record.interval.high - record.value]
    assert [below, above] == pytest.approx(ends, abs=ROOM)
    assert again == above


def test_fewer_images_score_higher(baseline: Baseline) -> None:
    metric, samples, predictions = parts(baseline)
    *said, whole, least, most = figures(
        "sets of 24, 60 and 120 of the sample's images have a `voc07_map` of #, # and # on average, all 240 have #; "
        "the area stays between # and #\\."
    )
    generator = np.random.default_rng(0)
    for size, figure in zip((24, 60, 120), said, strict=True):
        picks = [np.sort(generator.choice(len(samples), size, replace=False)) for _ in range(100)]
        values = [scored(metric, [samples[i] for i in pick], [predictions[i] for i in pick]).values for pick in picks]
        assert figure == pytest.approx(np.mean([each[0].value for each in values]), abs=2 * ROOM)
        assert least - ROOM < np.mean([each[2].value for each in values]) < most + ROOM
    assert whole == pytest.approx(metrics(baseline)["voc07_map/reference"].value, abs=ROOM)


def test_a_paired_interval_is_sharper(baseline: Baseline, session_zoo_run: ZooRun) -> None:
    changed = ("--set", "plugin.config.nms_threshold=0.6", "--baseline", baseline.path)
    other = run(session_zoo_run, "other", *changed)
    after = json.loads((other / "report.json").read_text())
    (change,) = [each for each in after["comparison"]["metrics"] if each["name"] == "voc10_map"]
    (record,) = [each for each in after["metrics"] if each["name"] == "voc10_map"]
    before = metrics(baseline)["voc10_map/devkit"]
    said = figures(
        "`voc10_map` from # to #. The intervals of the two, # to # and # to #, can hardly be told apart; "
        "that of the difference is # to #,"
    )
    ends = [before.interval.low, before.interval.high, record["interval"]["low"], record["interval"]["high"]]
    assert said[:6] == pytest.approx([before.value, record["value"], *ends], abs=ROOM)
    assert said[6:] == pytest.approx([change["interval"]["low"], change["interval"]["high"]], abs=0.1)
    assert change["interval"]["high"] < 0


def parts(baseline: Baseline) -> tuple[VocMetric, Any, Any]:
    manifest = load(MANIFEST).manifest
    classes = tuple(manifest.plugin.config["classes"])
    samples = VocDataset(classes).samples(ROOT / "refinedet_plugin" / "sample" / "VOCdevkit")
    predictions = baseline.predictions
    assert predictions is not None
    return VocMetric(classes), samples, [predictions[sample.id] for sample in samples]
