from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from zoo_detection.postprocess.finished import FinishedPostprocess
from zoo_detection.postprocess.settings import FinishedOutputs
from zoo_detection.samples import DetectionSample
from zoo_images.operations import Operations
from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.interfaces import TensorSpec

SETTINGS = {"type": "detections", "boxes": "b", "scores": "s", "labels": "l"}
SPECS = (
    TensorSpec("b", "float32", ("batch", 3, 4)),
    TensorSpec("s", "float32", ("batch", 3)),
    TensorSpec("l", "int64", ("batch", 3)),
)
WIDE = DetectionSample(
    index=1,
    id="wide",
    path=Path("wide.jpg"),
    width=160,
    height=40,
    boxes=np.zeros((0, 4), np.float32),
    labels=np.zeros(0, np.intp),
    difficult=np.zeros(0, np.bool_),
)
STRETCHED = [{"op": "resize", "width": 80, "height": 80}]


def made(steps: Any = STRETCHED, classes: int = 2, **changes: Any) -> FinishedPostprocess:
    settings = FinishedOutputs.model_validate({**SETTINGS, **changes})
    return FinishedPostprocess(settings, classes, TypeAdapter(Operations).validate_python(steps), SPECS)


def outputs(box: Any = (20, 40, 40, 80), labels: Any = (0, 1, 1), dtype: Any = np.int64) -> dict[str, Any]:
    """Two detections and a row of padding."""
    return {
        "b": np.array([box, box, (0, 0, 0, 0)], np.float32),
        "s": np.array([0.9, 0.5, 0.0], np.float32),
        "l": np.array(labels).astype(dtype),
    }


@pytest.mark.parametrize(
    ("unit", "box"),
    [("input", (20, 40, 40, 80)), ("fraction", (0.25, 0.5, 0.5, 1.0)), ("image", (40, 20, 80, 40))],
)
def test_boxes_are_in_pixels_of_the_image(unit: str, box: Any) -> None:
    found = made(unit=unit)(outputs(box), WIDE)
    np.testing.assert_allclose(found["boxes"], [(40, 20, 80, 40)] * 2, rtol=1e-6)
    np.testing.assert_allclose(found["scores"], [0.9, 0.5])
    assert found["labels"].tolist() == [0, 1]
    assert found["labels"].dtype == np.int16


def test_boxes_of_a_letterbox_go_back() -> None:
    """160 x 40 becomes 80 x 20, 30 rows below the upper edge."""
    found = made([{"op": "letterbox", "size": 80}])(outputs((20, 40, 40, 50)), WIDE)
    np.testing.assert_allclose(found["boxes"][0], (40, 20, 80, 40), rtol=1e-6)


@pytest.mark.parametrize(
    ("form", "box"), [("yxyx", (40, 20, 80, 40)), ("xywh", (20, 40, 20, 40)), ("cxcywh", (30, 60, 20, 40))]
)
def test_forms(form: str, box: Any) -> None:
    np.testing.assert_allclose(made(form=form)(outputs(box), WIDE)["boxes"][0], (40, 20, 80, 40), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.float32])
@pytest.mark.parametrize(
    ("changes", "labels"), [({}, (0, 1, 0)), ({"first_label": 1}, (1, 2, 0)), ({"label_values": (44, 7)}, (44, 7, 0))]
)
def test_labels_become_positions(changes: Any, labels: Any, dtype: Any) -> None:
    """Padding rows, whose score is 0, may have any label."""
    assert made(**changes)(outputs(labels=labels, dtype=dtype), WIDE)["labels"].tolist() == [0, 1]


@pytest.mark.parametrize("labels", [(0, 2, 0), (-1, 1, 0), (0, 0.5, 0)])
def test_a_label_of_no_class_is_refused(labels: Any) -> None:
    """Read one off, every class would be another's: as a rule that shows here."""
    with pytest.raises(ResultError, match=r"expected labels of 2 classes, 0 to 1; found others, such as .*first_label"):
        made()(outputs(labels=labels, dtype=np.float32), WIDE)


def test_scores_up_to_the_threshold_are_none() -> None:
    assert made(score_threshold=0.5)(outputs(), WIDE)["scores"].tolist() == [np.float32(0.9)]
    assert made()(outputs(), WIDE)["scores"].shape == (2,)


@pytest.mark.parametrize("name", ["b", "s", "l"])
def test_outputs_that_are_something_else_are_refused(name: str) -> None:
    given = outputs()
    with pytest.raises(ResultError, match="wide"):
        made()({key: value for key, value in given.items() if key != name}, WIDE)
    with pytest.raises(ResultError, match="wide"):
        made()({**given, name: given[name][:, None]}, WIDE)
    if name != "l":
        with pytest.raises(ResultError, match="NaN or infinite"):
            made()({**given, name: given[name] * np.float32(np.nan)}, WIDE)


def test_what_cannot_fit_is_refused_before_anything_runs() -> None:
    with pytest.raises(ManifestError, match=r"postprocess.labels: expected the name of an output, found 'x'"):
        made(labels="x")
    with pytest.raises(ManifestError, match="expected a label for each of 2 classes, found 3"):
        made(label_values=(1, 2, 3))
    with pytest.raises(ValidationError, match="expected first_label or label_values; found both"):
        made(label_values=(1, 2), first_label=1)
    with pytest.raises(ValidationError, match="a label of its own for each class"):
        made(label_values=(1, 1))


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "xywh"},
        {"unit": "image"},
        {"first_label": 1},
        {"label_values": (1, 0)},
        {"score_threshold": 0.1},
        {"classes": 3},
        {"steps": [{"op": "letterbox", "size": 80}]},
        {"steps": [{"op": "resize", "width": 81, "height": 80}]},
    ],
)
def test_whatever_changes_a_detection_is_in_the_identity(changes: Any) -> None:
    assert made(**changes).identity != made().identity
