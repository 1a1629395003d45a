"""What a model and its data set tell of a detector's configuration, and what is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from places import ROOT
from zoo_detection import plugin
from zoo_detection.config import DetectConfig
from zoo_detection.voc.classes import VOC_CLASSES
from zoo_runner.errors import UsageError
from zoo_runner.plugin.drafting import Material, UndecidedError
from zoo_runner.plugin.interfaces import TensorSpec

VOC = ROOT / "refinedet_plugin" / "sample" / "VOCdevkit"
SIX = ["red_disc", "blue_disc", "red_box", "blue_box", "red_triangle", "blue_triangle"]
IMAGE = (TensorSpec("image", "float32", ("batch", 3, 160, 160)),)
PAIR = (TensorSpec("loc", "float32", ("batch", 12, 4)), TensorSpec("conf", "float32", ("batch", 12, 7)))
DONE = (
    TensorSpec("dets", "float32", ("batch", 100, 4)),
    TensorSpec("labels", "int64", ("batch", 100)),
    TensorSpec("scores", "float32", ("batch", 100)),
)
SSD = {
    "type": "ssd",
    "boxes": "loc",
    "scores": "conf",
    "priors": {"maps": [{"cells": [2, 2], "size": 20, "ratios": [2.0]}]},
}


def material(data: Path = VOC, outputs: Any = DONE, inputs: Any = IMAGE, **config: Any) -> Material:
    return Material(tensors=(), data=data, config=config, inputs=inputs, outputs=outputs)


def coco(root: Path, *names: str) -> Path:
    content = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names, start=1)],
        "annotations": [],
    }
    (root / "annotations").mkdir()
    (root / "annotations" / "instances_val.json").write_text(json.dumps(content))
    (root / "val").mkdir()
    (root / "val" / "a.jpg").write_bytes(b"image")
    return root


def test_a_model_that_finishes_its_detections() -> None:
    found = plugin.zoo_draft(material(classes=SIX))
    config = DetectConfig.model_validate(found.config)
    assert found.config["postprocess"] == {
        "type": "detections",
        "boxes": "dets",
        "scores": "scores",
        "labels": "labels",
    }
    assert config.reader.model_dump() == {"type": "voc", "image_set": "test", "year": "VOC2007"}
    assert [each.op for each in config.preprocess] == ["resize", "normalise", "layout"]
    assert list(found.kinds) == ["dets", "labels", "scores"]
    assert any("no file tells it" in note for note in found.notes)
    assert len(plugin.zoo_dataset(config).samples(VOC)) == 240
    assert plugin.zoo_preprocess(config, IMAGE)
    assert plugin.zoo_postprocess(config, DONE)


def test_coco_tells_its_reader(tmp_path: Path) -> None:
    found = plugin.zoo_draft(material(coco(tmp_path, "cat", "dog"), classes=["cat", "dog"]))
    assert found.config["reader"] == {
        "type": "coco",
        "annotations": "annotations/instances_val.json",
        "images": "val",
    }
    assert found.config["metric"] == {"type": "coco"}
    assert len(plugin.zoo_dataset(DetectConfig.model_validate(found.config)).samples(tmp_path)) == 1


def test_the_published_classes_are_known(tmp_path: Path) -> None:
    assert plugin.zoo_draft(material(coco(tmp_path, *VOC_CLASSES))).config["classes"] == "voc"


def test_priors_are_asked_for_and_taken() -> None:
    with pytest.raises(UndecidedError, match="the model gives 12 boxes and 7 scores for each") as caught:
        plugin.zoo_draft(material(outputs=PAIR, classes=SIX))
    assert caught.value.key == "postprocess"
    found = plugin.zoo_draft(material(outputs=PAIR, classes=SIX, postprocess=SSD))
    assert plugin.zoo_postprocess(DetectConfig.model_validate(found.config), PAIR)


def test_classes_are_asked_for() -> None:
    with pytest.raises(UndecidedError, match="no file tells their order in the training") as caught:
        plugin.zoo_draft(material())
    assert (caught.value.key, sorted(caught.value.suggestion.split(","))) == ("classes", sorted(SIX))
    fewer = (PAIR[0], TensorSpec("conf", "float32", ("batch", 12, 5)))
    with pytest.raises(UndecidedError, match="the model has 4 classes, the data has 6"):
        plugin.zoo_draft(material(outputs=fewer, postprocess=SSD))


def test_a_reader_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    root = coco(tmp_path, "cat")
    other = root / "annotations" / "instances_train.json"
    other.write_bytes((root / "annotations" / "instances_val.json").read_bytes())
    with pytest.raises(UndecidedError, match="expected one file of annotations") as caught:
        plugin.zoo_draft(material(root, classes=["cat"]))
    assert caught.value.key == "reader"
    reader = {"type": "coco", "annotations": "annotations/instances_val.json", "images": "val"}
    assert plugin.zoo_draft(material(root, classes=["cat"], reader=reader)).config["reader"] == reader
    other.unlink()
    (root / "val" / "a.jpg").unlink()
    with pytest.raises(UndecidedError, match=r"expected one folder with the image a.jpg, found none"):
        plugin.zoo_draft(material(root, classes=["cat"]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"outputs": ()}, "expected the detector as an ONNX file, found a checkpoint"),
        ({"outputs": DONE[:2]}, "expected outputs with boxes and class scores, or with boxes, scores and labels"),
        ({"inputs": IMAGE * 2}, "expected one input, an image of 3 channels"),
        ({"inputs": (TensorSpec("x", "float32", ("batch", 4, 8, 8)),)}, "expected one input, an image of 3 channels"),
    ],
)
def test_what_is_no_detector_is_refused(given: Any, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        plugin.zoo_draft(material(classes=SIX, **given))
