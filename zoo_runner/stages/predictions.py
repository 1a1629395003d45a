"""Predictions as one ``.npz`` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays

_COUNT: Final = "count"
_IDS: Final = "sample.ids"
_LENGTHS: Final = ".lengths"


def write_predictions(path: Path, predictions: Sequence[Arrays], ids: Sequence[str] | None = None) -> None:
    """Write predictions as one ``.npz``: each named array concatenated, and the lengths to cut it by.

    The bytes depend on the predictions and the ids only.

    Args:
        path: The file.
        predictions: What to write.
        ids: The id of each prediction's sample, so that a later run can find the prediction of one of its own.
    """
    names = sorted({name for prediction in predictions for name in prediction})
    columns: dict[str, NDArray[Any]] = {_COUNT: np.array(len(predictions))}
    if ids is not None:
        columns[_IDS] = np.array([name for name, _ in zip(ids, predictions, strict=True)], dtype=np.str_)
    for name in names:
        arrays = [np.asarray(prediction[name]) for prediction in predictions]
        columns[f"{name}{_LENGTHS}"] = np.array([len(array) for array in arrays], dtype=np.int64)
        columns[name] = np.concatenate(arrays)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)


def read_predictions(path: Path) -> list[Arrays]:
    """Read back what :func:`write_predictions` wrote.

    Raises:
        Exception: Of whatever type zipfile and numpy choose: the file is damaged.
    """
    with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
        count = int(file[_COUNT])
        names = [name for name in file.files if name not in {_COUNT, _IDS} and not name.endswith(_LENGTHS)]
        split = {name: _cut(file[name], file[f"{name}{_LENGTHS}"], count) for name in names}
    return [{name: split[name][position] for name in names} for position in range(count)]


def read_ids(path: Path) -> tuple[str, ...] | None:
    """Read the ids that :func:`write_predictions` wrote; ``None`` if it was given none."""
    with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
        return tuple(file[_IDS].tolist()) if _IDS in file.files else None


def _cut(joined: NDArray[Any], lengths: NDArray[Any], count: int) -> list[NDArray[Any]]:
    if len(lengths) != count or lengths.sum() != len(joined):
        raise ValueError(f"{len(lengths)} lengths that add up to {lengths.sum()}, of {count} and {len(joined)}")
    return np.split(joined, np.cumsum(lengths)[:-1]) if count else []
