from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest  # noqa: TC002 - the fixture names its type
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.interfaces import Arrays
from zoo_runner.stages.predictions import read_predictions, write_predictions

arrays = st.integers(0, 3).map(lambda length: np.arange(length * 2, dtype=np.float32).reshape(length, 2))


@given(st.lists(st.fixed_dictionaries({"boxes": arrays, "scores": arrays.map(lambda a: a[:, 0])}), max_size=5))
def test_predictions_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, predictions: list[Arrays]) -> None:
    path = tmp_path_factory.mktemp("predictions") / "p.npz"
    write_predictions(path, predictions)
    back = read_predictions(path)
    assert len(back) == len(predictions)
    for found, wanted in zip(back, predictions, strict=True):
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


def test_equal_predictions_give_equal_bytes(tmp_path: Path) -> None:
    predictions = [{"boxes": np.ones((2, 4), dtype=np.float32), "labels": np.array([1, 2])}]
    write_predictions(tmp_path / "a", predictions)
    write_predictions(tmp_path / "b", [dict(reversed(predictions[0].items()))])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
