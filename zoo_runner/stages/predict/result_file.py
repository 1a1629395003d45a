"""One result file of ais_bench: ``.bin`` (raw numbers), ``.npy`` (with dtype and shape) or ``.txt`` (decimal text).

Text has six digits after the point (ais_bench's ``%f``): numbers near zero lose what makes them differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.lib.format import open_memmap, read_array

from zoo_runner.errors import ResultError
from zoo_runner.files.regular import require_regular
from zoo_runner.plugin.tensors import mismatch, sample_texts, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import TensorSpec

FORMATS: Final = ("bin", "npy", "txt")
"""Suffixes, which are ais_bench's ``--outfmt`` in lower case."""
LONGEST_NUMBER: Final = 400
"""Characters of a number in text, with what follows it: C's ``%f`` writes 317 for the largest double."""

UNREADABLE: Final = (OSError, ValueError, EOFError, SyntaxError, TokenError)
"""What numpy raises for a file that is no .npy; of a header it asks Python's own tokenizer."""


def file_problem(path: Path, spec: TensorSpec) -> str:
    """Say why a file cannot be the output of one sample; empty when it can, as far as a look at it tells.

    Of text, the numbers are only counted when the file is read.
    """
    try:
        size = require_regular(path).st_size
    except OSError as error:
        return f"unreadable: {path.name}: {error.strerror}"
    if path.suffix == ".txt" and size > LONGEST_NUMBER * _count(spec):
        return f"too long: {path.name} has {size} bytes, more than {_count(spec)} numbers take ({_phrase(spec)})"
    if path.suffix == ".txt":
        return "" if size else f"short: {path.name} has 0 bytes, expected {_count(spec)} numbers ({_phrase(spec)})"
    if path.suffix == ".npy":
        return _header_problem(path, spec)
    expected = _count(spec) * np.dtype(spec.dtype).itemsize
    if size == expected:
        return ""
    kind = "short" if size < expected else "too long"
    return f"{kind}: {path.name} has {size} bytes, expected {expected} ({_phrase(spec)})"


def read_output(path: Path, spec: TensorSpec) -> NDArray[Any]:
    """Return the output of one sample, without batch axis.

    Raises:
        ResultError: The numbers are too few, too many or not numbers of that dtype, or one is not finite.
    """
    if path.suffix == ".txt":
        array = _parsed(path, spec)
    elif path.suffix == ".npy":
        with path.open("rb") as file:
            array = read_array(file, allow_pickle=False)
    else:
        array = np.fromfile(path, dtype=np.dtype(spec.dtype).newbyteorder("<"))
    array = array.reshape(spec.sample_shape())
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ResultError(
            f"non-finite: {path} ({spec.name}) has {bad} of {array.size} values NaN or infinite; nothing was scored"
        )
    return array


def _header_problem(path: Path, spec: TensorSpec) -> str:
    try:
        array = open_memmap(path, mode="r")  # numpy.load would read other kinds of files too
    except UNREADABLE as error:
        return f"unreadable: {path.name} is not a whole .npy file ({error})"
    shape = spec.sample_shape()
    # ais_bench cuts batches with the batch axis kept; other tools may drop it.
    if array.dtype == np.dtype(spec.dtype) and array.shape in {shape, (1, *shape)}:
        return ""
    found = tensor_text("", array.dtype, array.shape)
    return mismatch(f"another tensor: {path.name}", sample_texts([spec]), [found], "give the files of this model")


def _parsed(path: Path, spec: TensorSpec) -> NDArray[Any]:
    """Read rows of numbers, each followed by a space, each row by a line end."""
    text = path.read_text(encoding="ascii", errors="replace")
    words = text.split()
    if len(words) != _count(spec) or not text.endswith("\n"):
        raise ResultError(
            f"{path}: expected {_count(spec)} numbers ({_phrase(spec)}) and a line end after them, found {len(words)}"
            f"{'' if text.endswith(chr(10)) else ' without a line end: the file was cut off'}; nothing was scored"
        )
    dtype = np.dtype(spec.dtype)
    try:
        if dtype.kind == "f":
            with np.errstate(over="ignore"):  # becomes infinite, and is refused as that
                return np.array(words, dtype=np.float64).astype(dtype)
        return _integers(words, dtype)
    except (ValueError, OverflowError) as error:
        raise ResultError(
            f"{path}: expected numbers of type {spec.dtype}, found {error}; nothing was scored"
        ) from error


def _integers(words: Sequence[str], dtype: np.dtype[Any]) -> NDArray[Any]:
    numbers = np.array([int(word) for word in words], dtype=np.int64)
    if (numbers.astype(dtype) != numbers).any():
        raise OverflowError(f"{numbers.min()} to {numbers.max()}")
    return numbers.astype(dtype)


def _count(spec: TensorSpec) -> int:
    return math.prod(spec.sample_shape())


def _phrase(spec: TensorSpec) -> str:
    return ", ".join(sample_texts([spec]))
