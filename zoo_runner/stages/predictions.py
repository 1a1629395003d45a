"""Predictions as one ``.npz`` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.interfaces import Arrays


def write_predictions(path: Path, predictions: Sequence[Arrays]) -> None:
    """Write predictions as one ``.npz``: each named array concatenated, and the lengths to cut it by.

    The bytes depend on the predictions only.
    """
    names = sorted({name for prediction in predictions for name in prediction})
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        arrays = [np.asarray(prediction[name]) for prediction in predictions]
        columns[f"{name}.lengths"] = np.array([len(array) for array in arrays], dtype=np.int64)
        columns[name] = np.concatenate(arrays)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, count=np.array(len(predictions)), **columns)


def read_predictions(path: Path) -> list[Arrays]:
    """Read back what :func:`write_predictions` wrote."""
    with np.load(path, allow_pickle=False) as file:
        count = int(file["count"])
        names = [name for name in file.files if name != "count" and not name.endswith(".lengths")]
        split = {name: np.split(file[name], np.cumsum(file[f"{name}.lengths"])[:-1]) if count else [] for name in names}
    return [{name: split[name][position] for name in names} for position in range(count)]
