from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.plugin.interfaces import Arrays
from zoo_runner.report.predictions import read_ids, read_predictions, write_predictions

arrays = st.integers(0, 3).map(lambda length: np.arange(length * 2, dtype=np.float32).reshape(length, 2))
ids = st.text(st.characters(exclude_characters="\0"), max_size=9)
named = st.fixed_dictionaries({"boxes": arrays, "scores": arrays.map(lambda a: a[:, 0])})
nothing: st.SearchStrategy[dict[str, np.ndarray]] = st.just({})


@given(st.lists(st.tuples(ids, named), max_size=5) | st.lists(st.tuples(ids, nothing), max_size=3))
def test_predictions_survive_the_disk(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[str, Arrays]]
) -> None:
    path = tmp_path_factory.mktemp("predictions") / "p.npz"
    write_predictions(path, [prediction for _, prediction in written], [name for name, _ in written])
    back = read_predictions(path)
    assert read_ids(path) == tuple(name for name, _ in written)
    assert len(back) == len(written)
    for found, (_, wanted) in zip(back, written, strict=True):
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


def test_equal_predictions_give_equal_bytes(tmp_path: Path) -> None:
    predictions = [{"boxes": np.ones((2, 4), dtype=np.float32), "labels": np.array([1, 2])}]
    write_predictions(tmp_path / "a", predictions, ["cat"])
    write_predictions(tmp_path / "b", [dict(reversed(predictions[0].items()))], ["cat"])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_without_ids_there_are_none(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p", [{"scores": np.zeros(2)}])
    assert read_ids(tmp_path / "p") is None
    assert len(read_predictions(tmp_path / "p")) == 1


def test_every_prediction_has_an_id(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="zip"):
        write_predictions(tmp_path / "p", [{}], ["cat", "dog"])


@pytest.mark.parametrize(
    ("count", "lengths", "fault"),
    [
        pytest.param(2, [1, 1], "2 lengths that add up to 2, of 2 and 3", id="sum"),
        pytest.param(3, [1, 2], "2 lengths that add up to 3, of 3 and 3", id="count"),
    ],
)
def test_lengths_must_fit(tmp_path: Path, count: int, lengths: list[int], fault: str) -> None:
    columns = {"scores": np.zeros(3), "scores.lengths": np.array(lengths)}
    np.savez(tmp_path / "p.npz", allow_pickle=False, count=np.array(count), **columns)
    with pytest.raises(ValueError, match=fault):
        read_predictions(tmp_path / "p.npz")
