"""Two predictions are alike within rounding and a few rows at a threshold, and not beyond."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo_runner.attribution.nearness import alike, apart


def rows(count: int, *, shift: float = 0.0) -> dict[str, Any]:
    boxes = np.arange(400, dtype=np.float32).reshape(100, 4)[:count] + np.float32(shift)
    return {"boxes": boxes, "labels": (np.arange(count) % 3).astype(np.int16)}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param(rows(0), rows(0), True, id="both-empty"),
        pytest.param(rows(0), rows(90), False, id="all-lost"),
        pytest.param(rows(90), rows(90, shift=0.1), True, id="rounding"),
        pytest.param(rows(90), rows(90, shift=30), False, id="moved"),
        pytest.param(rows(90), rows(89), True, id="one-at-the-threshold"),
        pytest.param(rows(90), rows(80), False, id="ten-lost"),
        pytest.param(rows(90), rows(89, shift=60), False, id="one-lost-and-moved"),
        pytest.param({**rows(9), "labels": rows(9)["labels"] + 1}, rows(9), False, id="classes-shifted"),
        pytest.param({"boxes": rows(9)["boxes"]}, rows(9), False, id="array-missing"),
        pytest.param({"labels": np.arange(500, 505) + 1}, {"labels": np.arange(500, 505)}, False, id="large-labels"),
        pytest.param({"text": np.array([97, 98, 99])}, {"text": np.array([97, 98])}, False, id="one-character-more"),
        pytest.param({"text": np.array([98, 97])}, {"text": np.array([97, 98])}, False, id="other-order"),
        pytest.param(
            {"labels": np.array([7, 5]), "scores": np.array([0.5, 0.5])},
            {"labels": np.array([5, 7]), "scores": np.array([0.5, 0.5])},
            True,
            id="equal-scores-change-places",
        ),
        pytest.param({"text": np.array(["a", "b"])}, {"text": np.array(["a", "b"])}, True, id="same-texts"),
        pytest.param({"text": np.array(["a", "c"])}, {"text": np.array(["a", "b"])}, False, id="other-texts"),
        pytest.param({"text": np.array(["a", "b"])}, {"text": np.array(["a"])}, False, id="texts"),
    ],
)
def test_alike(one: dict[str, Any], other: dict[str, Any], expected: bool) -> None:
    assert alike(one, other) is expected


def test_apart() -> None:
    assert apart({}, {}) == 0
    assert apart(rows(3), rows(4)) == float("inf")
    assert apart({"x": np.ones(4)}, {"x": np.full(4, 2.0)}) == pytest.approx(0.5)
