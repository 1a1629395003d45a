"""The published order of equal scores: recorded, checked before numpy is trusted, and the same without numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_detection.mean_ap import tie_order
from zoo_detection.mean_ap.introsort import plain_argsort
from zoo_detection.mean_ap.tie_order import RECORDED, digest, numpy_is_as_recorded, published_descending, recorded_keys


@pytest.fixture(autouse=True)
def _checked_anew() -> Iterator[None]:
    numpy_is_as_recorded.cache_clear()
    yield
    numpy_is_as_recorded.cache_clear()


def by_plain_sort(scores: list[float]) -> list[int]:
    return plain_argsort([-score for score in scores])


def test_the_record_is_the_introsorts() -> None:
    assert digest([np.array(plain_argsort(keys.tolist())) for keys in recorded_keys()]) == RECORDED


@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ([], []),
        ([0.5], [0]),
        ([0.25, 0.75, 0.5], [1, 2, 0]),
        ([0.0, -0.0, 0.0, -0.0], [0, 1, 2, 3]),
        ([-1.5, -0.25, -1e300, 5e-324, 0.0, -5e-324], [3, 4, 5, 1, 0, 2]),
        ([0.5] * 17, [0, 14, 13, 12, 11, 10, 9, 15, 8, 6, 5, 4, 3, 2, 1, 7, 16]),
    ],
    ids=["none", "one", "distinct", "zeros", "both signs", "equal"],
)
@pytest.mark.parametrize("trusted", [True, False], ids=["numpy", "own sort"])
def test_order(scores: list[float], order: list[int], trusted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if trusted and not numpy_is_as_recorded():
        pytest.skip("this numpy has another order")
    monkeypatch.setattr(tie_order, "numpy_is_as_recorded", lambda: trusted)
    found = published_descending(np.array(scores, dtype=np.float64))
    assert found.dtype == np.intp
    assert found.tolist() == order


@given(
    st.lists(st.sampled_from([0.0, -0.0, 0.125, 0.5, 0.501]), max_size=200)
    | st.lists(st.floats(allow_nan=False), max_size=40)
)
def test_order_of_any_scores(scores: list[float]) -> None:
    assert published_descending(np.array(scores, dtype=np.float64)).tolist() == by_plain_sort(scores)


def test_another_order_of_numpys_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tie_order, "numpy_argsort", lambda keys: np.argsort(keys, kind="stable"))
    scores = [0.5, 0.25] * 40
    assert not numpy_is_as_recorded()
    assert published_descending(np.array(scores)).tolist() == by_plain_sort(scores)
