"""What a model with open axes says of itself, in each way that it may say it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.backends.ascend.om_description import check_inputs, check_outputs
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec
from zoo_runner.plugin.shapes import Shapes

IMAGE = TensorSpec("image", "float32", ("batch", 3, "height", "width"))
BOXES = TensorSpec("boxes", "float32", ("batch", "hits", 4))
PIXELS = TensorSpec("pixels", "uint8", ("batch", 8, 16, 3))
GEARS = Shapes(
    opened="image_size",
    gears=({"height": 8, "width": 16}, {"height": 16, "width": 8}),
    most={"height": 16, "width": 16, "hits": 5},
)
RANGE = Shapes(opened="range", bounds={"height": (1, 9), "width": (8, 8)}, most={"height": 9, "width": 8, "hits": 5})
BATCHES = Shapes(opened="batch", gears=({"batch": 1}, {"batch": 4}))


@dataclass(frozen=True)
class Described:
    name: str
    shape: tuple[int, ...]
    datatype: Any = 0
    realsize: int = 0


def asked(shapes: Shapes | None, *inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = (), batch: int = 2) -> Any:
    return SessionRequest(model=Path("none.om"), inputs=inputs, outputs=outputs, batch=batch, shapes=shapes)


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        pytest.param(asked(GEARS, IMAGE), Described("image", (2, 3, -1, -1), 0, 3072), id="gears"),
        pytest.param(asked(GEARS, IMAGE), Described("image", (2, 3, 0, 0), 0, 3072), id="gears, said by 0"),
        pytest.param(asked(RANGE, IMAGE), Described("image", (2, 3, -1, 8), 0, 0), id="range"),
        pytest.param(asked(RANGE, IMAGE), Described("image", (2, 3, -1, 8), 0, 1728), id="range with bytes"),
        pytest.param(asked(BATCHES, PIXELS), Described("pixels", (-1, 8, 16, 3), 4, 1536), id="batch"),
        pytest.param(asked(BATCHES, PIXELS), Described("pixels", (-1, 3, 8, 16), 4, 1536), id="AIPP's other layout"),
        pytest.param(asked(None, PIXELS), Described("pixels", (2, 3, 8, 16), 4, 768), id="fixed, in another layout"),
    ],
)
def test_inputs(request_: SessionRequest, found: Described) -> None:
    assert check_inputs(request_, [found]) == [found.name]


@pytest.mark.parametrize(
    ("request_", "found", "text"),
    [
        pytest.param(
            asked(GEARS, IMAGE),
            Described("image", (2, 3, -1, -1), 0, 6144),
            "the model's inputs: expected image float32[2, 3, -1, -1] of 3072 bytes, found image float32[2, 3, -1, -1] "
            "of 6144 bytes; the .om was made for other sizes, another batch size or network: convert again",
            id="a greater gear",
        ),
        pytest.param(
            asked(GEARS, IMAGE),
            Described("image", (2, -1, 3, -1), 0, 3072),
            "found image float32[2, -1, 3, -1]",
            id="axes",
        ),
        pytest.param(
            asked(RANGE, IMAGE),
            Described("image", (2, 3, -1, -1), 0, 0),
            "expected image float32[2, 3, -1, 8], found image float32[2, 3, -1, -1] of 0 bytes",
            id="another axis too",
        ),
        pytest.param(
            asked(BATCHES, PIXELS), Described("pixels", (4, 8, 16, 3), 4, 1536), "found pixels uint8[4, 8,", id="fixed"
        ),
        pytest.param(
            asked(None, PIXELS),
            Described("pixels", (-1, 8, 16, 3), 4, 768),
            "found pixels uint8[-1, 8, 16, 3]",
            id="open",
        ),
    ],
)
def test_inputs_that_are_refused(request_: SessionRequest, found: Described, text: str) -> None:
    with pytest.raises(InferenceError, match=re.escape(text)):
        check_inputs(request_, [found])


@pytest.mark.parametrize(
    ("shapes", "spec", "shape", "taken"),
    [
        pytest.param(GEARS, BOXES, (2, -1, 4), True, id="open"),
        pytest.param(GEARS, BOXES, (2, 0, 4), True, id="nobody knows"),
        pytest.param(GEARS, BOXES, (2, 5, 4), True, id="the greatest size"),
        pytest.param(GEARS, BOXES, (2, 6, 4), False, id="more than memory is reserved for"),
        pytest.param(GEARS, BOXES, (2, 5, 3), False, id="another fixed size"),
        pytest.param(GEARS, BOXES, (1, 5, 4), False, id="another batch size"),
        pytest.param(GEARS, BOXES, (2, 20), False, id="other axes"),
        pytest.param(GEARS, BOXES, (-2,), False, id="no axes known, of gears"),
        pytest.param(RANGE, BOXES, (-2,), True, id="no axes known, of a range"),
        pytest.param(RANGE, BOXES, (), False, id="a number"),
        pytest.param(RANGE, BOXES, (-1, -1, -1), True, id="all open"),
        pytest.param(BATCHES, PIXELS, (4, 8, 16, 3), True, id="the greatest batch"),
        pytest.param(BATCHES, PIXELS, (-1, 8, 16, 3), True, id="an open batch"),
        pytest.param(BATCHES, PIXELS, (5, 8, 16, 3), False, id="more than the greatest batch"),
        pytest.param(None, PIXELS, (2, 8, 16, 3), True, id="fixed"),
        pytest.param(None, PIXELS, (-1, 8, 16, 3), False, id="open where sizes are fixed"),
    ],
)
def test_outputs(shapes: Shapes | None, spec: TensorSpec, shape: tuple[int, ...], *, taken: bool) -> None:
    request = asked(shapes, outputs=(spec,))
    if taken:
        check_outputs(request, [Described("node:0", shape)])
        return
    with pytest.raises(
        InferenceError, match=r"^output 0 of the model: expected .*; the outputs' order or the batch size"
    ):
        check_outputs(request, [Described("node:0", shape)])
