"""The best classes of an output, whatever its shape; and outputs that are no scores of these classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_classification.samples import LabelledSample
from zoo_classification.top_k import TopK, TopKOptions
from zoo_runner.errors import ManifestError, ResultError
from zoo_runner.plugin.interfaces import Sample, TensorSpec

SAMPLE = Sample(index=1, id="a", path=Path("a"))


def spec(*shape: int | str, name: str = "scores") -> TensorSpec:
    return TensorSpec(name, "float32", ("batch", *shape))


@pytest.mark.parametrize(
    ("scores", "options", "labels"),
    [
        ([1, 3, 2], {}, [1, 2, 0]),
        ([1, 3, 2], {"k": 1}, [1]),
        ([9, 1, 3, 2], {"background": True}, [1, 2, 0]),
        ([2, 2, 2], {"k": 2}, [0, 1]),
        ([-1, -3, -2], {"k": 2}, [0, 2]),
        ([0, 3.4e38, -3.4e38], {}, [1, 0, 2]),
    ],
    ids=["all", "one", "background", "equal", "negative", "extremes"],
)
def test_the_best_come_first(scores: list[float], options: dict[str, Any], labels: list[int]) -> None:
    array = np.array(scores, np.float32)
    for shape in ((len(scores),), (len(scores), 1, 1), (1, len(scores))):
        found = TopK(TopKOptions(**options), 3, [spec(*shape)])({"scores": array.reshape(shape)}, SAMPLE)
        assert found["labels"].tolist() == labels
        offset = int(bool(options.get("background")))
        assert found["scores"].tolist() == array[np.array(labels) + offset].tolist()


def test_an_output_is_chosen_by_its_name() -> None:
    outputs = [spec(3, name="a"), spec(3, name="b")]
    call = TopK(TopKOptions(output="b", k=1), 3, outputs)
    arrays = {"a": np.array([9, 0, 0], np.float32), "b": np.array([0, 0, 9], np.float32)}
    assert call(arrays, SAMPLE)["labels"].tolist() == [2]
    assert call.identity != TopK(TopKOptions(output="a", k=1), 3, outputs).identity


@pytest.mark.parametrize(
    ("options", "classes", "outputs", "text"),
    [
        (
            {},
            3,
            [spec(4)],
            "expected 3 scores of an image, found scores float32[batch, 4]; correct",
        ),
        ({"background": True}, 3, [spec(3)], "expected 4 scores of an image (with the background), found scores"),
        ({}, ("a", "b"), [spec(3)], "expected 2 scores of an image"),
        ({}, "names.txt", [spec(3, 3)], "expected one score for each class"),
        ({}, "names.txt", [spec("n")], "expected one score for each class"),
        ({}, 3, [spec(3, name="a"), spec(3, name="b")], ".output: expected one of the outputs a, b, found none"),
        (
            {"output": "scors"},
            3,
            [spec(3)],
            "one of the outputs scores, found 'scors'; did you mean 'scores'?",
        ),
        ({}, 3, [], ".output: expected one of the outputs (none), found none"),
    ],
)
def test_what_is_no_score_of_these_classes(options: dict[str, Any], classes: Any, outputs: Any, text: str) -> None:
    with pytest.raises(ManifestError) as caught:
        TopK(TopKOptions(**options), classes, outputs)
    assert str(caught.value).startswith("plugin.config.postprocess")
    assert text in str(caught.value)


def test_whatever_changes_a_prediction_changes_the_identity() -> None:
    names = {TopK(TopKOptions(**each), "n.txt", [spec(8)]).identity for each in ({}, {"k": 3}, {"background": True})}
    assert len(names) == 3


def test_a_file_of_classes_that_has_more_or_fewer_is_refused() -> None:
    call = TopK(TopKOptions(k=1), "n.txt", [spec(8)])
    outputs = {"scores": np.zeros(8, np.float32)}
    for number in (2, 9):
        sample = LabelledSample(index=1, id="a", path=Path("a"), label=0, name="x", classes=number)
        with pytest.raises(ResultError, match=f"sample 'a': expected 8 classes, .* found {number}; correct the file"):
            call(outputs, sample)
    fits = LabelledSample(index=1, id="a", path=Path("a"), label=0, name="x", classes=8)
    assert len(call(outputs, fits)["labels"]) == 1
