"""Predictions as one ``.npz`` file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.files.named_errors import naming

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays

_COUNT: Final = "count"
_IDS: Final = "sample.ids"
_DIGESTS: Final = "sample.digests"
_LENGTHS: Final = ".lengths"


def write_predictions(
    path: Path,
    predictions: Sequence[Arrays],
    ids: Sequence[str] | None = None,
    digests: Sequence[bytes] | None = None,
) -> None:
    """Write predictions as one ``.npz``: each named array concatenated, and the lengths to cut it by.

    The bytes depend on what is written only.

    Args:
        path: The file.
        predictions: What to write.
        ids: The id of each prediction's sample, so that a later run can find the prediction of one of its own.
        digests: The digest of each sample's annotations, all of one length.
    """
    names = sorted({name for prediction in predictions for name in prediction})
    columns: dict[str, NDArray[Any]] = {_COUNT: np.array(len(predictions))}
    if ids is not None:
        columns[_IDS] = np.array([name for name, _ in zip(ids, predictions, strict=True)], dtype=np.str_)
    if digests is not None:
        joined = np.frombuffer(b"".join(digests), dtype=np.uint8)
        columns[_DIGESTS] = joined.reshape(len(predictions), len(digests[0]) if digests else 0)
    for name in names:
        arrays = [np.asarray(prediction[name]) for prediction in predictions]
        columns[f"{name}{_LENGTHS}"] = np.array([len(array) for array in arrays], dtype=np.int64)
        columns[name] = np.concatenate(arrays)
    with naming(path), path.open("wb") as file:
        np.savez(file, allow_pickle=False, **columns)


def read_predictions(path: Path) -> list[Arrays]:
    """Read back what :func:`write_predictions` wrote.

    Raises:
        Exception: Of whatever type zipfile and numpy choose: the file is damaged.
    """
    with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
        count = int(file[_COUNT])
        names = [name for name in file.files if name not in {_COUNT, _IDS, _DIGESTS} and not name.endswith(_LENGTHS)]
        split = {name: _cut(file[name], file[f"{name}{_LENGTHS}"], count) for name in names}
    return [{name: split[name][position] for name in names} for position in range(count)]


def read_ids(path: Path) -> tuple[str, ...] | None:
    """Read the ids that :func:`write_predictions` wrote; ``None`` if it was given none."""
    with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
        return tuple(file[_IDS].tolist()) if _IDS in file.files else None


def read_digests(path: Path) -> tuple[bytes, ...] | None:
    """Read the digests that :func:`write_predictions` wrote; ``None`` if it was given none."""
    with path.open("rb") as data, np.load(data, allow_pickle=False) as file:
        return tuple(row.tobytes() for row in file[_DIGESTS]) if _DIGESTS in file.files else None


def _cut(joined: NDArray[Any], lengths: NDArray[Any], count: int) -> list[NDArray[Any]]:
    if len(lengths) != count or lengths.sum() != len(joined):
        raise ValueError(f"{len(lengths)} lengths that add up to {lengths.sum()}, of {count} and {len(joined)}")
    return np.split(joined, np.cumsum(lengths)[:-1]) if count else []
