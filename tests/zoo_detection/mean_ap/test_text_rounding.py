"""``text_rounded`` against Python's own formatting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo_detection.mean_ap.text_rounding import text_rounded

if TYPE_CHECKING:
    from numpy.typing import NDArray


def as_text(values: NDArray[Any], decimals: int) -> NDArray[np.float64]:
    return np.array([float(f"{value:.{decimals}f}") for value in values.ravel()], dtype=np.float64).reshape(
        values.shape
    )


def same_bits(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("value", "decimals", "expected"),
    [
        (0.0005, 3, 0.001),  # the double is just above the tie
        (0.0015, 3, 0.002),
        (0.0025, 3, 0.003),
        (0.5, 3, 0.5),
        (0.0625, 3, 0.062),  # an exact tie, to even
        (0.1875, 3, 0.188),
        (2.675, 2, 2.67),  # the double is just below the tie
        (1.005, 2, 1.0),
        (0.25, 1, 0.2),
        (0.75, 1, 0.8),
        (0.35, 1, 0.3),
        (-0.05, 1, -0.1),
        (-0.25, 1, -0.2),
        (2.5, 0, 2.0),
        (0.0, 3, 0.0),
        (-0.0, 3, -0.0),
        (-0.0004, 3, -0.0),
        (5e-324, 7, 0.0),
        (4503599627370497.5, 1, 4503599627370497.5),
        (9007199254740993.0, 3, 9007199254740992.0),
        (1e300, 3, 1e300),
        (1.7976931348623157e308, 7, 1.7976931348623157e308),
        (float("inf"), 3, float("inf")),
        (float("-inf"), 1, float("-inf")),
    ],
)
def test_text_rounded(value: float, decimals: int, expected: float) -> None:
    rounded = text_rounded(np.array([value]), decimals)
    assert same_bits(rounded, np.array([expected]))
    assert same_bits(rounded, as_text(np.array([value]), decimals))


@pytest.mark.parametrize("shape", [(0,), (0, 4), (2, 4)], ids=str)
def test_text_rounded_keeps_the_shape(shape: tuple[int, ...]) -> None:
    values = np.full(shape, 0.1234, dtype=np.float32)
    assert same_bits(text_rounded(values, 3), as_text(values, 3))


def test_text_rounded_keeps_nan() -> None:
    assert np.isnan(text_rounded(np.array([np.nan]), 3)).all()


@pytest.mark.parametrize("decimals", [-1, 8])
def test_text_rounded_refuses_decimals(decimals: int) -> None:
    with pytest.raises(ValueError, match=f"expected decimals from 0 to 7; found {decimals}"):
        text_rounded(np.zeros(1), decimals)


DECIMALS = st.integers(0, 7)


@given(arrays.arrays(np.float64, st.integers(0, 20), elements=st.floats(allow_nan=False)), DECIMALS)
def test_text_rounded_is_formatting(values: NDArray[np.float64], decimals: int) -> None:
    assert same_bits(text_rounded(values, decimals), as_text(values, decimals))


@given(arrays.arrays(np.float32, 20, elements=st.floats(-2000, 2000, width=32)), st.sampled_from([1, 3]))
def test_text_rounded_is_formatting_of_float32(values: NDArray[np.float32], decimals: int) -> None:
    assert same_bits(text_rounded(values, decimals), as_text(values, decimals))
    shifted = values.astype(np.float64) + 1.0
    assert same_bits(text_rounded(shifted, decimals), as_text(shifted, decimals))


@given(st.integers(-(10**15), 10**15), DECIMALS, st.integers(-3, 3))
@example(whole=2, decimals=3, steps=0)
def test_text_rounded_around_ties(whole: int, decimals: int, steps: int) -> None:
    value = np.array([(2 * whole + 1) / (2 * 10**decimals)])
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.copysign(np.inf, steps))
    assert same_bits(text_rounded(value, decimals), as_text(value, decimals))


def test_all_short_dyadic_numbers_are_formatted_alike() -> None:
    values = np.arange(-4096, 4097, dtype=np.float64) / 256  # every kind of exact tie of up to 3 decimals
    for decimals in range(4):
        assert same_bits(text_rounded(values, decimals), as_text(values, decimals))
