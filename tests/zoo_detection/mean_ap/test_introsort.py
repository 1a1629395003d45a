"""The introsort of numpy before 1.25: it sorts, compiled or not, and leaves equal keys as those releases did."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_detection.mean_ap import introsort
from zoo_detection.mean_ap.introsort import argsort, plain_argsort
from zoo_detection.mean_ap.tie_order import numpy_argsort, numpy_is_as_recorded

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is an extra")


@dataclass
class Game:
    """Keys that get their values only as they are compared, so that every pivot is a bad one.

    (McIlroy 1999, "A Killer Adversary for Quicksort".)
    """

    values: list[int]
    decided: int = 0
    candidate: int = -1

    def less(self, one: int, other: int) -> bool:
        open_value = len(self.values)
        if self.values[one] == self.values[other] == open_value:
            self.values[one if one == self.candidate else other] = self.decided
            self.decided += 1
        if self.values[one] == open_value:
            self.candidate = one
        elif self.values[other] == open_value:
            self.candidate = other
        return self.values[one] < self.values[other]


@dataclass
class Key:
    place: int
    game: Game = field(repr=False)

    def __lt__(self, other: Key) -> bool:
        return self.game.less(self.place, other.place)


def killer(length: int) -> list[int]:
    game = Game([length] * length)
    plain_argsort([Key(place, game) for place in range(length)])
    return game.values


def organ_pipe(length: int) -> list[int]:
    return [min(place, length - place) // 2 for place in range(length)]


SHAPES: dict[str, Callable[[int], Sequence[int]]] = {
    "all equal": lambda length: [0] * length,
    "sorted": lambda length: [place // 3 for place in range(length)],
    "reversed": lambda length: [-(place // 3) for place in range(length)],
    "organ pipe": organ_pipe,
    "two values": lambda length: [place * place % 7 % 2 for place in range(length)],
    "many ties": lambda length: [place * place * 31 % 101 % 13 for place in range(length)],
    "killer": killer,
    "killer with ties": lambda length: [value // 2 for value in killer(length)],
}
LENGTHS = (0, 1, 2, 3, 15, 16, 17, 18, 33, 64, 100, 257, 3000)


def test_seventeen_equal_keys() -> None:
    """The order that numpy 1.16.6 and 1.24.4 give; sixteen are left to the insertion sort, which is stable."""
    assert plain_argsort([0] * 16) == list(range(16))
    assert plain_argsort([0] * 17) == [0, 14, 13, 12, 11, 10, 9, 15, 8, 6, 5, 4, 3, 2, 1, 7, 16]


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_sorts_as_numpy_sorts_time_spans(shape: Callable[[int], Sequence[int]]) -> None:
    for length in LENGTHS:
        keys = np.array(shape(length), dtype=np.int64)
        keys.flags.writeable = False
        order = plain_argsort(keys.tolist())
        assert sorted(order) == list(range(length))
        assert keys[order].tolist() == sorted(keys.tolist())
        assert argsort(keys).tolist() == order
        if numpy_is_as_recorded():
            assert numpy_argsort(keys).tolist() == order


def test_killers_reach_the_heapsort(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []
    heapsort = introsort.heapsort

    def counted(keys: Sequence[int], order: list[int], low: int, high: int) -> None:
        lengths.append(high - low + 1)
        heapsort(keys, order, low, high)

    monkeypatch.setattr(introsort, "heapsort", counted)
    for name, shape in SHAPES.items():
        lengths.clear()
        plain_argsort(shape(3000))
        assert bool(lengths) == (name in {"killer", "killer with ties", "organ pipe"}), name


@given(st.lists(st.integers(0, 9) | st.integers(-(2**63) + 1, 2**63 - 1), max_size=300))
def test_any_keys(keys: list[int]) -> None:
    order = plain_argsort(keys)
    array = np.array(keys, dtype=np.int64)
    assert [keys[place] for place in order] == sorted(keys)
    assert argsort(array).dtype == np.intp
    assert argsort(array).tolist() == order
    if numpy_is_as_recorded():
        assert numpy_argsort(array).tolist() == order


@needs_numba
def test_runs_compiled_where_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(introsort, "plain_argsort", None)
    assert argsort(np.zeros(17, dtype=np.int64)).tolist()[:3] == [0, 14, 13]


def test_runs_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DIVIDE", "HEAPSORT", "INSERT"):
        monkeypatch.setattr(getattr(introsort, name), "wait", lambda: None)
    found = argsort(np.zeros(17, dtype=np.int64))
    assert found.dtype == np.intp
    assert found.tolist()[:3] == [0, 14, 13]
