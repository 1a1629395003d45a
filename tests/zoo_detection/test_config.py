from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from zoo_detection.coco.classes import COCO_CLASSES
from zoo_detection.config import DetectConfig
from zoo_detection.voc.classes import VOC_CLASSES

USUAL = {
    "classes": ["cat", "dog"],
    "reader": {"type": "voc"},
    "preprocess": [{"op": "resize", "size": 80}],
    "postprocess": {"type": "detections", "boxes": "b", "scores": "s", "labels": "l"},
    "metric": {"type": "coco"},
}


def config(**changes: Any) -> DetectConfig:
    return DetectConfig.model_validate({**USUAL, **changes})


def test_presets_are_the_classes_of_the_data_sets() -> None:
    assert config(classes="voc").classes == VOC_CLASSES
    assert config(classes="coco").classes == COCO_CLASSES


def test_defaults_are_those_of_the_published_data_sets() -> None:
    assert config().reader.model_dump() == {"type": "voc", "image_set": "test", "year": "VOC2007"}
    coco = config(reader={"type": "coco"}).reader
    assert coco.model_dump() == {
        "type": "coco",
        "annotations": "annotations/instances_val2017.json",
        "images": "val2017",
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"classes": "vox"}, "expected the preset voc or coco, or a list of class names; found 'vox'"),
        ({"classes": ["a", "a"]}, "found repeated: a"),
        ({"classes": []}, "at least 1 item"),
        ({"reader": {"type": "yolo"}}, "'voc', 'coco'"),
        ({"reader": {"type": "voc", "images": "a"}}, "Extra inputs"),
        ({"reader": {"type": "voc", "year": "../x"}}, "pattern"),
        ({"reader": {"type": "coco", "annotations": "../secret.json"}}, "expected a path below the data set's folder"),
        ({"reader": {"type": "coco", "images": "/etc"}}, "expected a path below the data set's folder; found '/etc'"),
        ({"metric": {"type": "map"}}, "'voc', 'coco'"),
        ({"postprocess": {"type": "yolo"}}, "'ssd', 'detections'"),
        ({"preprocess": [{"op": "resise", "size": 80}]}, "'resize'"),
        ({"mean": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_is_refused(changes: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        config(**changes)
    assert expected in str(caught.value)


@pytest.mark.parametrize("key", sorted(USUAL))
def test_every_section_is_needed(key: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        DetectConfig.model_validate({name: value for name, value in USUAL.items() if name != key})
