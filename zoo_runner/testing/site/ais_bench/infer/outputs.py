"""Result files: ``<input's name up to its first dot>_<output's number>.<format>``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .inputs import PADDING, Batch
from .log import logger
from .summary import Summary

if TYPE_CHECKING:
    from numpy.typing import NDArray


def save_batch(
    outputs: Sequence[Any], batch: Batch, *, number: int, folder: Path, suffix: str, axis: int, summary: Summary
) -> None:
    """Cut each output into one piece per file and write the pieces of files that exist.

    Raises:
        RuntimeError: An output cannot be cut into as many pieces along ``axis``.
    """
    per_batch = len(batch[0])
    for i, output in enumerate(outputs):
        array = np.array(output)
        if axis >= array.ndim:
            logger.error(
                "error i:%s ndata.shape:%s len:%s <= output_batchsize_axis:%s  is invalid",
                *(i, array.shape, array.ndim, axis),
            )
            raise RuntimeError
        if per_batch > 1 and array.shape[axis] % per_batch:
            logger.error(
                "save out files error array shape:%s filesinfo:%s files_count_perbatch:%s ndata.shape%s:%s",
                *(array.shape, batch, per_batch, axis, array.shape[axis]),
            )
            raise RuntimeError
        for j, piece in enumerate(np.array_split(array, per_batch, axis)):
            if batch[0][j] == PADDING:
                continue
            path = folder / f"{Path(batch[0][j]).name.split('.')[0]}_{i}.{suffix}"
            summary.add_file(number * per_batch + j, [files[j] for files in batch], str(path))
            _save(path, piece)


def _save(path: Path, array: NDArray[Any]) -> None:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".txt":
        form = "%f" if array.dtype.kind == "f" else "%d"
        rows = array.reshape(-1, array.shape[-1])
        path.write_text("".join("".join(f"{form % value} " for value in row) + "\n" for row in rows), encoding="ascii")
    else:
        array.tofile(path)
