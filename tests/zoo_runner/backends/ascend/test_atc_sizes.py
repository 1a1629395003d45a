"""What ATC is told of open axes, and how sizes are put in words."""

from __future__ import annotations

import pytest

from zoo_runner.backends.ascend.atc_sizes import input_shape, size_flags, size_texts
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.shapes import Shapes

IMAGE = TensorSpec("image", "float32", ("batch", 3, "height", "width"))
NHWC = TensorSpec("image", "uint8", ("batch", "height", "width", 3))
STATIC = TensorSpec("image", "float32", ("batch", 3, 8, 16))
IDS = TensorSpec("ids", "int64", ("batch", "length"))
MASK = TensorSpec("mask", "int64", ("batch", "length"))
PAIRS = TensorSpec("pairs", "float32", ("batch", "length", "length", "width"))
SCALE = TensorSpec("scale", "float32", (1,))


def gears(opened: str, *sizes: dict[str, int]) -> Shapes:
    return Shapes(opened=opened, gears=sizes)  # type: ignore[arg-type] # each row has one of the four


def bounds(**sizes: tuple[int, int]) -> Shapes:
    return Shapes(opened="range", bounds=sizes)


@pytest.mark.parametrize(
    ("inputs", "shapes", "shape", "flags"),
    [
        pytest.param((STATIC,), None, "image:{batch},3,8,16", {}, id="fixed"),
        pytest.param((), None, "", {}, id="no inputs"),
        pytest.param(
            (IMAGE,),
            gears("image_size", {"height": 8, "width": 16}, {"height": 16, "width": 8}),
            "image:{batch},3,-1,-1",
            {"dynamic_image_size": "8,16;16,8"},
            id="image size",
        ),
        pytest.param(
            (IMAGE,),
            gears("image_size", {"width": 16, "height": 8}, {"height": 16, "width": 8}),
            "image:{batch},3,-1,-1",
            {"dynamic_image_size": "8,16;16,8"},
            id="a gear whose names are in another order",
        ),
        pytest.param(
            (NHWC, SCALE),
            gears("image_size", {"height": 8, "width": 16}, {"height": 8, "width": 32}),
            "image:{batch},-1,-1,3;scale:1",
            {"dynamic_image_size": "8,16;8,32"},
            id="channels last, one size in both gears, an input of fixed size",
        ),
        pytest.param(
            (IDS, MASK),
            gears("dims", {"length": 128}, {"length": 64}),
            "ids:{batch},-1;mask:{batch},-1",
            {"dynamic_dims": "128,128;64,64"},
            id="two inputs share an axis, gears in the manifest's order",
        ),
        pytest.param(
            (PAIRS,),
            gears("dims", {"width": 4, "length": 2}, {"width": 1, "length": 1}),
            "pairs:{batch},-1,-1,-1",
            {"dynamic_dims": "2,2,4;1,1,1"},
            id="one axis twice in one input",
        ),
        pytest.param(
            (STATIC, SCALE),
            gears("batch", {"batch": 1}, {"batch": 4}),
            "image:-1,3,8,16;scale:1",
            {"dynamic_batch_size": "1,4"},
            id="batch, and an input without a batch axis",
        ),
        pytest.param(
            (IMAGE, SCALE),
            bounds(height=(1, 512), width=(128, 128)),
            "image:{batch},3,1~512,128;scale:1",
            {},
            id="bounds, one of which leaves one size",
        ),
    ],
)
def test_what_atc_is_told(
    inputs: tuple[TensorSpec, ...], shapes: Shapes | None, shape: str, flags: dict[str, str]
) -> None:
    assert input_shape(inputs, shapes) == shape
    assert size_flags(inputs, shapes) == flags


@pytest.mark.parametrize(
    ("shapes", "texts"),
    [
        pytest.param(None, (), id="fixed"),
        pytest.param(
            gears("dims", {"height": 8, "width": 16}, {"height": 16, "width": 8}),
            ("height 8 x width 16", "height 16 x width 8"),
            id="gears",
        ),
        pytest.param(gears("batch", {"batch": 1}, {"batch": 4}), ("batch 1", "batch 4"), id="batch"),
        pytest.param(bounds(a=(1, 5), b=(2, 2)), ("a 1 to 5", "b 2 to 2"), id="bounds"),
    ],
)
def test_sizes_in_words(shapes: Shapes | None, texts: tuple[str, ...]) -> None:
    assert size_texts(shapes) == texts
