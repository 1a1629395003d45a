"""Made-up COCO data sets, and what pycocotools says of them."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from zoo_detection.coco.samples import CocoSample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays


@dataclass(frozen=True, kw_only=True)
class CocoSet:
    """Samples, a prediction for each, and the classes."""

    samples: Sequence[CocoSample]
    predictions: Sequence[Arrays]
    classes: tuple[str, ...]


def sample(
    index: int,
    bounds: Any = (),
    labels: Sequence[int] = (),
    *,
    areas: Any = None,
    crowd: Any = None,
) -> CocoSample:
    boxes = np.asarray(bounds, dtype=np.float64).reshape(-1, 4)
    crowds = np.zeros(len(boxes), dtype=np.bool_) if crowd is None else np.asarray(crowd, dtype=np.bool_)
    return CocoSample(
        index=index + 1,
        id=f"{index:06d}",
        path=Path(f"{index:06d}.jpg"),
        width=640,
        height=480,
        boxes=np.concatenate((boxes[:, :2] + 1, boxes[:, :2] + boxes[:, 2:]), axis=1).astype(np.float32),
        labels=np.asarray(labels, dtype=np.intp),
        difficult=crowds,
        bounds=boxes,
        areas=boxes[:, 2] * boxes[:, 3] if areas is None else np.asarray(areas, dtype=np.float64),
        crowd=crowds,
    )


def prediction(corners: Any = (), scores: Any = (), labels: Any = ()) -> Arrays:
    return {
        "boxes": np.asarray(corners, dtype=np.float32).reshape(-1, 4),
        "scores": np.asarray(scores, dtype=np.float32),
        "labels": np.asarray(labels, dtype=np.int64),
    }


def random_set(seed: int, *, images: int = 12, classes: int = 4, most: int = 20, ties: bool = True) -> CocoSet:
    """Objects that touch, repeat and are crowds, and detections near them, some exact; the last class has no object."""
    rng = np.random.default_rng(seed)
    rows = [_image(rng, index, classes=classes, most=most, ties=ties) for index in range(images)]
    samples, predictions = zip(*rows, strict=True)
    return CocoSet(samples=samples, predictions=predictions, classes=tuple(f"class {n}" for n in range(classes)))


def _image(rng: np.random.Generator, index: int, *, classes: int, most: int, ties: bool) -> tuple[CocoSample, Arrays]:
    count = int(rng.integers(0, 8))
    low, sides = rng.uniform(0, 300, (count, 2)), np.exp(rng.uniform(1.5, 5.3, (count, 2)))
    if rng.integers(2):
        low, sides = np.round(low / 20) * 20, np.round(sides / 20) * 20 + 20
    labels = rng.integers(0, max(1, classes - 1), count)
    if count > 1:
        labels[1], low[1] = labels[0], low[0]
        sides[1] = sides[0] + rng.integers(0, 2)
    areas = sides.prod(axis=1) * rng.choice([1.0, 0.7], count)
    areas[: min(count, int(rng.integers(2)))] = rng.choice([1024.0, 9216.0])
    bounds = np.concatenate((low, sides), axis=1)
    found = int(rng.integers(0, most))
    corners, guessed = rng.uniform(0, 300, (found, 4)), rng.integers(0, classes, found)
    if count:
        which = rng.integers(0, count, found)
        moved = rng.choice([0, 0, 3, 10], (found, 1)) * rng.normal(size=(found, 4))
        corners = np.concatenate((low, low + sides), axis=1)[which] + moved
        guessed = np.where(rng.random(found) < 0.8, labels[which], guessed)
    scores = rng.random(found)
    one = sample(index, bounds, labels.tolist(), areas=areas, crowd=rng.random(count) < 0.2)
    return one, prediction(corners, np.round(scores, 1) if ties else scores, guessed)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What pycocotools says: six values in percent, and average precisions [A, T, C] in 0..1, -1 without objects."""

    values: NDArray[np.float64]
    averages: NDArray[np.float64]


def pycocotools_of(made: CocoSet) -> Judged:
    """Score with pycocotools, whose lines for the terminal go nowhere."""
    owners = [
        (index, box, area, crowd, label)
        for index, one in enumerate(made.samples)
        for box, area, crowd, label in zip(one.bounds, one.areas, one.crowd, one.labels, strict=True)
    ]
    truth = {
        "images": [{"id": index, "width": 640, "height": 480} for index in range(len(made.samples))],
        "categories": [{"id": label, "name": name} for label, name in enumerate(made.classes)],
        "annotations": [
            {
                "id": number,
                "image_id": index,
                "category_id": int(label),
                "bbox": box.tolist(),
                "area": float(area),
                "iscrowd": int(crowd),
            }
            for number, (index, box, area, crowd, label) in enumerate(owners, start=1)
        ],
    }
    results = [
        {"image_id": index, "category_id": int(label), "bbox": [x1, y1, x2 - x1, y2 - y1], "score": float(score)}
        for index, one in enumerate(made.predictions)
        for (x1, y1, x2, y2), score, label in zip(
            one["boxes"].astype(np.float64).tolist(), one["scores"], one["labels"], strict=True
        )
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        expected, found = COCO(), COCO()
        expected.dataset = truth
        expected.createIndex()
        found.dataset = {**truth, "annotations": []}
        found.createIndex()
        scored = COCOeval(expected, expected.loadRes(results) if results else found, "bbox")
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
    precision = scored.eval["precision"][:, :, :, :, 2]  # T, R, K, A, at 100 detections
    return Judged(values=100.0 * scored.stats[:6], averages=precision.mean(axis=1).transpose(2, 0, 1))
