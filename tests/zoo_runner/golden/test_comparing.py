from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo_runner.golden.comparing import (
    by_name,
    input_hash,
    kept_output,
    output_excess,
    predictions_equal,
    used_output,
)

GENERATOR = np.random.default_rng(0)
IMAGE = GENERATOR.normal(0, 50, (3, 12, 9)).astype(np.float32)


def test_a_hash_knows_type_shape_and_bytes() -> None:
    one = np.zeros((2, 3), np.float32)
    hashes = {input_hash(each) for each in (one, one.T, one.astype(np.int32), one + 1)}
    assert len(hashes) == 4
    assert input_hash(one) == input_hash(np.zeros((2, 6), np.float32)[:, ::2])


@given(arrays.arrays(np.float32, 7, elements=st.floats(-60000, 60000, width=32)))
def test_what_float16_rounds_off_is_no_difference(array: Any) -> None:
    kept = kept_output(array)
    assert kept.dtype == np.float16
    assert output_excess(array, kept, 0.0) == 0.0


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(np.array([1e6], np.float32), id="too large"),
        pytest.param(np.array([np.nan], np.float32), id="not a number"),
        pytest.param(np.array([7], np.int64), id="whole"),
    ],
)
def test_what_float16_cannot_hold_is_kept_as_it_is(array: Any) -> None:
    assert kept_output(array) is array


def test_kept_outputs_have_their_type_again() -> None:
    assert used_output(np.zeros(2, np.float16), "float32").dtype == np.float32
    assert used_output(np.zeros(2, np.int64), "int64").dtype == np.int64
    assert kept_output(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    ("found", "limit", "excess"),
    [
        pytest.param([1.0, 2.0], 0.0, 0.0, id="equal"),
        pytest.param([1.0, 2.4], 0.5, 0.0, id="within the limit"),
        pytest.param([1.0, 3.0], 0.5, 0.5, id="beyond it"),
        pytest.param([1.0, np.nan], 9.0, np.inf, id="not a number"),
        pytest.param([1.0], 9.0, np.inf, id="another shape"),
    ],
)
def test_how_far_an_output_is_beyond_its_limit(found: list[float], limit: float, excess: float) -> None:
    kept = np.array([1.0, 2.0], np.float16)
    assert output_excess(np.array(found, np.float32), kept, limit) == pytest.approx(excess, abs=2e-3)


def test_outputs_beyond_their_limits_are_named() -> None:
    kept = {"a": np.zeros(2, np.float16), "b": np.zeros(2, np.float16)}
    assert by_name({"a": np.ones(2), "b": np.zeros(2)}, {"a": 0.1}, kept) == {"a": pytest.approx(0.9)}


@pytest.mark.parametrize(
    ("found", "equal"),
    [
        pytest.param({"boxes": [[0.0, 1.0]], "labels": [3]}, True, id="equal"),
        pytest.param({"boxes": [[0.0, 1.00005]], "labels": [3]}, True, id="added up otherwise"),
        pytest.param({"boxes": [[0.0, 1.1]], "labels": [3]}, False, id="another number"),
        pytest.param({"boxes": [[0.0, 1.0]], "labels": [4]}, False, id="another class"),
        pytest.param({"boxes": [[0.0, 1.0]] * 2, "labels": [3, 3]}, False, id="one more"),
        pytest.param({"boxes": [[0.0, 1.0]]}, False, id="one array less"),
    ],
)
def test_predictions(found: dict[str, Any], equal: bool) -> None:
    recorded = {"boxes": np.array([[0.0, 1.0]], np.float32), "labels": np.array([3])}
    assert predictions_equal({name: np.array(value) for name, value in found.items()}, recorded) is equal
