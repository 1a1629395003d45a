"""The plain detections are the fast ones; a fault of the fast ones is called by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plain_looks import said_of_predictions
from zoo_detection.config import DetectConfig
from zoo_detection.plain import laid_out
from zoo_detection.plugin import zoo_plain, zoo_postprocess
from zoo_detection.priors import Priors
from zoo_detection.samples import DetectionSample
from zoo_runner.plugin.interfaces import TensorSpec

IMAGE = (TensorSpec("image", "uint8", ("batch", 40, 80, 3)),)
MAPS = [
    {"cells": [16, 8], "size": 12, "next_size": 20, "ratios": [2.0]},
    {"cells": [8, 4], "stride": 10, "size": 30, "ratios": [2.0, 3.0]},
]
COUNT = 16 * 8 * 4 + 8 * 4 * 5
SSD = {"type": "ssd", "boxes": "boxes", "scores": "scores", "priors": {"maps": MAPS}, "score_threshold": 0.3}
ALL = {**SSD, "keep_top_k": 999}
READY = {**{key: value for key, value in SSD.items() if key != "priors"}, "form": "cxcywh"}
DONE = {"type": "detections", "boxes": "boxes", "scores": "scores", "labels": "labels"}
STRETCHED = [{"op": "resize", "width": 80, "height": 40}]
BOXED = [{"op": "letterbox", "width": 80, "height": 40}]
CLASSES = ["one", "two", "three"]


def sample(number: int) -> DetectionSample:
    return DetectionSample(
        index=number,
        id=str(number),
        path=Path(f"{number}.jpg"),
        width=90 + 10 * number,
        height=70,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.intp),
        difficult=np.zeros(0, np.bool_),
    )


def made(settings: dict[str, Any], steps: Any = STRETCHED) -> tuple[Any, Any, list[Any]]:
    """Return the fast postprocessing, the plain implementations, and outputs of some samples."""
    config = DetectConfig.model_validate(
        {
            "classes": CLASSES,
            "reader": {"type": "voc"},
            "preprocess": steps,
            "postprocess": settings,
            "metric": {"type": "voc"},
        }
    )
    channels = 3 + (settings.get("background") != "none")
    done = settings["type"] == "detections"
    scores = ("batch", 60) if done else ("batch", COUNT, channels)
    outputs = (
        TensorSpec("boxes", "float32", ("batch", scores[1], 4)),
        TensorSpec("scores", "float32", scores),
        TensorSpec("labels", "int64", ("batch", 60)),
    )[: 3 if done else 2]
    given = [(outputs_of(settings, scores[1:], seed), sample(seed)) for seed in range(1, 6)]
    return zoo_postprocess(config, outputs), zoo_plain(config, IMAGE), given


def outputs_of(settings: dict[str, Any], scores: Any, seed: int) -> Any:
    random = np.random.default_rng(seed)
    low = random.uniform(0, 0.7, (scores[0], 2))
    boxes = np.concatenate([low, low + random.uniform(0.05, 0.3, (scores[0], 2))], axis=1)
    if "priors" in settings:
        boxes = random.normal(size=(scores[0], 4))
    if settings.get("unit") == "image":
        boxes = boxes * 70
    first = settings.get("first_label", 0)
    return {
        "boxes": boxes.astype(np.float32),
        "scores": random.uniform(size=scores).astype(np.float32) ** 3,
        "labels": random.integers(first, first + 3, scores[0]),
    }


@pytest.mark.parametrize("steps", [STRETCHED, BOXED])
@pytest.mark.parametrize(
    "settings",
    [
        SSD,
        {**SSD, "variances": [0.2, 0.1], "nms_threshold": 0.7, "nms_top_k": 20, "keep_top_k": 30},
        {**SSD, "background": "none", "activation": "sigmoid", "score_threshold": 0.6},
        {**SSD, "background": "last", "activation": "softmax"},
        READY,
        {**READY, "form": "yxyx"},
        {**DONE, "unit": "fraction", "score_threshold": 0.2},
        {**DONE, "unit": "image", "first_label": 1},
    ],
)
def test_as_the_fast_ones(settings: dict[str, Any], steps: Any) -> None:
    fast, plain, given = made(settings, steps)
    found = [fast(*each) for each in given]
    assert all(len(each["scores"]) for each in found)
    assert said_of_predictions(plain, given, found) is None
    nothing = [({**outputs, "scores": 0 * outputs["scores"] - 9}, one) for outputs, one in given]
    if settings.get("activation") != "softmax":
        assert said_of_predictions(plain, nothing, [fast(*each) for each in nothing]) is None


@pytest.mark.parametrize("clip", ["none", "centre_size", "size", "corners"])
def test_priors(clip: str) -> None:
    priors = Priors.model_validate({"maps": MAPS, "clip": clip})
    assert np.allclose(laid_out(priors, 80, 40), priors.boxes(80, 40), atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "right", "named"),
    [
        ({**SSD, "variances": [0.2, 0.1]}, SSD, "the variances look exchanged"),
        ({**SSD, "variances": [1.0, 1.0]}, SSD, "the variances look missing"),
        ({**SSD, "nms_threshold": 0.9}, SSD, "the suppression's threshold looks like 0.9"),
        ({**ALL, "score_threshold": 0.5}, ALL, "the score threshold looks like 0.5"),
        (
            {**SSD, "activation": "softmax", "score_threshold": 0.2},
            {**SSD, "score_threshold": 0.2},
            "the scores look as if a softmax were applied",
        ),
        (
            {**SSD, "score_threshold": 0.2},
            {**SSD, "activation": "softmax", "score_threshold": 0.2},
            "the scores look as if their activation were missing",
        ),
        ({**READY, "form": "xywh"}, READY, "the boxes look read as xywh"),
        ({**DONE, "form": "yxyx"}, DONE, "the boxes look read as yxyx"),
        ({**DONE, "unit": "fraction"}, DONE, "the boxes look read as parts of the input"),
    ],
)
def test_another_postprocessing_is_named(wrong: dict[str, Any], right: dict[str, Any], named: str) -> None:
    fast, _, _ = made(wrong)
    _, plain, given = made(right)
    assert said_of_predictions(plain, given, [fast(*each) for each in given]) == named


def test_faults_of_the_code_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fast, plain, given = made(SSD)
    found = [fast(*each) for each in given]
    up = [{**each, "labels": (each["labels"] + 1).astype(np.int16)} for each in found]
    assert said_of_predictions(plain, given, up) == "classes are shifted by one, upwards"
    changes: dict[str, Callable[[Any], Any]] = {
        "the priors look reversed": lambda priors: priors[::-1].copy(),
        "x and y of the priors look exchanged": lambda priors: priors[:, [1, 0, 3, 2]].copy(),
        "wide and tall priors look exchanged": lambda priors: priors[:, [0, 1, 3, 2]].copy(),
    }
    straight = Priors.boxes
    for text, change in changes.items():
        monkeypatch.setattr(Priors, "boxes", lambda *each, change=change: change(straight(*each)))
        other, _, _ = made(SSD)
        assert said_of_predictions(plain, given, [other(*each) for each in given]) == text
