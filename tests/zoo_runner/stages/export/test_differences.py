"""How far an exported model may be from the network, as one number per output."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import ExportError
from zoo_runner.stages.export.differences import refuse_differences, relative_difference


@pytest.mark.parametrize(
    ("reference", "found", "expected"),
    [
        pytest.param([], [], 0.0, id="empty"),
        pytest.param([0.0, 0.0], [0.0, 0.0], 0.0, id="all-zero"),
        pytest.param([0.0, 0.0], [0.0, 1e-9], float("inf"), id="against-zero"),
        pytest.param([1.0, -4.0], [1.0, -4.0], 0.0, id="equal"),
        pytest.param([1.0, -4.0], [1.5, -4.0], 0.125, id="relative-to-the-largest"),
        pytest.param([0.0, -4.0], [0.0, 4.0], 2.0, id="sign"),
    ],
)
def test_relative_difference(reference: list[float], found: list[float], expected: float) -> None:
    assert relative_difference(np.array(reference, np.float32), np.array(found, np.float32)) == expected


def test_relative_difference_of_unsigned_integers_does_not_wrap() -> None:
    assert relative_difference(np.array([2], np.uint8), np.array([3], np.uint8)) == 0.5


@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3, width=32), st.floats(-1e3, 1e3, width=32)), min_size=1),
    st.sampled_from([2.0**-10, 2.0**10]),
)
def test_relative_difference_does_not_depend_on_the_unit(pairs: list[tuple[float, float]], unit: float) -> None:
    reference, found = np.array(pairs).T
    assert relative_difference(reference * unit, found * unit) == relative_difference(reference, found)
    assert (relative_difference(reference, found) == 0) == bool((reference == found).all())


INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize(
    ("reference", "found", "expected"),
    [
        pytest.param([NAN, 1.0], [NAN, 1.0], 0.0, id="NaN in the same place"),
        pytest.param([NAN, 1.0], [NAN, 2.0], 1.0, id="NaN hides nothing"),
        pytest.param([NAN, 1.0], [1.0, 1.0], INF, id="NaN is gone"),
        pytest.param([1.0, 1.0], [NAN, 1.0], INF, id="NaN has come"),
        pytest.param([INF, 1.0], [-INF, 1.0], INF, id="another infinity"),
        pytest.param([INF, 2.0], [INF, 1.0], 0.5, id="infinity hides nothing"),
        pytest.param([NAN], [NAN], 0.0, id="nothing finite"),
    ],
)
def test_what_is_not_finite(reference: list[float], found: list[float], expected: float) -> None:
    assert relative_difference(np.array(reference, np.float32), np.array(found, np.float32)) == expected


@pytest.mark.parametrize("value", [NAN, INF, 0.0011])
def test_what_is_no_small_number_is_refused(value: float) -> None:
    with pytest.raises(
        ExportError, match=r"^the copy differs in x by \S+ of the output's largest value, at most 0\.001"
    ):
        refuse_differences({"x": value}, "the copy differs", "copy again")
    refuse_differences({"x": 0.001}, "the copy differs", "copy again")
