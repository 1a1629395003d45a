"""What one output of one sample can be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.predict.output_rules import Kind, OutputRule, allowance, exchanged, problem

RANDOM = np.random.default_rng(0)


def rule(kind: Kind | None = None, *shape: int, **more: Any) -> OutputRule:
    return OutputRule(spec=TensorSpec("conf", "float32", ("batch", *(shape or (6, 3)))), kind=kind, **more)


def softmax(logits: np.typing.NDArray[Any], axis: int = -1) -> np.typing.NDArray[Any]:
    powers = np.exp(logits - logits.max(axis=axis, keepdims=True))
    soft: np.typing.NDArray[Any] = powers / powers.sum(axis=axis, keepdims=True)
    return soft


LOGITS = RANDOM.normal(0, 3, (6, 3)).astype(np.float32)
SOFT = softmax(LOGITS)


@pytest.mark.parametrize(
    ("given_rule", "array", "says"),
    [
        pytest.param(rule("probabilities", 0, 3), np.zeros((0, 3), np.float32), "", id="empty"),
        pytest.param(rule("probabilities"), SOFT, "", id="a softmax"),
        pytest.param(rule("probabilities"), SOFT.astype(np.float16), "", id="a softmax in fp16"),
        pytest.param(rule("probabilities", axis=0), softmax(LOGITS, 0), "", id="along another axis"),
        pytest.param(rule("probabilities", axis=0), SOFT, "like those of a sigmoid", id="along the wrong axis"),
        pytest.param(rule("probabilities"), SOFT * 2, "from 0 to 1, found", id="twice"),
        pytest.param(rule("probabilities"), SOFT / 2, "they look scaled", id="half"),
        pytest.param(rule("probabilities"), 1 / (1 + np.exp(-LOGITS)), "of a sigmoid, not of a softmax", id="sigmoid"),
        pytest.param(rule("probabilities"), LOGITS, "expected probabilities from 0 to 1", id="logits"),
        pytest.param(rule("probabilities"), np.zeros((6, 3), np.float32), "all of them are 0", id="zeros"),
        pytest.param(
            rule("probabilities", 9, 2),
            np.full((9, 2), 0.5, np.float32),
            "that differ from place to place, found 0.5 at all 18",
            id="even everywhere",
        ),
        pytest.param(rule("probabilities", 2), np.full(2, 0.5, np.float32), "", id="even between two"),
        pytest.param(
            rule("probabilities", 2), np.array([1 + 2**-10, 0], np.float16), "", id="the number after 1 in fp16"
        ),
        pytest.param(rule("offsets", 2), np.zeros(2, np.float32), "", id="two offsets of 0"),
        pytest.param(rule("offsets"), LOGITS, "", id="offsets"),
        pytest.param(rule("offsets"), np.zeros((6, 3), np.float32), "found 0 at all 18 places", id="offsets of 0"),
        pytest.param(rule("logits"), np.full((6, 3), 7, np.float32), "found 7 at all 18 places", id="constant logits"),
        pytest.param(rule("logits", 1), np.full(1, 7, np.float32), "", id="one logit is no constant"),
        pytest.param(rule(), np.zeros((6, 3), np.float32), "", id="zeros of no kind"),
        pytest.param(rule(), np.array([[1, np.nan]], np.float32), "1 of 2 that are NaN or infinite", id="NaN"),
        pytest.param(rule(), np.array([[1, -np.inf]], np.float32), "1 of 2 that are NaN or infinite", id="-inf"),
        pytest.param(rule(), np.array([[1, np.inf]], np.float32), "1 of 2 that are NaN or infinite", id="inf"),
        pytest.param(rule(), np.full((2, 2), 3e38, np.float32), "", id="large and finite"),
        pytest.param(rule(low=0.0, high=1.0), np.array([0.0, 1.0], np.float32), "", id="in the range"),
        pytest.param(rule(low=0.0, high=1.0), np.array([0.0, 1.1], np.float32), "0 to 1, found 0 to 1.1", id="above"),
        pytest.param(rule(low=0.0, high=1.0), np.array([-0.1, 1], np.float32), "found -0.1 to 1", id="below"),
        pytest.param(
            rule(low=0, high=9), np.array([0, 10]), "expected values from 0 to 9, found 0 to 10", id="integers"
        ),
    ],
)
def test_a_problem_is_what_it_says(given_rule: OutputRule, array: np.typing.NDArray[Any], says: str) -> None:
    found = problem(given_rule, array)
    assert says in found
    assert bool(says) is bool(found)


def test_all_rows_come_up_in_turn() -> None:
    rows = softmax(RANDOM.normal(size=(1000, 4)).astype(np.float32))
    rows[777] /= 2
    found = [bool(problem(rule("probabilities", 1000, 4), rows, turn)) for turn in range(8)]
    assert sum(found) == 2  # of four different choices of rows, each twice


@given(
    arrays.arrays(np.float32, (5, 21), elements=st.floats(-60, 60, width=32)), st.sampled_from([np.float16, np.float32])
)
def test_no_softmax_is_refused_whatever_its_precision(logits: np.typing.NDArray[Any], dtype: type[Any]) -> None:
    shifted = (logits - logits.max(axis=-1, keepdims=True)).astype(dtype)
    powers = np.exp(shifted)
    total = np.zeros((5, 1), dtype)
    for place in range(21):  # a sum in the precision itself, term by term: the largest error there is
        total = (total + powers[:, place : place + 1]).astype(dtype)
    soft = (powers / total).astype(dtype)
    even = "that differ from place to place" if soft.min() == soft.max() else ""
    found = problem(rule("probabilities", 5, 21), soft)
    assert even in found
    assert bool(even) is bool(found)


@pytest.mark.parametrize(("terms", "allowed"), [(2, 10 / 2048), (21, 29 / 2048), (1000, 100 / 2048)])
def test_the_allowance_grows_with_the_terms_up_to_a_bound(terms: int, allowed: float) -> None:
    assert allowance(terms) == allowed


@pytest.mark.parametrize(
    ("kinds", "shown", "other"),
    [
        pytest.param(("probabilities", "offsets"), (LOGITS, SOFT), 1, id="exchanged"),
        pytest.param(("probabilities", "offsets"), (LOGITS, LOGITS), None, id="both are offsets"),
        pytest.param(("probabilities", "probabilities"), (LOGITS, SOFT), None, id="of one kind"),
    ],
)
def test_an_exchange_shows_by_the_kinds(
    kinds: tuple[Kind, Kind], shown: tuple[np.typing.NDArray[Any], ...], other: int | None
) -> None:
    assert exchanged([rule(kind) for kind in kinds], shown, 0) == other
