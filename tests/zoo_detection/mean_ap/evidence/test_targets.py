from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from voc_scenes import Detection, Object, prediction_of, sample_of
from zoo_detection.coco.metric import CocoMetric
from zoo_detection.mean_ap.evidence.targets import PLACES, SIZES
from zoo_detection.mean_ap.metric import VocMetric
from zoo_runner.plugin.scoring import score
from zoo_runner.plugin.targets import Targets, TargetScore

CLASSES = ("cat", "dog")
CAT, DOG = range(2)


def targets(*scenes: tuple[Sequence[Detection], Sequence[Object]], metric: Any = None) -> Targets:
    samples = [sample_of(objects) for _, objects in scenes]
    found = score(metric or VocMetric(CLASSES), samples, [prediction_of(detections) for detections, _ in scenes])
    assert isinstance(found, TargetScore)
    return found.targets()


def told(found: Targets) -> list[tuple[int, bool, str, str, str]]:
    names = [[each.values[code] for code in each.codes] for each in found.traits]
    return list(zip(found.samples.tolist(), found.found.tolist(), *names, strict=True))


@pytest.mark.parametrize("metric", [VocMetric(CLASSES), CocoMetric(CLASSES)], ids=["voc", "coco"])
def test_each_object_that_counts_is_found_or_missed(metric: Any) -> None:
    small, large, difficult = (1.0, 1.0, 20.0, 20.0), (301.0, 201.0, 500.0, 375.0), (101.0, 101.0, 150.0, 150.0)
    on_small = (0.0, 0.0, 19.0, 19.0)
    first = ([(CAT, 0.9, on_small)], [(CAT, small, False), (DOG, difficult, True), (DOG, large, False)])
    second: tuple[list[Detection], list[Object]] = ([], [(CAT, small, False)])
    found = targets(first, second, metric=metric)
    assert found.noun == "objects"
    assert told(found) == [
        (0, True, "cat", "small", "top left"),
        (0, False, "dog", "large", "bottom right"),
        (1, False, "cat", "small", "top left"),
    ]


@pytest.mark.parametrize(
    ("box", "size", "place"),
    [
        pytest.param((235, 170, 265, 200), "small", "centre", id="in the middle"),
        pytest.param((235, 1, 268, 34), "medium", "top middle", id="just not small"),
        pytest.param((1, 1, 500, 375), "large", "centre", id="the whole image"),
        pytest.param((460, 340, 500, 375), "medium", "bottom right", id="in a corner"),
    ],
)
def test_size_and_place(box: tuple[float, float, float, float], size: str, place: str) -> None:
    ((_, _, _, found_size, found_place),) = told(targets(([], [(CAT, box, False)])))
    assert (found_size, found_place) == (size, place)


def test_nothing_is_no_object() -> None:
    found = targets(([], []))
    assert (told(found), np.asarray(found.found).dtype) == ([], np.dtype(bool))
    assert [each.values for each in found.traits] == [CLASSES, SIZES, PLACES]
