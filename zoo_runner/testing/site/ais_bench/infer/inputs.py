"""Input files: which there are, how they make up batches, and what is in them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from .log import logger

if TYPE_CHECKING:
    from numpy.typing import NDArray

PURE: Final = "pure_infer_data"
"""Takes the place of a file when there is no input; results are named after it."""

PADDING: Final = "padding_infer_fake_file"
"""Fills up the last batch; the batch's first file is read for it and its results are not written."""

_SUFFIXES: Final = (".npy", ".NPY", ".bin", ".BIN")
Batch: TypeAlias = list[list[str]]
"""The files of one batch, by input."""


def natural_order(paths: Sequence[str]) -> list[str]:
    """Sort so that runs of digits count as numbers and case does not matter."""
    return sorted(
        sorted(paths),
        key=lambda path: [
            (0, int(part), "") if part.isdigit() else (1, 0, part.lower()) for part in re.split(r"(\d+)", path)
        ],
    )


def files_of_folder(folder: str) -> list[str]:
    """Return the folder's ``.bin`` and ``.npy`` files in natural order.

    Raises:
        RuntimeError: There is no such folder, or it has none of them.
    """
    if not Path(folder).exists():
        logger.error("dir:%s not exist", folder)
        raise RuntimeError
    files = [str(Path(folder) / path.name) for path in Path(folder).iterdir() if path.suffix in _SUFFIXES]
    if not files:
        logger.error("%s of input args not find valid file,valid file format:[*.npy *.NPY *.bin *.BIN]", folder)
        raise RuntimeError
    return natural_order(files)


def split(items: Sequence[str], length: int, padding: str | None = None) -> list[list[str]]:
    """Cut a list into parts of ``length``; with ``padding`` the last part is filled up."""
    parts = [list(items[i : i + length]) for i in range(0, len(items), length)]
    if padding is not None and parts:
        parts[-1] += [padding] * (length - len(parts[-1]))
    return parts


def batches(given: Sequence[str], inputs: Sequence[Any], *, alone: bool = False) -> list[Batch]:
    """Turn the values of ``--input`` into batches.

    Args:
        given: Files, as many for each model input, or one folder per model input.
        inputs: The model's inputs.
        alone: Whether each file is a batch of its own, of whatever size.

    Raises:
        RuntimeError: Files are missing, folders are not as many as inputs, or a batch of the first input is
            not a whole number of files.
    """
    _check(given, inputs)
    if Path(given[0]).is_file():
        columns = split(given, len(given) // len(inputs), PADDING)
    else:
        columns = [files_of_folder(folder) for folder in given]
    if len(columns) != len(inputs):
        logger.error("fileslist:%s intensor:%s not match", len(columns), len(inputs))
        raise RuntimeError
    size, needed = _size(columns[0][0]), inputs[0].realsize
    if not alone and (size == 0 or needed % size):
        logger.error("arg0 tensorsize: %s filesize: %s not match", needed, size)
        raise RuntimeError
    per_batch = 1 if alone else needed // size
    count = math.ceil(len(columns[0]) / per_batch)
    logger.info(
        "get filesperbatch files0 size:%s tensor0size:%s filesperbatch:%s runcount:%s",
        *(size, needed, per_batch, count),
    )
    parts = [split(column, per_batch, PADDING) for column in columns]
    return [[part[i] for part in parts] for i in range(count)]


def _check(given: Sequence[str], inputs: Sequence[Any]) -> None:
    if Path(given[0]).is_file():
        for i, path in enumerate(given):
            if not Path(path).is_file():
                logger.error("Invalid input args.--input:%s input[%s]:%s not exist", given, i, path)
                raise RuntimeError
    elif given[0] and Path(given[0]).is_dir():
        if len(given) != len(inputs):
            logger.error(
                "Invalid args. args input dir num:%s not equal to model inputs num:%s", len(given), len(inputs)
            )
            raise RuntimeError
    else:
        logger.error("Invalid args. %s  of --input is invalid", given[0])
        raise RuntimeError


def read_batch(files: Sequence[str], size: int, data: str) -> NDArray[Any]:
    """Return one input's bytes of a batch.

    Raises:
        RuntimeError: The files together do not have ``size`` bytes, or one of several is missing.
    """
    arrays = [_read(files[0] if path == PADDING else path, size, data) for path in files]
    if len(arrays) == 1:
        return arrays[0]
    joined = np.concatenate(arrays)
    if joined.nbytes != size:
        logger.error("ndata size:%s not match %s", joined.nbytes, size)
        raise RuntimeError
    return joined


def read_alone(path: str) -> NDArray[Any]:
    """Return a file as a batch of its own: with its shape, if it is a ``.npy`` and has one.

    Raises:
        RuntimeError: The file is gone.
    """
    if path.lower().endswith(".npy") and Path(path).exists():
        array: NDArray[Any] = np.load(path)
        return array
    return _read(path, 0, "zero")


def _read(path: str, size: int, data: str) -> NDArray[Any]:
    if path == PURE:
        if data == "random":
            return np.random.default_rng().integers(0, 256, size, dtype=np.uint8)
        return np.zeros(size, dtype=np.uint8)
    if not Path(path).exists():
        logger.error("filepath:%s not valid", path)
        raise RuntimeError
    if path.lower().endswith(".npy"):
        return np.frombuffer(np.load(path).tobytes("A"), dtype=np.int8)  # the memory as it lies, whatever its order
    return np.frombuffer(Path(path).read_bytes(), dtype=np.int8)


def _size(path: str) -> int:
    return int(np.load(path).nbytes) if path.lower().endswith(".npy") else Path(path).stat().st_size
