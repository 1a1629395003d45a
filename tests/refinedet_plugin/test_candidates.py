from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chosen_kernels import Decided
from refinedet_plugin import candidates
from refinedet_plugin.candidates import Candidates, candidates_of, is_finite, largest_exponent, pick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

F = np.float32
TENTH = F(0.1)


WAYS = [
    pytest.param((None, None), id="numpy"),
    pytest.param((pick, largest_exponent), id="loop"),
    pytest.param((candidates.PICK.wait(), candidates.LARGEST.wait()), id="compiled"),
]


@pytest.fixture(params=WAYS)
def _way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "PICK", Decided(request.param[0]))
    monkeypatch.setattr(candidates, "LARGEST", Decided(request.param[1]))


def found(confidences: object, objectness: object) -> list[tuple[int, int, float]]:
    arrays = [np.array(values, F) for values in (confidences, objectness)]
    for array in arrays:
        array.flags.writeable = False
    hits = candidates_of(arrays[0], arrays[1], confidence=TENTH, least=TENTH)
    assert [str(column.dtype) for column in hits] == [str(np.dtype(np.intp)), "int16", "float32"]
    return list(zip(*(column.tolist() for column in hits), strict=True))


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize(
    ("confidences", "objectness", "expected"),
    [
        pytest.param(np.zeros((0, 3)), np.zeros((0, 2)), [], id="no priors"),
        pytest.param([[1, 0, 0]], [[0, 1]], [], id="background"),
        pytest.param([[0, 0.5, 0.25]], [[0, 1]], [(0, 0, 0.5), (0, 1, 0.25)], id="both classes"),
        pytest.param([[0, 0.5, 0]] * 2, [[1, 0], [0, 1]], [(1, 0, 0.5)], id="no object"),
        pytest.param([[0, TENTH, 0.5]], [[0, 1]], [(0, 1, 0.5)], id="confidence at the threshold"),
        pytest.param([[0, 0.5, 0.5]], [[0, TENTH]], [], id="objectness at the threshold"),
    ],
)
def test_candidates(confidences: object, objectness: object, expected: list[tuple[int, int, float]]) -> None:
    assert found(confidences, objectness) == expected


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("room", [0, 1, 5, 6, 7])
def test_more_candidates_than_room(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    monkeypatch.setattr(candidates, "ROOM", room)
    assert found([[0, 0.5, 0.25]] * 3, [[0, 1]] * 3) == [(row, c, 0.5 - c / 4) for row in range(3) for c in (0, 1)]


@pytest.mark.usefixtures("_way")
def test_arrays_that_are_not_contiguous() -> None:
    wide = np.zeros((3, 6), F)
    wide[1, 2] = 0.5
    objectness = np.ones((2, 3), F).T
    hits = candidates_of(wide[:, ::2], objectness, confidence=TENTH, least=TENTH)
    assert [column.tolist() for column in hits] == [[1], [0], [0.5]]
    assert is_finite(wide[:, ::2])
    wide[0, 4] = np.nan
    assert not is_finite(wide[:, ::2])


NUMBER = st.sampled_from([0.0, -1.0, float(TENTH), 0.10000001, 0.5, 1.0])


@given(st.lists(st.tuples(st.lists(NUMBER, min_size=5, max_size=5), NUMBER), max_size=12), st.integers(0, 20))
def test_all_ways_find_the_same(rows: list[tuple[list[float], float]], room: int) -> None:
    confidences = np.array([row for row, _ in rows], F).reshape(-1, 5)
    objectness = np.array([(0, value) for _, value in rows], F).reshape(-1, 2)
    results: list[Candidates] = []
    for kernel in (None, pick, candidates.PICK.wait()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(candidates, "PICK", Decided(kernel))
            patch.setattr(candidates, "ROOM", room)
            results.append(candidates_of(confidences, objectness, confidence=TENTH, least=TENTH))
    for result in results[1:]:
        for place in range(len(result)):
            assert result[place].dtype == results[0][place].dtype
            assert result[place].tobytes() == results[0][place].tobytes()


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("shape", [(0,), (7,), (0, 4), (3, 4)], ids=str)
@pytest.mark.parametrize("value", [0.0, -0.0, 3.4e38, -3.4e38, 1e-45], ids=str)
def test_finite(shape: tuple[int, ...], value: float) -> None:
    values = np.full(shape, value, F)
    values.flags.writeable = False
    assert is_finite(values)


@pytest.mark.usefixtures("_way")
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("place", [0, 5, 11])
def test_not_finite(value: float, place: int) -> None:
    values = np.full(12, -3.4e38, F)
    values[place] = value
    assert not is_finite(values)
    assert not is_finite(values.reshape(3, 4))
