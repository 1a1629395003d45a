"""What is kept of the predictions: the detections that anybody acts on, wherever the images are divided."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from voc_scenes import scene
from zoo_detection.mean_ap.by_class import detections_of, ground_truth_of
from zoo_detection.mean_ap.evidence.diagnosis import LEAST_SCORE
from zoo_detection.mean_ap.evidence.kept import Kept

CLASSES = ("cat", "dog")
SCENE = scene(5, images=6, detections=12, decimals=1)


def kept_of(start: int, end: int) -> Kept:
    samples, predictions = SCENE[0][start:end], SCENE[1][start:end]
    return Kept.of(detections_of(samples, predictions, CLASSES), ground_truth_of(samples, CLASSES))


def contents(kept: Kept) -> list[Any]:
    return [array.tolist() for part in (kept.detections, kept.ground_truth) for array in vars(part).values()]


def test_low_scores_are_left_out_and_objects_are_not() -> None:
    samples, predictions = SCENE
    kept, scores = kept_of(0, 6), np.concatenate([each["scores"] for each in predictions])
    assert kept.detections.scores.tolist() == scores[scores >= LEAST_SCORE].tolist()
    assert 0 < len(kept.detections.scores) < len(scores)
    assert len(kept.ground_truth.labels) == sum(len(each.labels) for each in samples)


@pytest.mark.parametrize("bounds", [[0, 6], [0, 2, 6], [0, 0, 5, 6, 6]], ids=["one", "two", "empty ones"])
def test_chunks_join_to_the_whole(bounds: list[int]) -> None:
    parts = [kept_of(start, end) for start, end in pairwise(bounds)]
    joined = Kept.joined(parts, np.diff(bounds).tolist())
    assert contents(joined) == contents(kept_of(0, 6))


def test_what_one_image_has() -> None:
    one, alone = kept_of(0, 6).of_image(3), kept_of(3, 4)
    assert set(one.detections.images.tolist()) == {3}
    assert one.detections.boxes.tolist() == alone.detections.boxes.tolist()
    assert one.ground_truth.boxes.tolist() == alone.ground_truth.boxes.tolist()
