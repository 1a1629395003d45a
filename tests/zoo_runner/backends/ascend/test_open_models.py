"""What a model with open axes takes and needs, whichever way ais_bench runs it."""

from __future__ import annotations

import pytest

from zoo_runner.backends.ascend.open_models import height_and_width, is_open, reserved_bytes, shapes_text
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.shapes import Shapes

IMAGE = TensorSpec("image", "float32", ("batch", 1, "height", "width"))
MASK = TensorSpec("mask", "uint8", ("batch", "height", "width"))
BOXES = TensorSpec("boxes", "float32", ("batch", "found", 4))
GEARS = ({"height": 4, "width": 8}, {"height": 8, "width": 4})
MOST = {"height": 8, "width": 8, "found": 10}


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        pytest.param(None, False, id="fixed"),
        pytest.param(Shapes(opened="batch", gears=({"batch": 1}, {"batch": 2})), True, id="batch"),
        pytest.param(Shapes(opened="image_size", gears=GEARS), True, id="gears"),
        pytest.param(Shapes(opened="range", bounds={"height": (1, 2)}), True, id="range"),
        pytest.param(Shapes(opened="range", bounds={"height": (2, 2)}), False, id="one-size"),
    ],
)
def test_what_is_open(shapes: Shapes | None, expected: bool) -> None:
    assert is_open(shapes) is expected


@pytest.mark.parametrize(
    ("shapes", "outputs", "expected"),
    [
        pytest.param(Shapes(opened="image_size", gears=GEARS, most=MOST), (MASK,), (), id="the-model-says-it"),
        pytest.param(Shapes(opened="image_size", gears=GEARS, most=MOST), (BOXES,), (352,), id="own-axis"),
        pytest.param(
            Shapes(opened="range", bounds={"height": (1, 8), "width": (1, 8)}, most=MOST), (MASK,), (160,), id="range"
        ),
    ],
)
def test_memory_is_reserved_by_the_greatest_size(
    shapes: Shapes, outputs: tuple[TensorSpec, ...], expected: tuple[int, ...]
) -> None:
    assert reserved_bytes(shapes, (IMAGE,), outputs, 2) == expected


def test_texts() -> None:
    assert height_and_width((BOXES.at(MOST), IMAGE), GEARS[0]) == (4, 8)
    assert shapes_text([("a", (1, 2)), ("b", ())]) == "a:1,2;b:"
