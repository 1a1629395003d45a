"""Digits of figures: two, and as many more as it takes to see on which side of a limit they are."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.stages.gate.digits import shown


@pytest.mark.parametrize(
    ("value", "limits", "text"),
    [
        pytest.param(92.5957, (92.3,), "92.60", id="far from it"),
        pytest.param(100.0, (), "100.00", id="no limit"),
        pytest.param(79.4999, (79.5,), "79.4999", id="just below"),
        pytest.param(79.50004, (79.5,), "79.50004", id="just above"),
        pytest.param(79.5, (79.5,), "79.50", id="at it"),
        pytest.param(423.49385, (423.49385,), "423.49385", id="at one of many digits"),
        pytest.param(80.001, (79.5, 80.0), "80.001", id="two limits"),
        pytest.param(-100.0, (79.5, math.inf), "-100.00", id="no upper limit"),
        pytest.param(0.1 + 0.2, (0.3,), "0.30000000000000004", id="as close as it gets"),
        pytest.param(0.0345, (0.05,), "0.0345", id="a share"),
        pytest.param(-0.5, (-1.0,), "-0.5000", id="a small loss"),
        pytest.param(0.0, (1.0,), "0.00", id="nothing"),
        pytest.param(math.nan, (79.5,), "nan", id="no number"),
        pytest.param(math.inf, (79.5,), "inf", id="no end"),
    ],
)
def test_shown(value: float, limits: tuple[float, ...], text: str) -> None:
    assert shown(value, *limits) == text


@given(value=st.floats(-1e6, 1e6), limit=st.floats(-1e6, 1e6))
def test_it_never_crosses_a_limit(value: float, limit: float) -> None:
    text = float(shown(value, limit))
    assert (text > limit, text < limit) == (value > limit, value < limit)
