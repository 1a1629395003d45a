from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from zoo_detection import boxes
from zoo_detection.postprocess.settings import SsdOutputs
from zoo_detection.postprocess.ssd import SsdPostprocess
from zoo_detection.samples import DetectionSample
from zoo_images.operations import Operations
from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.interfaces import TensorSpec

PRIORS = {"maps": [{"cells": [4, 4], "size": 20, "ratios": [2.0]}]}
COUNT = 48
SETTINGS = {"type": "ssd", "boxes": "loc", "scores": "conf", "priors": PRIORS}
STRETCHED = [{"op": "resize", "width": 80, "height": 40}]
BOXED = [{"op": "letterbox", "size": 80}]
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
ROW = 21
"""Of the prior that finds something."""


def made(steps: Any = STRETCHED, classes: int = 2, outputs: Any = None, **changes: Any) -> SsdPostprocess:
    settings = SsdOutputs.model_validate({key: value for key, value in {**SETTINGS, **changes}.items() if value != ""})
    channels = classes + (settings.background != "none")
    specs = outputs or (
        TensorSpec("loc", "float32", ("batch", COUNT, 4)),
        TensorSpec("conf", "float32", ("batch", COUNT, channels)),
    )
    return SsdPostprocess(settings, classes, TypeAdapter(Operations).validate_python(steps), specs)


def outputs(place: int = 1, channels: int = 3, score: float = 0.9, box: Any = None, side: Any = (80, 40)) -> Any:
    """One prior leads to a box in fractions of the input."""
    priors = SsdOutputs.model_validate(SETTINGS).priors
    assert priors is not None
    laid_out = priors.boxes(*side)
    offsets = np.zeros((COUNT, 4), np.float32)
    if box is not None:
        offsets[ROW] = boxes.encode(np.array([box]), laid_out[[ROW]])[0]
    scores = np.zeros((COUNT, channels), np.float32)
    scores[ROW, place] = score
    return {"loc": offsets, "conf": scores}


def test_a_box_goes_back_to_the_image_that_was_stretched() -> None:
    found = made()(outputs(2, box=(0.25, 0.5, 0.5, 1.0)), WIDE)
    np.testing.assert_allclose(found["boxes"], [(40, 20, 80, 40)], rtol=1e-5)
    assert found["scores"].tolist() == [np.float32(0.9)]
    assert found["labels"].tolist() == [1]
    assert {name: array.dtype for name, array in found.items()} == {
        "boxes": np.float32,
        "scores": np.float32,
        "labels": np.int16,
    }


def test_a_box_goes_back_to_the_image_that_was_letterboxed() -> None:
    """160 x 40 becomes 80 x 20 in the middle of 80 x 80: the image begins at row 30."""
    found = made(BOXED)(outputs(1, box=(0.25, 30 / 80, 0.5, 50 / 80), side=(80, 80)), WIDE)
    np.testing.assert_allclose(found["boxes"], [(40, 0, 80, 40)], atol=1e-4)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_scores_are_activated(activation: str) -> None:
    given = outputs(1, score=3.0)
    found = made(activation=activation, score_threshold=0.6)(given, WIDE)
    powers = np.exp([0.0, 3.0, 0.0])
    expected = powers[1] / powers.sum() if activation == "softmax" else 1 / (1 + np.exp(-3.0))
    assert found["scores"].tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("background", "channels", "place", "label"),
    [
        ("first", 3, 1, 0),
        ("first", 3, 2, 1),
        ("last", 3, 0, 0),
        ("last", 3, 1, 1),
        ("none", 2, 0, 0),
        ("none", 2, 1, 1),
    ],
)
def test_the_background_is_no_class(background: str, channels: int, place: int, label: int) -> None:
    found = made(background=background)(outputs(place, channels), WIDE)
    assert found["labels"].tolist() == [label]
    unseen = {"first": 0, "last": 2}.get(background)
    if unseen is not None:
        assert len(made(background=background)(outputs(unseen, channels), WIDE)["labels"]) == 0


def test_variances_scale_offsets() -> None:
    given = outputs(1)
    given["loc"][ROW] = (1, 0, 0, 1)
    one, other = made(variances=[0.1, 0.2])(given, WIDE), made(variances=[0.2, 0.4])(given, WIDE)
    centre, size = (found["boxes"][0, [0, 1]] + found["boxes"][0, [2, 3]] for found in (one, other))
    assert centre[0] - size[0] == pytest.approx(-2 * 0.1 * 40, rel=1e-4)  # the prior is 40 pixels of the image wide
    heights = [float(found["boxes"][0, 3] - found["boxes"][0, 1]) for found in (one, other)]
    assert heights[1] / heights[0] == pytest.approx(np.exp(0.2), rel=1e-5)


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("xyxy", (0.25, 0.5, 0.5, 1.0)),
        ("yxyx", (0.5, 0.25, 1.0, 0.5)),
        ("xywh", (0.25, 0.5, 0.25, 0.5)),
        ("cxcywh", (0.375, 0.75, 0.25, 0.5)),
    ],
)
def test_boxes_that_are_no_offsets(form: str, row: Any) -> None:
    given = {"loc": np.array([row], np.float32), "conf": np.array([[0, 0, 0.5]], np.float32)}
    specs = (TensorSpec("loc", "float32", ("batch", 1, 4)), TensorSpec("conf", "float32", ("batch", 1, 3)))
    found = made(priors="", form=form, outputs=specs)(given, WIDE)
    np.testing.assert_allclose(found["boxes"], [(40, 20, 80, 40)], rtol=1e-5)


def test_overlapping_boxes_of_a_class_go_and_others_stay() -> None:
    given = {
        "loc": np.array([(0, 0, 0.5, 0.5), (0, 0, 0.5, 0.49), (0.5, 0.5, 1, 1)], np.float32),
        "conf": np.array([(0, 0.9, 0.1), (0, 0.8, 0.3), (0, 0.7, 0)], np.float32),
    }
    specs = (TensorSpec("loc", "float32", ("batch", 3, 4)), TensorSpec("conf", "float32", ("batch", 3, 3)))
    whole = made(priors="", form="xyxy", outputs=specs)(given, WIDE)
    assert whole["labels"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(whole["scores"], [0.9, 0.7, 0.3])
    fewer = made(priors="", form="xyxy", outputs=specs, keep_top_k=2)(given, WIDE)
    np.testing.assert_allclose(fewer["scores"], [0.9, 0.7])
    one = made(priors="", form="xyxy", outputs=specs, nms_top_k=1)(given, WIDE)
    np.testing.assert_allclose(one["scores"], [0.9, 0.3])
    every = made(priors="", form="xyxy", outputs=specs, nms_threshold=1.0)(given, WIDE)
    assert len(every["scores"]) == 5


def test_nothing_found() -> None:
    found = made()(outputs(1, score=0.01), WIDE)
    assert (found["boxes"].shape, found["scores"].shape, found["labels"].shape) == ((0, 4), (0,), (0,))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda given: given.pop("loc"), "loc float32[48, 4]"),
        (lambda given: given.update(loc=given["loc"][:-1]), "loc float32[47, 4]"),
        (lambda given: given.update(conf=given["conf"][:, :-1]), "conf float32[K, 3]"),
        (lambda given: given.update(conf=given["conf"].astype(int)), "conf int64"),
        (lambda given: given["loc"].__setitem__((0, 0), np.nan), "found 1 of 192 that are NaN or infinite"),
        (lambda given: given["conf"].__setitem__((0, 0), np.inf), "found 1 of 144 that are NaN or infinite"),
    ],
)
def test_outputs_that_are_something_else_are_refused(change: Any, expected: str) -> None:
    given = outputs(1)
    change(given)
    with pytest.raises(ResultError) as caught:
        made()(given, WIDE)
    assert "wide" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"scores": "cls"}, "plugin.config.postprocess.scores: expected the name of an output, found 'cls'"),
        ({"classes": 3, "outputs": "usual"}, "conf to be [batch, 48, 4]: the 48 priors with 4 scores a row"),
        ({"priors": {"maps": [{"cells": [4, 4], "size": 20}]}}, "loc to be [batch, 16, 4]: the 16 priors"),
        ({"background": "none", "outputs": "usual"}, "conf to be [batch, 48, 2]"),
        ({"steps": [{"op": "resize_height", "height": 40}]}, "a preprocessing that gives every image the same size"),
    ],
)
def test_what_cannot_fit_is_refused_before_anything_runs(changes: Any, expected: str) -> None:
    usual = (
        TensorSpec("loc", "float32", ("batch", COUNT, 4)),
        TensorSpec("conf", "float32", ("batch", COUNT, 3)),
    )
    with pytest.raises(ManifestError) as caught:
        made(**({**changes, "outputs": usual} if "outputs" in changes else changes))
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"form": "xyxy"}, "expected priors, or the form of boxes that are no offsets; found both"),
        ({"priors": ""}, "found neither"),
        ({"priors": "", "form": "xyxy", "variances": [0.1, 0.2]}, "expected no variances beside form"),
        ({"variances": [0.1, 0]}, "greater than 0"),
        ({"nms_threshold": 0}, "greater than 0"),
        ({"prior": {}}, "Extra inputs"),
    ],
)
def test_settings_that_contradict_are_refused(changes: Any, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        made(**changes)


CHANGES: dict[str, Any] = {
    "boxes": {"boxes": "conf", "scores": "loc", "classes": 3},
    "priors": {"priors": {"maps": [{"cells": [4, 4], "size": 21, "ratios": [2.0]}]}},
    "clip": {"priors": {**PRIORS, "clip": "corners"}},
    "variances": {"variances": [0.1, 0.3]},
    "activation": {"activation": "softmax"},
    "background": {"background": "last"},
    "score_threshold": {"score_threshold": 0.02},
    "nms_threshold": {"nms_threshold": 0.5},
    "nms_top_k": {"nms_top_k": 7},
    "keep_top_k": {"keep_top_k": 7},
    "classes": {"classes": 3},
    "preprocessing": {"steps": [{"op": "resize", "width": 80, "height": 41}]},
    "letterbox": {"steps": BOXED},
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_changes_a_detection_is_in_the_identity(name: str) -> None:
    """Predictions that were kept under other settings must not count for these."""
    changes = CHANGES[name]
    if name == "boxes":
        specs = (TensorSpec("conf", "float32", ("batch", COUNT, 4)), TensorSpec("loc", "float32", ("batch", COUNT, 4)))
        changes = {**changes, "outputs": specs}
    identity = made(**changes).identity
    assert identity != made().identity
    assert json.loads(identity)["postprocess"] == 1
