"""Each usual mistake, made on arrays that are right, is called by its name; others are called nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from zoo_runner.golden.mistakes import explained, input_mistake, nearly, output_mistake, softmax
from zoo_runner.plugin.interfaces import TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

RANDOM = np.random.default_rng(5)
IMAGES = [RANDOM.normal(size=(3, 8, 8)).astype(np.float32) + 5 * RANDOM.normal(size=(3, 1, 1)) for _ in range(6)]
LAST = [image.transpose(1, 2, 0)[:5] for image in IMAGES]
WIDE = [image[:, :5] for image in IMAGES]
SPECS = (TensorSpec("one", "float32", ("batch", 40, 3)), TensorSpec("other", "float32", ("batch", 40, 3)))
OUTPUTS = [{spec.name: softmax(4 * RANDOM.normal(size=(40, 3))) for spec in SPECS} for _ in range(6)]
Change = Callable[["NDArray[Any]"], "NDArray[Any]"]


@pytest.mark.parametrize(
    ("images", "change", "expected"),
    [
        pytest.param(IMAGES, lambda image: image, "", id="none"),
        pytest.param(IMAGES, lambda image: image[::-1], "channels look exchanged (2 1 0)", id="channels"),
        pytest.param(IMAGES, lambda image: image[[1, 2, 0]], "channels look exchanged (1 2 0)", id="in-a-ring"),
        pytest.param(
            IMAGES,
            lambda image: image[::-1] + np.array([1, 2, 3]).reshape(3, 1, 1),
            "channels look exchanged (2 1 0)",
            id="channels-before-the-mean",
        ),
        pytest.param(LAST, lambda image: image[..., ::-1], "channels look exchanged (2 1 0)", id="channels-last"),
        pytest.param(WIDE, lambda image: image[..., ::-1], "left and right look exchanged", id="mirrored"),
        pytest.param(WIDE, lambda image: image[:, ::-1], "top and bottom look exchanged", id="upside-down"),
        pytest.param(IMAGES, lambda image: image.swapaxes(1, 2), "rows and columns look exchanged", id="turned"),
        pytest.param(
            IMAGES,
            lambda image: image.transpose(1, 2, 0).reshape(image.shape),
            "channels last under the shape of channels first",
            id="layout",
        ),
        pytest.param(
            IMAGES, lambda image: np.roll(image, (1, 1), (1, 2)), "shifted by one row and one column", id="shifted"
        ),
        pytest.param(
            IMAGES,
            lambda image: image + np.array([1, 2, -3]).reshape(3, 1, 1),
            "the mean looks wrong: values are the right ones +1, +2, -3",
            id="mean",
        ),
        pytest.param(
            IMAGES,
            lambda image: image / 4,
            "the scale looks wrong: values are the right ones times 0.25, 0.25, 0.25, then ",
            id="scale",
        ),
        pytest.param(
            IMAGES,
            lambda image: 2 * image + 1,
            "the scale looks wrong: values are the right ones times 2, 2, 2, then +1, +1, +1",
            id="scale-and-mean",
        ),
        pytest.param(
            IMAGES, lambda image: 0 * image, "all values of a channel are nearly the same: +0, +0, +0", id="zero"
        ),
        pytest.param(IMAGES, lambda image: image[:, :4], "the shape is 3 x 4 x 8, expected 3 x 8 x 8", id="shape"),
        pytest.param(IMAGES, lambda image: np.sin(9 * image), "", id="unknown"),
        pytest.param(IMAGES, lambda image: np.full_like(image, np.nan), "not all values are finite", id="not-finite"),
    ],
)
def test_inputs(images: list[NDArray[Any]], change: Change, expected: str) -> None:
    found = input_mistake([{"image": change(image)} for image in images], [{"image": image} for image in images])
    assert found.startswith(expected)
    assert bool(found) is bool(expected)


def test_each_sample_from_the_one_before_it() -> None:
    right = [{"image": image} for image in IMAGES]
    assert input_mistake([right[0], *right[:-1]], right) == "each sample looks like the one before it"


def test_a_constant_that_is_another_one() -> None:
    assert input_mistake([{"row": np.ones(4)}], [{"row": np.full(4, 2.0)}]).endswith("the right ones -1")


def test_the_input_is_named_where_there_are_several() -> None:
    right = [{"image": image, "size": np.array([8.0, 8.0])} for image in IMAGES]
    changed = [{**each, "image": each["image"][::-1]} for each in right]
    assert input_mistake(changed, right) == "image: channels look exchanged (2 1 0)"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda image: image, "", id="none"),
        pytest.param(
            lambda image: image + 0.5 * (image > 1),
            "of the input's size: another resize or decoder?",
            id="some pixels",
        ),
        pytest.param(lambda image: image + 50, "", id="far away"),
        pytest.param(lambda image: image[:, :4], "", id="shape"),
    ],
)
def test_nearly_the_right_pixels(change: Change, expected: str) -> None:
    said = nearly([{"image": change(image)} for image in IMAGES], [{"image": image} for image in IMAGES])
    assert said.endswith(expected)
    assert bool(said) is bool(expected)


def test_numbers_that_are_no_image() -> None:
    right = [{"numbers": RANDOM.normal(size=4)} for _ in range(5)]
    text = input_mistake([{"numbers": each["numbers"] + 3} for each in right], right)
    assert text == "the mean looks wrong: values are the right ones +3"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(lambda each: each, "", id="none"),
        pytest.param(
            lambda each: {"one": each["other"], "other": each["one"]},
            "the outputs one and other look exchanged",
            id="exchanged",
        ),
        pytest.param(
            lambda each: {**each, "one": softmax(each["one"])},
            "one looks as if softmax were applied twice",
            id="softmax-twice",
        ),
        pytest.param(
            lambda each: {**each, "other": np.log(each["other"])}, "other looks as if softmax were missing", id="logits"
        ),
        pytest.param(
            lambda each: {**each, "one": each["one"][:, ::-1]},
            "one looks as if its last axis were reversed",
            id="reversed",
        ),
        pytest.param(lambda each: {**each, "one": np.zeros((40, 3))}, "", id="zeros"),
        pytest.param(
            lambda each: {**each, "other": np.zeros((4, 3))},
            "other: the shape is 4 x 3, expected 40 x 3",
            id="shape",
        ),
        pytest.param(
            lambda each: {**each, "other": np.full((40, 3), np.inf)},
            "other: not all values are finite",
            id="not-finite",
        ),
    ],
)
def test_outputs(change: Callable[[Any], Any], expected: str) -> None:
    assert output_mistake(SPECS, [change(each) for each in OUTPUTS], OUTPUTS) == expected


def test_outputs_of_the_sample_before() -> None:
    moved = [OUTPUTS[-1], *OUTPUTS[:-1]]
    assert output_mistake(SPECS, moved, OUTPUTS) == "one: each sample's look like those of the one before it"


def test_nothing_is_explained_of_nothing() -> None:
    assert explained([], []) == 0
