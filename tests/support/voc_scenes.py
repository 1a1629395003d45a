"""Images with objects, and detections on them, made up for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zoo_detection.samples import DetectionSample

if TYPE_CHECKING:
    from zoo_detection.mean_ap.metric import VocMetric
    from zoo_detection.mean_ap.scoring import VocScore
    from zoo_runner.plugin.interfaces import Sample

Prediction: TypeAlias = Mapping[str, NDArray[Any]]
Object: TypeAlias = tuple[int, Sequence[float], bool]
"""Label, 1-based box, difficult."""
Detection: TypeAlias = tuple[int, float, Sequence[float]]
"""Label, score, 0-based box."""
Scene: TypeAlias = tuple[list[DetectionSample], list[Prediction]]


def scored(metric: VocMetric, samples: Sequence[Sample], predictions: Sequence[Prediction]) -> VocScore:
    """What a metric finds of these predictions, all taken in at once."""
    scoring = metric.scoring()
    scoring.update(samples, predictions)
    return scoring.compute()


def sample_of(objects: Sequence[Object] = (), index: int = 1) -> DetectionSample:
    """An image with these objects."""
    return DetectionSample(
        index=index,
        id=f"{index:06}",
        path=Path(f"{index:06}.jpg"),
        width=500,
        height=375,
        boxes=np.array([box for _, box, _ in objects], dtype=np.float32).reshape(-1, 4),
        labels=np.array([label for label, _, _ in objects], dtype=np.intp),
        difficult=np.array([difficult for _, _, difficult in objects], dtype=np.bool_),
    )


def prediction_of(rows: Sequence[Detection] = ()) -> Prediction:
    """These detections."""
    return {
        "boxes": np.array([box for _, _, box in rows], dtype=np.float32).reshape(-1, 4),
        "scores": np.array([score for _, score, _ in rows], dtype=np.float32),
        "labels": np.array([label for label, _, _ in rows], dtype=np.int16),
    }


A, ON_A = (11, 11, 50, 50), (10, 10, 49, 49)
B, ON_B = (101, 101, 140, 140), (100, 100, 139, 139)
SAMPLES = (sample_of([(0, A, False), (1, B, False)], 1), sample_of([], 2), sample_of([(0, B, False)], 3))
PERFECT = (
    prediction_of([(0, 0.9, ON_A), (1, 0.8, ON_B)]),
    prediction_of(),
    prediction_of([(0, 0.7, ON_B)]),
)
"""All that is to be found in ``SAMPLES``."""


def scene(seed: int, images: int = 6, detections: int = 20, decimals: int | None = None) -> Scene:
    """Images with a few objects of two classes each, and detections around and beside them.

    With ``decimals``, many scores are equal; without, no two are, even as the reference writes them.
    """
    rng = np.random.default_rng(seed)
    samples: list[DetectionSample] = []
    predictions: list[Prediction] = []
    distinct = rng.permutation(images * detections).reshape(images, detections) + 1.0
    for index in range(1, images + 1):
        count = int(rng.integers(0, 4))
        low = rng.integers(1, 30, (count, 2))
        boxes = np.concatenate((low, low + rng.integers(4, 40, (count, 2))), axis=1).astype(np.float32)
        objects = zip(rng.integers(0, 2, count).tolist(), boxes, (rng.random(count) < 0.2).tolist(), strict=True)
        samples.append(sample_of([(label, box, difficult) for label, box, difficult in objects], index))
        aimed = boxes[rng.integers(0, count, detections)] - 1 if count else np.zeros((detections, 4))
        scores = np.round(rng.random(detections), decimals) if decimals is not None else distinct[index - 1] / 1000
        predictions.append(
            {
                "boxes": (aimed + rng.normal(0, 2, (detections, 4))).astype(np.float32),
                "scores": scores.astype(np.float32),
                "labels": rng.integers(0, 2, detections).astype(np.int16),
            }
        )
    return samples, predictions
