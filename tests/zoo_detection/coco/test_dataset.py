"""The reader of COCO's instances files, which may come from anywhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo_detection.coco.dataset import CocoDataset
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import NamedSamples

if TYPE_CHECKING:
    from pathlib import Path

DATASET = CocoDataset(classes=("dog", "cat"), annotations="instances.json", images="val")
IMAGES = [
    {"id": 9, "file_name": "b.jpg", "width": 64, "height": 48, "license": 3},
    {"id": 4, "file_name": "more/a.png", "width": 30, "height": 20},
]
CATEGORIES = [{"id": 18, "name": "dog"}, {"id": 3, "name": "cat", "supercategory": "animal"}]
OBJECT = {"id": 0, "image_id": 9, "category_id": 3, "bbox": [1.5, 2, 3.25, 4], "area": 10.5, "iscrowd": 0}


def written(root: Path, **parts: Any) -> Path:
    content = {"images": IMAGES, "categories": CATEGORIES, "annotations": [OBJECT], **parts}
    (root / "val").mkdir(exist_ok=True)
    (root / "instances.json").write_text(json.dumps(content), encoding="utf-8")
    return root


def refusal(root: Path, dataset: CocoDataset = DATASET) -> str:
    with pytest.raises(DatasetError) as caught:
        dataset.samples(root)
    return str(caught.value)


def test_images_come_by_id_with_their_objects(tmp_path: Path) -> None:
    crowd = {"image_id": 9, "category_id": 18, "bbox": [0, 0, 64, 48], "area": 3000, "iscrowd": 1}
    empty, full = DATASET.samples(written(tmp_path, annotations=[OBJECT, crowd]))

    assert (empty.index, empty.id, empty.path) == (1, "more/a", tmp_path / "val" / "more" / "a.png")
    assert (empty.width, empty.height, empty.bounds.shape, empty.boxes.shape) == (30, 20, (0, 4), (0, 4))
    assert (full.index, full.id, full.labels.tolist(), full.crowd.tolist()) == (2, "b", [1, 0], [False, True])
    assert full.bounds.tolist() == [[1.5, 2, 3.25, 4], [0, 0, 64, 48]]
    assert full.areas.tolist() == [10.5, 3000]
    assert full.boxes.dtype == np.float32
    assert full.boxes.tolist() == [[2.5, 3, 4.75, 6], [1, 1, 64, 48]]
    assert full.difficult.tolist() == [False, True]
    assert not full.bounds.flags.writeable
    assert isinstance(DATASET, NamedSamples)
    assert DATASET.noun == "images"


def test_files_that_differ_in_their_ending_have_ids_of_their_own(tmp_path: Path) -> None:
    images = [*IMAGES, {"id": 11, "file_name": "b.png", "width": 3, "height": 2}]
    assert [each.id for each in DATASET.samples(written(tmp_path, images=images))] == ["more/a", "b.jpg", "b.png"]


def test_an_object_without_the_mark_is_no_crowd(tmp_path: Path) -> None:
    plain = {key: value for key, value in OBJECT.items() if key != "iscrowd"}
    assert not DATASET.samples(written(tmp_path, annotations=[plain]))[1].crowd.any()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"images": []}, "images: there is none"),
        ({"images": [*IMAGES, IMAGES[0]]}, "images: id 9 is there more than once"),
        ({"images": [*IMAGES, {**IMAGES[0], "id": 5}]}, "'b.jpg' is the file of 9 and of 5"),
        ({"images": [7]}, "images: number 0: expected an object, found 7"),
        ({"images": [{**IMAGES[0], "file_name": "../b.jpg"}]}, "a path below the folder of images, found '../b.jpg'"),
        ({"images": [{**IMAGES[0], "file_name": "/etc/passwd"}]}, "a path below the folder of images"),
        ({"images": [{**IMAGES[0], "file_name": ""}]}, "a path below the folder of images, found ''"),
        ({"images": [{**IMAGES[0], "width": 0}]}, "expected width, a whole number from 1 to 1000000, found 0"),
        ({"images": [{**IMAGES[0], "id": True}]}, "expected id, a whole number"),
        ({"images": [{**IMAGES[0], "id": "9"}]}, "expected id, a whole number"),
        ({"categories": [*CATEGORIES, {"id": 5, "name": "cat"}]}, "categories: two have the same name"),
        ({"categories": [*CATEGORIES, {**CATEGORIES[0], "name": "emu"}]}, "categories: two have the same id"),
        ({"categories": [{"id": 5}]}, "categories: number 0: expected a name, found nothing"),
        ({"annotations": [{**OBJECT, "image_id": 5}]}, "number 0 has image_id 5, and there is no such image"),
        ({"annotations": [{**OBJECT, "category_id": 5}]}, "number 0 has category_id 5, and there is no such category"),
        ({"annotations": [{**OBJECT, "bbox": [1, 2, 3]}]}, "expected bbox [x, y, width, height], found [1, 2, 3]"),
        ({"annotations": [{**OBJECT, "bbox": [1, 2, -3, 4]}]}, "in pixels, found [1, 2, -3, 4]"),
        ({"annotations": [{**OBJECT, "bbox": [1, 2, 1e300, 4]}]}, "in pixels, found"),
        ({"annotations": [{**OBJECT, "bbox": [1, 2, float("nan"), 4]}]}, "expected a finite number in bbox, found nan"),
        ({"annotations": [{**OBJECT, "bbox": [1, 2, "3", 4]}]}, "expected a number in bbox, found '3'"),
        ({"annotations": [{**OBJECT, "area": None}]}, "expected a number in area, found nothing"),
        ({"annotations": [{**OBJECT, "area": 10**400}]}, "expected a finite number in area"),
        ({"annotations": [{**OBJECT, "area": -1}]}, "expected area in square pixels, found -1"),
        ({"annotations": [{**OBJECT, "iscrowd": 2}]}, "expected iscrowd 0 or 1, found 2"),
        ({"annotations": {}}, "an object with lists images, annotations, categories; found annotations, categories"),
    ],
)
def test_faults_are_named(tmp_path: Path, parts: dict[str, Any], expected: str) -> None:
    assert expected in refusal(written(tmp_path, **parts))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "it is no JSON"),
        (b"\xff\xfe\x00", "it is no JSON"),
        (b"[" * 200_000, "it is no JSON"),
        (b'{"images": ' + b"9" * 5000 + b"}", "it is no JSON"),
        (b"[]", "found a list"),
        (b'{"images": [], "images": []}', "found the key 'images' twice in one object; repair or fetch it again"),
        (b'{"images": [{"id": 1, "id": 1}]}', "found the key 'id' twice in one object"),
        (b'{"info": {}}', "found info"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    root = written(tmp_path)
    (root / "instances.json").write_bytes(content)
    assert expected in refusal(root)


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = written(tmp_path)
    monkeypatch.setenv("ZOO_RUNNER_COCO_LIMIT", "10")
    assert "it cannot be read" in refusal(root)
    (root / "instances.json").rename(root / "instances_val2017.json")
    text = refusal(root)
    assert "but instances_val2017.json; set plugin.config.reader.annotations" in text
    (root / "instances_val2017.json").unlink()
    assert "and no JSON file beside it" in refusal(root)


def test_classes_are_the_categories(tmp_path: Path) -> None:
    """An object of no class would count nowhere, and a misspelt class would be found never."""
    other = CocoDataset(classes=("dog", "cats"), annotations="instances.json", images="val")
    text = refusal(written(tmp_path), other)
    assert "category 'cat' of 1 objects is not one of the 2 classes" in text
    assert "class 'cats' is no category of the file" in text
    fewer = CocoDataset(classes=("cat",), annotations="instances.json", images="val")
    assert len(fewer.samples(tmp_path)) == 2  # no object is a dog


def test_the_folder_of_images_is_needed(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "val").rename(root / "val2017")
    assert "found val2017" in refusal(root)
