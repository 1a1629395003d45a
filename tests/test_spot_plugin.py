# ruff: noqa: E501 - what is expected stands beside what is given
"""The detector that ``docs/how-to/detector.md`` shows, and what that page says of detections."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from lab import Lab
from places import ROOT
from sized_files import write_site
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.samples import DetectionSample
from zoo_runner.errors import ResultError
from zoo_runner.plugin.scoring import score
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from tests.conftest import Listener

SOURCE = ROOT / "tests" / "spot_plugin"
PAGE = (ROOT / "docs" / "how-to" / "detector.md").read_text()
CLASSES = ("blue", "green", "red")
CELL = 40, 30
"""Pixels of a cell of the grid, in a photograph of 320 by 240."""


def spot(label: str, column: int, row: int) -> dict[str, Any]:
    """An object that fills a cell, as the page says that objects are annotated."""
    (wide, high), (x, y) = CELL, (column * CELL[0], row * CELL[1])
    return {"label": label, "box": [x + 1, y + 1, x + wide, y + high]}


PHOTOS: list[dict[str, Any]] = [
    {"file": "a.png", "upside_down": False, "objects": [spot("red", 1, 2), spot("blue", 6, 7)]},
    {"file": "b.png", "upside_down": True, "objects": [spot("green", 0, 1), spot("red", 5, 5)]},
    {"file": "c.png", "upside_down": True, "objects": [spot("blue", 3, 0)]},
    {"file": "d.png", "upside_down": False, "objects": []},
]


@pytest.fixture(autouse=True)
def no_module_stays() -> Iterator[None]:
    """A module whose file is gone would be in the way of later tests in this process."""
    yield
    sys.modules.pop("spot_plugin", None)


@pytest.fixture
def lab(tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Lab:
    folder = tmp_path / "here"
    (folder / "data").mkdir(parents=True)
    (folder / "spot.yaml").write_bytes((SOURCE / "spot.yaml").read_bytes())
    for each in PHOTOS:
        image = np.zeros((240, 320, 3), dtype=np.uint8)
        for found in each["objects"]:
            x1, y1, x2, y2 = found["box"]
            image[y1 - 1 : y2, x1 - 1 : x2, CLASSES.index(found["label"])] = 230
        cv2.imwrite(str(folder / "data" / each["file"]), image)
    listed = [{"width": 320, "height": 240, **each} for each in PHOTOS]
    (folder / "data" / "photos.json").write_text(json.dumps(listed))
    image_info = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, 64, 64])
    heat = helper.make_tensor_value_info("heat", TensorProto.FLOAT, ["batch", 3, 8, 8])
    node = helper.make_node("AveragePool", ["image"], ["heat"], kernel_shape=[8, 8], strides=[8, 8])
    graph = helper.make_graph([node], "spot", [image_info], [heat])
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), folder / "spot.onnx")
    monkeypatch.syspath_prepend(write_site(tmp_path / "site", "spot"))
    return Lab(folder, tmp_path / "store", listener)


def test_the_plugin_that_is_shown_is_the_one_that_is_tested() -> None:
    shown = dict(re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    assert shown["python"] == (SOURCE / "spot_plugin.py").read_text()
    assert shown["yaml"] == (SOURCE / "spot.yaml").read_text()
    (row,) = json.loads(shown["json"])
    assert row.keys() == {"width", "height", *PHOTOS[0]}
    assert row["objects"] == [spot("red", 1, 1)]


def test_it_finds_every_spot_and_a_turned_photo_is_predicted_again(lab: Lab) -> None:
    first = lab(manifest="spot.yaml")
    assert first.verdict is Verdict.PASS, first.why
    assert first.metrics[0].value == pytest.approx(100.0)
    assert [text for text in first.warnings if "plugin" in text] == []
    assert first.noun == "photos"
    listed = json.loads((lab.folder / "data" / "photos.json").read_text())
    listed[0]["upside_down"] = True
    (lab.folder / "data" / "photos.json").write_text(json.dumps(listed))
    turned = lab(manifest="spot.yaml")
    assert turned.verdict is Verdict.PASS  # turned, and turned back
    assert next(stage for stage in turned.stages if stage.name == "infer").skipped is False


SAMPLE = DetectionSample(
    index=1, id="s", path=Path(), width=100, height=100, labels=np.array([0]), difficult=np.array([False]),
    boxes=np.array([[5, 5, 84, 84]], dtype=np.float32),
)  # fmt: skip # one object, in one row


def detections(**changes: Any) -> dict[str, Any]:
    exact = {
        "boxes": np.array([[4.0, 4, 84, 84]], np.float32),
        "scores": np.ones(1, np.float32),
        "labels": np.zeros(1, np.int16),
    }
    return {**exact, **changes}


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        pytest.param({}, 100.0, id="exact"),
        pytest.param({"boxes": np.array([[4.0, 4, 84, 84]])}, 100.0, id="float64"),
        pytest.param({"labels": np.zeros(1, np.uint8)}, 100.0, id="another integer"),
        pytest.param({"scores": np.array([-7.0])}, 100.0, id="scores of any scale"),
        pytest.param({"mask": np.zeros((1, 3, 3))}, 100.0, id="another array beside"),
        pytest.param({"boxes": np.array([[4.0, 4, 30, 30]])}, 0.0, id="another place"),
    ],
)
def test_what_the_page_says_of_detections(changes: dict[str, Any], value: float) -> None:
    found = score(VocMetric(("a",)), [SAMPLE], [detections(**changes)])
    assert found.values[0].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"boxes": np.zeros((0, 4))}, "expected boxes float[K, 4], scores float[K], labels int[K]", id="other lengths"),
        pytest.param({"labels": np.zeros(1)}, "expected boxes float[K, 4], scores float[K], labels int[K]", id="labels that are no integers"),
        pytest.param({"labels": np.ones(1, np.int16)}, "expected labels from 0 to 0, found 1 to 1", id="no such class"),
        pytest.param({"scores": np.array([np.nan])}, "expected finite scores, found 1 numbers of 1 that are not", id="NaN"),
    ],
)  # fmt: skip # one row a line
def test_what_the_page_says_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ResultError) as caught:
        score(VocMetric(("a",)), [SAMPLE], [detections(**changes)])
    assert "\n  s: " in str(caught.value)
    assert text in str(caught.value)


def test_small_objects_are_not_found_by_the_reference_even_with_the_exact_box() -> None:
    small = DetectionSample(
        index=1, id="s", path=Path(), width=100, height=100, labels=np.array([0]), difficult=np.array([False]),
        boxes=np.array([[5, 5, 9, 9]], dtype=np.float32),
    )  # fmt: skip # one object, in one row
    found = score(VocMetric(("a",)), [small], [detections(boxes=np.array([[4.0, 4, 9, 9]]))])
    assert found.values[0].value == 0.0
