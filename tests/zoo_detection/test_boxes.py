from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from zoo_detection import boxes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CONVERSIONS = [
    pytest.param(lambda values: boxes.decode(np.zeros_like(values), values), id="decode"),
    pytest.param(lambda values: boxes.encode(values, boxes.to_cxcywh(values)), id="encode"),
    pytest.param(boxes.to_xyxy, id="to_xyxy"),
    pytest.param(boxes.to_cxcywh, id="to_cxcywh"),
]


def floats(low: float, high: float, *shape: int) -> st.SearchStrategy[NDArray[np.float32]]:
    return hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32))


CENTRE_SIZE = st.builds(
    lambda centre, size: np.concatenate((centre, size), axis=-1),
    floats(0.0, 1.0, 5, 2),
    floats(0.0625, 1.0, 5, 2),
)
CORNERS = CENTRE_SIZE.map(boxes.to_xyxy)


@pytest.mark.parametrize("convert", CONVERSIONS)
@pytest.mark.parametrize("shape", [(0, 4), (2, 0, 4), (0, 3, 4), (1, 4), (2, 3, 4)], ids=str)
def test_any_number_of_boxes_and_leading_dimensions(
    convert: Callable[[NDArray[np.float32]], NDArray[np.float32]], shape: tuple[int, ...]
) -> None:
    values = np.broadcast_to(np.array([0.25, 0.5, 0.75, 1.0], dtype=np.float32), shape)
    found = convert(values)
    assert found.shape == shape
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("loc", "prior", "corners"),
    [
        pytest.param((0, 0, 0, 0), (0.5, 0.5, 0.2, 0.4), (0.4, 0.3, 0.6, 0.7), id="no-offset"),
        pytest.param((1, -2, 0, 0), (0.5, 0.5, 0.2, 0.4), (0.42, 0.22, 0.62, 0.62), id="centre"),
        pytest.param((0, 0, 5 * np.log(2), 0), (0.5, 0.5, 0.2, 0.4), (0.3, 0.3, 0.7, 0.7), id="double"),
        pytest.param((0, 0, 0, 0), (0.5, 0.5, 0, 0), (0.5, 0.5, 0.5, 0.5), id="no-size"),
        pytest.param((-10, 0, 0, 0), (0.1, 0.5, 0.2, 0.2), (-0.2, 0.4, 0.0, 0.6), id="not-clipped"),
    ],
)
def test_decode(loc: tuple[float, ...], prior: tuple[float, ...], corners: tuple[float, ...]) -> None:
    np.testing.assert_allclose(boxes.decode([loc], [prior]), [corners], atol=1e-7)


@given(floats(-8.0, 8.0, 5, 4), CENTRE_SIZE)
def test_decode_rounds_in_the_references_order(loc: NDArray[np.float32], prior: NDArray[np.float32]) -> None:
    found = boxes.decode(loc, prior)
    for (lx, _, lw, _), (cx, _, width, _), (xmin, _, xmax, _) in zip(loc, prior, found, strict=True):
        size = width * np.exp(lw * np.float32(0.2))
        low = (cx + (lx * np.float32(0.1)) * width) - size / np.float32(2)
        assert xmin == low
        assert xmax == low + size


def test_the_far_corner_is_low_plus_size() -> None:
    prior = np.array([[0.3, 0.3, 0.1, 0.1]], dtype=np.float32)
    centre_plus_half = boxes.to_xyxy(prior)[0, 2]
    assert boxes.decode(np.zeros((1, 4)), prior)[0, 2] != centre_plus_half


def test_decode_lets_offsets_beyond_float32_pass_without_a_warning() -> None:
    found = boxes.decode([[0, 0, 1e9, 0], [np.nan, 0, 0, 0]], [[0.5, 0.5, 0.1, 0.1]] * 2)
    assert found[0, 0] == -np.inf
    assert np.isnan(found[1, 0])
    assert np.isfinite(found[:, 1::2]).all()


def test_one_set_of_priors_serves_a_batch() -> None:
    loc = np.arange(24, dtype=np.float32).reshape(2, 3, 4) / 24
    prior = np.array([[0.5, 0.5, 0.2, 0.2], [0.1, 0.2, 0.3, 0.4], [0.9, 0.9, 0.5, 0.1]], dtype=np.float32)
    found = boxes.decode(loc, prior)
    for image in range(2):
        np.testing.assert_array_equal(found[image], boxes.decode(loc[image], prior))


@given(CORNERS, CENTRE_SIZE)
def test_decode_undoes_encode(corners: NDArray[np.float32], prior: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(boxes.decode(boxes.encode(corners, prior), prior), corners, atol=2e-6)


@given(CENTRE_SIZE)
def test_the_two_forms_convert_both_ways(centre_size: NDArray[np.float32]) -> None:
    back = boxes.to_cxcywh(boxes.to_xyxy(centre_size))
    np.testing.assert_allclose(back, centre_size, atol=3e-7)


def test_centre_size_of_whole_pixels_is_exact() -> None:
    assert boxes.to_cxcywh([[10, 20, 30, 60]]).tolist() == [[20, 40, 20, 40]]
    assert boxes.to_xyxy([[20, 40, 20, 40]]).tolist() == [[10, 20, 30, 60]]


@pytest.mark.parametrize(
    ("corners", "prior"),
    [
        pytest.param((0, 0, 0, 1), (0.5, 0.5, 1, 1), id="box-without-width"),
        pytest.param((0, 1, 1, 0), (0.5, 0.5, 1, 1), id="box-upside-down"),
        pytest.param((0, 0, 1, 1), (0.5, 0.5, 0, 1), id="prior-without-width"),
        pytest.param((0, 0, np.nan, 1), (0.5, 0.5, 1, 1), id="nan"),
    ],
)
def test_encode_refuses_what_has_no_logarithm(corners: tuple[float, ...], prior: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"positive sides.*found a side <= 0 or NaN; drop"):
        boxes.encode([corners], [prior])


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param((0, 0, 2, 2), (0, 0, 2, 2), 1.0, id="same"),
        pytest.param((0, 0, 2, 2), (1, 0, 3, 2), 1 / 3, id="half-shifted"),
        pytest.param((0, 0, 4, 4), (1, 1, 3, 3), 0.25, id="inside"),
        pytest.param((0, 0, 1, 1), (1, 0, 2, 1), 0.0, id="touching"),
        pytest.param((0, 0, 1, 1), (5, 5, 6, 6), 0.0, id="apart-on-both-axes"),
        pytest.param((1, 1, 1, 1), (1, 1, 1, 1), 0.0, id="two-points"),
        pytest.param((0, 0, 2, 2), (1, 1, 1, 1), 0.0, id="point-inside"),
    ],
)
def test_iou(first: tuple[float, ...], second: tuple[float, ...], expected: float) -> None:
    assert boxes.iou([first], [second]).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "shape"),
    [
        pytest.param((0, 4), (0, 4), (0, 0), id="none"),
        pytest.param((0, 4), (3, 4), (0, 3), id="none-with-some"),
        pytest.param((2, 4), (0, 4), (2, 0), id="some-with-none"),
        pytest.param((5, 2, 4), (3, 4), (5, 2, 3), id="batch-with-one-set"),
        pytest.param((0, 2, 4), (0, 3, 4), (0, 2, 3), id="empty-batch"),
    ],
)
def test_iou_shapes(first: tuple[int, ...], second: tuple[int, ...], shape: tuple[int, ...]) -> None:
    found = boxes.iou(np.zeros(first), np.zeros(second))
    assert found.shape == shape
    assert found.dtype == np.float32


@given(CORNERS, CORNERS)
def test_iou_is_symmetric_and_within_bounds(first: NDArray[np.float32], second: NDArray[np.float32]) -> None:
    found = boxes.iou(first, second)
    assert (found >= 0).all()
    assert (found <= 1 + 1e-6).all()
    np.testing.assert_array_equal(found, boxes.iou(second, first).T)
    np.testing.assert_allclose(np.diag(boxes.iou(first, first)), 1.0, rtol=1e-6)


@given(floats(-1.0, 1.0, 5, 4), CENTRE_SIZE)
def test_arguments_stay_as_they_were(loc: NDArray[np.float32], prior: NDArray[np.float32]) -> None:
    for array in (loc, prior):
        array.flags.writeable = False
    corners = boxes.decode(loc, prior)
    corners.flags.writeable = False
    boxes.encode(corners, prior)
    boxes.iou(corners, boxes.to_xyxy(prior))


def test_other_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"boxes: expected float32\[\.\.\., 4\], found float32\[4, 5\]; reshape"):
        boxes.to_xyxy(np.zeros((4, 5)))
