"""Memory shared with a child process; that the child sees it is shown with the device pool."""

from __future__ import annotations

import re

import numpy as np
import pytest

from zoo_runner.backends.devices.shared_arrays import SharedArrays, SharedLog, spec_bytes
from zoo_runner.plugin.interfaces import TensorSpec


@pytest.mark.parametrize(
    ("specs", "batch"),
    [
        ((), 1),
        ((TensorSpec("empty", "float32", ("batch", 0)),), 3),
        ((TensorSpec("a", "uint8", ("batch", 3)), TensorSpec("b", "float64", ("batch", 7, 2))), 5),
    ],
    ids=["none", "empty", "mixed"],
)
def test_shared_arrays(specs: tuple[TensorSpec, ...], batch: int) -> None:
    shared = SharedArrays(specs, batch)
    arrays = {spec.name: np.ones(spec.sized(batch), dtype=spec.dtype) for spec in specs}
    layout = shared.fill(arrays)
    copies, views = shared.copies(layout), shared.views(layout)
    for spec in specs:
        view = views[spec.name]
        assert (view.shape, view.dtype, view.nbytes) == (
            spec.sized(batch),
            np.dtype(spec.dtype),
            spec_bytes(spec, batch),
        )
        assert view.flags.c_contiguous
        assert view.flags.aligned
        np.testing.assert_array_equal(copies[spec.name], arrays[spec.name])
    shared.close()
    shared.close()


def test_arrays_of_another_dtype_are_not_converted() -> None:
    shared = SharedArrays((TensorSpec("a", "float32", ("batch",)),), 2)
    with pytest.raises(TypeError, match="Cannot cast"):
        shared.fill({"a": np.zeros(2, np.float64)})
    shared.close()


OPEN = TensorSpec("image", "float32", ("batch", 2, "height", "width"))
MOST = {"height": 4, "width": 6}
WITHIN = "image: expected the shape within [3, 2, 4, 6]"


@pytest.mark.parametrize(("height", "width"), [(4, 6), (2, 3), (3, 2), (1, 1), (4, 1), (0, 6)], ids=str)
def test_each_call_has_its_own_shape(height: int, width: int) -> None:
    shared = SharedArrays((OPEN, TensorSpec("after", "uint8", ("batch",))), 3, MOST)
    image = np.arange(3 * 2 * height * width, dtype=np.float32).reshape(3, 2, height, width)
    after = np.arange(3, dtype=np.uint8)
    shared.fill({"image": np.full((3, 2, 4, 6), np.nan, np.float32), "after": after})
    layout = shared.fill({"image": image.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2), "after": after})
    assert layout == {"image": image.shape, "after": (3,)}
    copies = shared.copies(layout)
    np.testing.assert_array_equal(copies["image"], image)
    np.testing.assert_array_equal(copies["after"], after)
    assert shared.views(layout)["image"].flags.c_contiguous
    shared.close()


@pytest.mark.parametrize(
    ("spec", "shape", "text"),
    [
        pytest.param(
            OPEN, (3, 2, 5, 4), "image: expected the shape within [3, 2, 4, 6], found [3, 2, 5, 4]", id="most"
        ),
        pytest.param(
            OPEN, (2, 2, 4, 6), "image: expected the shape within [3, 2, 4, 6], found [2, 2, 4, 6]", id="batch"
        ),
        pytest.param(OPEN, (3, 2, 24), "image: expected the shape within [3, 2, 4, 6], found [3, 2, 24]", id="axes"),
        pytest.param(
            TensorSpec("a", "int8", ("batch", 2)), (1, 2), "a: expected the shape [3, 2], found [1, 2]", id="smaller"
        ),
        pytest.param(
            TensorSpec("pairs", "int8", ("batch", "height", "height")),
            (3, 2, 3),
            "pairs: expected the shape within [3, 4, 4], found [3, 2, 3]",
            id="one axis with two sizes",
        ),
    ],
)
def test_what_has_no_room(spec: TensorSpec, shape: tuple[int, ...], text: str) -> None:
    shared = SharedArrays((spec,), 3, MOST)
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        shared.fill({spec.name: np.zeros(shape, spec.dtype)})
    shared.close()


def test_log_is_read_from_its_end_and_can_be_emptied() -> None:
    log = SharedLog()
    assert log.tail() == ""
    log.trim(0)
    log.close()
    log.close()
    assert log.tail() == ""
