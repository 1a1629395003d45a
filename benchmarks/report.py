"""Measures the page that people read, for a run as large as VOC2007 test: ``python benchmarks/report.py``."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Final

import measure
import workload

from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.expectations import Uncertainty
from zoo_runner.report.evidence import ConfusionRecord, ConfusionsRecord
from zoo_runner.report.gallery import pictures
from zoo_runner.report.html import render
from zoo_runner.report.model import ManifestRecord, Report, Verdict
from zoo_runner.report.trends import TrendRecord
from zoo_runner.stages.evaluate.confused import LARGEST
from zoo_runner.stages.evaluate.stage import curve_records, diagnosis_record
from zoo_runner.stages.gate import judging
from zoo_runner.statistics.bootstrap import resample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from measure import Line

    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.plugin.scoring import Scored
    from zoo_runner.report.model import MetricRecord

RUNS: Final = 20
"""Runs in a trend, as many as a report has."""
DISTINCT: Final = 32
"""Different image files."""
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MB: Final = 1e6
MS: Final = 1e3


def reporting(images: int) -> list[Line]:
    """How large the page is, how long it takes to make, and to open where there is a Chromium."""
    with tempfile.TemporaryDirectory() as folder:
        files = workload.write_images(Path(folder), DISTINCT)
        made, predictions = workload.scored_set(images)
        samples = [replace(each, path=files[each.index % DISTINCT].path) for each in made]
        metric = VocMetric(VOC_CLASSES)
        scored = workload.scored(metric, samples, predictions)
        report = evaluated(metric, samples, scored)
        start = time.perf_counter()
        page = render(report, pictures(report, samples, scored))
        seconds = time.perf_counter() - start
        path = Path(folder) / "report.html"
        path.write_text(page, encoding="utf-8")
        detections = sum(len(each["scores"]) for each in predictions)
        return [
            measure.Line(
                what=f"report.html of {images} images, {detections} detections",
                target=5,
                measured=path.stat().st_size / MB,
                unit="MB",
            ),
            measure.Line(what="making it, pictures included", target=None, measured=seconds, unit="s"),
            *opening(path),
        ]


def evaluated(metric: VocMetric, samples: Sequence[Sample], scored: Scored) -> Report:
    """What a run reports of predictions, with everything that makes its page large."""
    count, uncertainty = len(samples), Uncertainty()
    scope = Scope(chip="cpu", backend="recorded", batch=16, samples=count, dataset_samples=count)
    resampled = {(each.name, each.protocol): each for each in resample(metric, scored, samples, uncertainty)}
    metrics = tuple(
        judging.metric_record(value, scope, uncertainty, resampled.get((value.name, value.protocol)))
        for value in scored.values
    )
    return Report(
        verdict=Verdict.INCONCLUSIVE,
        exit_code=4,
        manifest=ManifestRecord(name="benchmark", path="", files=(), digest=""),
        metrics=metrics,
        trends=tuple(trend(metric) for metric in metrics),
        confusions=confusions(VOC_CLASSES),
        curves=curve_records(scored),
        diagnosis=diagnosis_record(samples, scored),
    )


def trend(metric: MetricRecord) -> TrendRecord:
    """Return as many runs as a report has, a day apart, that moved a little."""
    return TrendRecord(
        line=metric.id,
        started=tuple(f"2026-11-{day:02}T09:06:09+00:00" for day in range(1, RUNS + 1)),
        values=tuple(metric.value + 0.01 * (day % 7) for day in range(RUNS)),
    )


def confusions(classes: Sequence[str]) -> ConfusionsRecord:
    """Return as many confusions as a report lists, as of a classifier of so many classes."""
    pairs = list(permutations(classes, 2))
    listed = tuple(ConfusionRecord(truth=truth, found=found, count=20, of=250) for truth, found in pairs[:LARGEST])
    return ConfusionsRecord(noun="classes", total=5000, wrong=20 * len(pairs), pairs=len(pairs), largest=listed)


def opening(path: Path, rounds: int = 3) -> list[Line]:
    """Seconds until a browser has loaded the page from the disk, the best of a few; nothing where there is none."""
    browser = os.environ.get("ZOO_RUNNER_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return []
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    seconds = []
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for _ in range(rounds):
            page = chromium.new_page()
            page.goto(path.as_uri(), wait_until="load")
            entry = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
            seconds.append(entry["loadEventEnd"] / MS)
            page.close()
        chromium.close()
    return [measure.Line(what="opening it in Chromium", target=2, measured=min(seconds), unit="s")]


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=workload.IMAGES)
    parser.add_argument("--json", type=Path, help="also write the lines to this file")
    chosen = parser.parse_args()
    measure.report(reporting(chosen.images), chosen.json)


if __name__ == "__main__":
    main()
