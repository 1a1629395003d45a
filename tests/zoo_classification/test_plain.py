"""The plain choice of classes is the fast one's; a fault of the fast one is called by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plain_looks import said_of_predictions
from zoo_classification.config import ClassifyConfig
from zoo_classification.plugin import zoo_plain, zoo_postprocess
from zoo_classification.samples import LabelledSample
from zoo_runner.plugin.interfaces import TensorSpec

IMAGE = (TensorSpec("image", "uint8", ("batch", 8, 8, 3)),)
RANDOM = np.random.default_rng(2)
SAMPLE = LabelledSample(index=1, id="a", path=Path("a.png"), label=1, name="1")


def made(classes: int = 40, **options: Any) -> tuple[Any, Any, list[Any]]:
    """Return the fast postprocessing, the plain implementations, and outputs of some samples."""
    read = {"type": "folders"}
    steps = [{"op": "resize", "size": 8}]
    config = ClassifyConfig.model_validate(
        {"classes": classes, "reader": read, "preprocess": steps, "postprocess": options}
    )
    width = classes + bool(options.get("background"))
    outputs = (TensorSpec("logits", "float32", ("batch", width)),)
    given = [({"logits": RANDOM.integers(0, 99, width).astype(np.float32)}, SAMPLE) for _ in range(5)]
    return zoo_postprocess(config, outputs), zoo_plain(config, IMAGE, outputs), given


@pytest.mark.parametrize("options", [{}, {"k": 1}, {"k": 100}, {"background": True}, {"output": "logits"}])
def test_as_the_fast_one(options: dict[str, Any]) -> None:
    fast, plain, given = made(**options)
    assert said_of_predictions(plain, given, [fast(*each) for each in given]) is None


@pytest.mark.parametrize("k", [1, 5])
@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"add": 1}, "classes are shifted by one, upwards"),
        ({"add": -1}, "classes are shifted by one, downwards"),
        ({"sign": -1}, "the worst class comes first"),
    ],
)
def test_a_fault_is_named(fault: dict[str, int], named: str, k: int) -> None:
    fast, plain, given = made(k=k)
    sign = fault.get("sign", 1)
    found = []
    for outputs, sample in given:
        made_of = fast({"logits": sign * outputs["logits"]}, sample)
        found.append({"labels": made_of["labels"] + fault.get("add", 0), "scores": sign * made_of["scores"]})
    found = [{**each, "labels": each["labels"].astype(np.int32)} for each in found]
    assert said_of_predictions(plain, given, found) == named


def test_the_background_is_named() -> None:
    _, plain, given = made(background=True)
    other, _, _ = made(41)
    assert said_of_predictions(plain, given, [other(*each) for each in given]) in {
        "the background's score looks taken for a class",
        "classes are shifted by one, upwards",
    }
