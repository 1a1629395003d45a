"""What sizes a call has, and which are refused: arrays of as many bytes are not arrays of the same sizes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.backends.devices.call_sizes import call_sizes, fits
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
from zoo_runner.plugin.shapes import Shapes

IMAGE = TensorSpec("image", "float32", ("batch", 3, "height", "width"))
IDS = TensorSpec("ids", "int64", ("batch", "length"))
MASK = TensorSpec("mask", "int64", ("batch", "length"))
PAIRS = TensorSpec("pairs", "float32", ("batch", "length", "length"))
GEARS = Shapes(opened="image_size", gears=({"height": 8, "width": 16}, {"height": 16, "width": 8}))
SQUARE = Shapes(opened="image_size", gears=({"height": 8, "width": 16}, {"height": 16, "width": 16}))
LENGTHS = Shapes(opened="dims", gears=({"length": 64}, {"length": 1}))
BOUNDS = Shapes(opened="range", bounds={"length": (2, 5)})
ONE = Shapes(opened="range", bounds={"length": (3, 3)})


def asked(shapes: Shapes | None, *inputs: TensorSpec) -> SessionRequest:
    return SessionRequest(model=Path("m.om"), inputs=inputs, outputs=(), batch=2, shapes=shapes)


def zeros(**arrays: tuple[int, ...]) -> dict[str, np.ndarray]:
    return {
        name: np.zeros(shape, "float32" if name in {"image", "pairs"} else "int64") for name, shape in arrays.items()
    }


@pytest.mark.parametrize(
    ("request_", "inputs", "sizes"),
    [
        pytest.param(asked(None), {}, {}, id="no inputs"),
        pytest.param(asked(None, IDS.at({"length": 3})), zeros(ids=(2, 3)), {}, id="fixed"),
        pytest.param(asked(GEARS, IMAGE), zeros(image=(2, 3, 16, 8)), {"height": 16, "width": 8}, id="a gear"),
        pytest.param(asked(LENGTHS, IDS, MASK), zeros(mask=(2, 64), ids=(2, 64)), {"length": 64}, id="shared"),
        pytest.param(asked(LENGTHS, PAIRS), zeros(pairs=(2, 1, 1)), {"length": 1}, id="one axis twice, of size 1"),
        pytest.param(asked(BOUNDS, IDS), zeros(ids=(2, 2)), {"length": 2}, id="the least size"),
        pytest.param(asked(BOUNDS, IDS), zeros(ids=(2, 5)), {"length": 5}, id="the greatest size"),
        pytest.param(asked(ONE, IDS), zeros(ids=(2, 3)), {"length": 3}, id="bounds that leave one size"),
        pytest.param(
            asked(Shapes(opened="batch", gears=({"batch": 1}, {"batch": 2})), IDS.at({"length": 3})),
            zeros(ids=(2, 3)),
            {},
            id="an open batch axis",
        ),
    ],
)
def test_the_sizes_of_a_call(request_: SessionRequest, inputs: dict[str, np.ndarray], sizes: dict[str, int]) -> None:
    assert call_sizes(request_, inputs) == sizes


BOTH = "inputs: expected ids int64[2, length], mask int64[2, length], found "
REMEDY = "; give full batches of what the manifest declares as inputs"


@pytest.mark.parametrize(
    ("request_", "inputs", "text"),
    [
        pytest.param(
            asked(SQUARE, IMAGE),
            zeros(image=(2, 3, 16, 8)),
            "inputs: expected a gear (height 8 x width 16; height 16 x width 16), found height 16 x width 8",
            id="as many bytes as a gear has",
        ),
        pytest.param(
            asked(GEARS, IMAGE),
            zeros(image=(2, 3, 16, 16)),
            "inputs: expected a gear (height 8 x width 16; height 16 x width 8), found height 16 x width 16",
            id="each size of another gear",
        ),
        pytest.param(asked(BOUNDS, IDS), zeros(ids=(2, 1)), "inputs: expected length from 2 to 5, found 1", id="below"),
        pytest.param(asked(BOUNDS, IDS), zeros(ids=(2, 6)), "inputs: expected length from 2 to 5, found 6", id="above"),
        pytest.param(asked(ONE, IDS), zeros(ids=(2, 4)), "inputs: expected length from 3 to 3, found 4", id="one size"),
        pytest.param(
            asked(LENGTHS, IDS, MASK),
            zeros(ids=(2, 64), mask=(2, 1)),
            f"{BOTH}ids int64[2, 64], mask int64[2, 1]{REMEDY}",
            id="two gears at once",
        ),
        pytest.param(
            asked(LENGTHS, IDS, MASK), zeros(ids=(2, 64)), f"{BOTH}ids int64[2, 64]{REMEDY}", id="an input missing"
        ),
        pytest.param(
            asked(LENGTHS, IDS, MASK),
            zeros(ids=(1, 64), mask=(1, 64)),
            f"{BOTH}ids int64[1, 64], mask int64[1, 64]{REMEDY}",
            id="a batch that is not full",
        ),
        pytest.param(
            asked(BOUNDS, IDS),
            {"ids": np.zeros((2, 3), "int32")},
            f"inputs: expected ids int64[2, length], found ids int32[2, 3]{REMEDY}",
            id="another type",
        ),
    ],
)
def test_what_is_refused(request_: SessionRequest, inputs: dict[str, np.ndarray], text: str) -> None:
    with pytest.raises(InferenceError, match=f"^{re.escape(text)}$"):
        call_sizes(request_, inputs)


@pytest.mark.parametrize(
    ("spec", "shape", "sizes", "most", "fit"),
    [
        pytest.param(("batch", "n", 4), (2, 7, 4), {}, {"n": 7}, True, id="at most"),
        pytest.param(("batch", "n", 4), (2, 0, 4), {}, {"n": 7}, True, id="none of them"),
        pytest.param(("batch", "n", 4), (2, 8, 4), {}, {"n": 7}, False, id="more"),
        pytest.param(("batch", "n", 4), (2, 1, 4), {}, {}, False, id="nobody says how many"),
        pytest.param(("batch", "n", 4), (2, 3, 4), {"n": 2}, {"n": 7}, False, id="another output says another size"),
        pytest.param(("batch", "n", "n"), (2, 3, 2), {}, None, False, id="one axis twice"),
        pytest.param((), (), {}, {}, True, id="a number"),
        pytest.param(("batch",), (), {}, {}, False, id="no axes"),
    ],
)
def test_the_shape_of_an_output(
    spec: tuple[int | str, ...],
    shape: tuple[int, ...],
    sizes: dict[str, int],
    most: dict[str, int] | None,
    *,
    fit: bool,
) -> None:
    assert fits(TensorSpec("a", "float32", spec), shape, 2, sizes, most) is fit
