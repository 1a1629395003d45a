"""Which gear a sample goes to, where it lies in it, and what stands around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import DatasetError, PluginError
from zoo_runner.job.padded_inputs import FittedPredictions, PaddedInputs, sizes_used
from zoo_runner.manifest.tensors import InputTensor, Padding
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.plugin.shapes import Fit, Shapes

if TYPE_CHECKING:
    from zoo_runner.plugin.shapes import Sizes

SAMPLE = Sample(index=1, id="a", path=Path("a"))
IMAGE = ("batch", 2, "height", "width")
GEARS = ({"height": 4, "width": 8}, {"height": 8, "width": 4}, {"height": 8, "width": 12})


@dataclass
class Counting:
    """Numbers from 1 on, of the sizes it is told."""

    told: Mapping[str, Any]
    shapes: Mapping[str, tuple[str | int, ...]] = field(default_factory=lambda: {"image": IMAGE})
    identity: str = "counting"

    def sizes(self, sample: Sample) -> Sizes:
        return self.told

    def __call__(self, sample: Sample) -> Arrays:
        filled = {name: [self.told.get(str(n), n) for n in shape[1:]] for name, shape in self.shapes.items()}
        return {
            name: np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape) for name, shape in filled.items()
        }


def padded(
    told: Mapping[str, Any], *, at: Any = "end", value: float = 0.0, gears: tuple[Sizes, ...] = GEARS
) -> PaddedInputs:
    """Return an image's padding."""
    tensor = InputTensor(name="image", shape=IMAGE, pad=Padding(value=value, at=at))
    return PaddedInputs(Counting(told), (tensor,), Shapes(opened="image_size", gears=gears))


@pytest.mark.parametrize(
    ("told", "model"),
    [
        pytest.param((4, 8), (4, 8), id="just-a-gear"),
        pytest.param((8, 4), (8, 4), id="the-other-way"),
        pytest.param((1, 1), (4, 8), id="the-first-of-equal-ones"),
        pytest.param((5, 4), (8, 4), id="one-axis-too-small"),
        pytest.param((5, 5), (8, 12), id="the-largest"),
    ],
)
def test_the_smallest_gear_that_holds_it(told: tuple[int, int], model: tuple[int, int]) -> None:
    fit = padded(dict(zip(("height", "width"), told, strict=True))).fit(SAMPLE)
    assert tuple(fit.model.values()) == model


@pytest.mark.parametrize(
    ("at", "before"),
    [("end", (0, 0)), ("start", (5, 7)), ("both", (2, 3))],
)
def test_where_a_sample_lies(at: str, before: tuple[int, int]) -> None:
    inputs = padded({"height": 3, "width": 5}, at=at, value=9.0, gears=GEARS[2:])
    assert inputs.fit(SAMPLE) == Fit(
        sample={"height": 3, "width": 5},
        model={"height": 8, "width": 12},
        before=dict(zip(("height", "width"), before, strict=True)),
    )
    (image,) = inputs(SAMPLE).values()
    top, left = before
    expected = np.full((2, 8, 12), 9.0, np.float32)
    expected[:, top : top + 3, left : left + 5] = np.arange(1, 31, dtype=np.float32).reshape(2, 3, 5)
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    assert np.array_equal(image, expected)


@given(
    height=st.integers(1, 8),
    width=st.integers(1, 12),
    at=st.sampled_from(["end", "start", "both"]),
)
def test_a_sample_can_be_cut_out_again(height: int, width: int, at: str) -> None:
    inputs = padded({"height": height, "width": width}, at=at, value=-1.0)
    fit, (image,) = inputs.fit(SAMPLE), inputs(SAMPLE).values()
    top, left = fit.before["height"], fit.before["width"]
    inside = image[:, top : top + height, left : left + width]
    assert np.array_equal(inside, Counting({"height": height, "width": width})(SAMPLE)["image"])
    assert image.shape == (2, fit.model["height"], fit.model["width"])
    assert np.count_nonzero(image == -1.0) == image.size - inside.size


def test_inputs_that_share_an_axis_are_padded_each_with_its_own_value() -> None:
    tensors = (
        InputTensor(name="ids", shape=("batch", "length"), pad=Padding(value=7.0)),
        InputTensor(name="mask", shape=("batch", "length", 1), pad=Padding(value=0.0)),
        InputTensor(name="scale", shape=("batch", 1)),
    )
    source = Counting({"length": 2}, {each.name: each.shape for each in tensors})
    inputs = PaddedInputs(source, tensors, Shapes(opened="dims", gears=({"length": 3}, {"length": 4})))
    arrays = inputs(SAMPLE)
    assert {name: array.tolist() for name, array in arrays.items()} == {
        "ids": [1.0, 2.0, 7.0],
        "mask": [[1.0], [2.0], [0.0]],
        "scale": [1.0],
    }


def test_an_input_without_padding_must_fit_a_gear_even_if_another_one_is_padded() -> None:
    tensors = (
        InputTensor(name="ids", shape=("batch", "length"), pad=Padding()),
        InputTensor(name="mask", shape=("batch", "length")),
    )
    source = Counting({"length": 2}, {each.name: each.shape for each in tensors})
    inputs = PaddedInputs(source, tensors, Shapes(opened="dims", gears=({"length": 3}, {"length": 4})))
    with pytest.raises(
        DatasetError, match=r"expected a gear that is just length 2, found length 3; length 4; give its"
    ):
        inputs(SAMPLE)


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        pytest.param(
            {"height": 9, "width": 1}, DatasetError, r"a gear that holds height 9, width 1, found", id="large"
        ),
        pytest.param(
            {"height": 4}, PluginError, r"a positive whole number for each of height, width, found", id="half"
        ),
        pytest.param({}, PluginError, r"for each of height, width, found none; correct the plugin", id="nothing"),
        pytest.param({"height": 0, "width": 1}, PluginError, r"a positive whole number", id="zero"),
        pytest.param({"height": 1.0, "width": 1}, PluginError, r"a positive whole number", id="no-whole-number"),
        pytest.param({"height": True, "width": 1}, PluginError, r"a positive whole number", id="truth"),
        pytest.param({"height": 1, "width": 1, "depth": 1}, PluginError, r"each of height, width, found", id="more"),
    ],
)
def test_sizes_that_are_refused(told: Mapping[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        padded(told).fit(SAMPLE)


def test_sizes_may_be_numpy_s() -> None:
    fit = padded({"height": np.int64(4), "width": np.int32(8)}).fit(SAMPLE)
    assert fit.sample == {"height": 4, "width": 8}
    assert {type(size) for size in fit.sample.values()} == {int}


@pytest.mark.parametrize("length", [1, 2, 5])
def test_within_bounds_nothing_is_padded(length: int) -> None:
    tensor = InputTensor(name="ids", shape=("batch", "length"))
    shapes = Shapes(opened="range", bounds={"length": (2, 4)})
    inputs = PaddedInputs(Counting({"length": length}, {"ids": ("batch", "length")}), (tensor,), shapes)
    if length == 2:
        assert inputs(SAMPLE)["ids"].tolist() == [1.0, 2.0]
        return
    with pytest.raises(DatasetError, match=rf"expected length from 2 to 4, .* found {length}; widen the range"):
        inputs(SAMPLE)


def test_everything_that_shapes_the_inputs_is_in_the_identity() -> None:
    sizes = {"height": 1, "width": 1}
    identities = [
        padded(sizes).identity,
        padded(sizes, at="start").identity,
        padded(sizes, value=1.0).identity,
        padded(sizes, gears=GEARS[:2]).identity,
        padded(sizes, gears=(GEARS[1], GEARS[0], GEARS[2])).identity,
    ]
    assert len(set(identities)) == len(identities)


@dataclass(frozen=True)
class Fitted:
    identity: str = "fitted"

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        return {"plain": np.zeros(1)}

    def fitted(self, outputs: Arrays, sample: Sample, fit: Fit) -> Arrays:
        return {"height": np.array([fit.sample["height"], fit.model["height"]])}


def test_a_postprocessing_that_wants_the_fit_is_given_it() -> None:
    found = FittedPredictions(Fitted(), padded({"height": 3, "width": 1}))({}, SAMPLE)
    assert found["height"].tolist() == [3, 4]


def test_gears_are_counted_the_most_frequent_first() -> None:
    inputs = padded({"height": 8, "width": 1})
    assert sizes_used(inputs, [SAMPLE, SAMPLE]) == {"height 8, width 4": 2}
    assert sizes_used(inputs, []) == {}
