"""One result file of ais_bench: ``.bin`` (raw numbers), ``.npy`` (with dtype and shape) or ``.txt`` (decimal text).

Text has six digits after the point (ais_bench's ``%f``): numbers near zero lose what makes them differ.

An output may have an axis whose size no input decides. A ``.npy`` says it; of the other formats the length tells it, as
long as nothing else is unknown.
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
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import mismatch, sample_texts, tensor_text
from zoo_runner.stages.predict.given_sizes import NOTHING_OPEN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import TensorSpec
    from zoo_runner.plugin.shapes import Sizes

FORMATS: Final = ("bin", "npy", "txt")
"""Suffixes, which are ais_bench's ``--outfmt`` in lower case."""
LONGEST_NUMBER: Final = 400
"""Characters of a number in text, with what follows it: C's ``%f`` writes 317 for the largest double."""

UNREADABLE: Final = (OSError, ValueError, EOFError, SyntaxError, TokenError)
"""What numpy raises for a file that is no .npy; of a header it asks Python's own tokenizer."""


def file_problem(path: Path, spec: TensorSpec, most: Sizes = NOTHING_OPEN) -> str:
    """Say why a file cannot be the output of one sample; empty when it can, as far as a look at it tells.

    Of text, the numbers are only counted when the file is read.

    Args:
        path: The file.
        spec: The output, with the sizes that the model was given; what is open in it, only the file can tell.
        most: The greatest size of each axis that is open in it.
    """
    try:
        size = require_regular(path).st_size
    except OSError as error:
        return f"unreadable: {path.name}: {error.strerror}"
    if path.suffix == ".npy":
        return _header_problem(path, spec, most)
    if len(spec.axes) > 1:
        return (
            f"unclear: a {path.suffix} does not say how large {' and '.join(spec.axes)} are: {path.name} "
            f"({_phrase(spec)}); infer with infer.outfmt: NPY"
        )
    if path.suffix == ".txt" and size > LONGEST_NUMBER * _greatest(spec, most):
        return (
            f"too long: {path.name} has {size} bytes, more than {_greatest(spec, most)} numbers take ({_phrase(spec)})"
        )
    if path.suffix == ".txt":
        wanted = _amount(spec, most)
        return "" if size else f"short: {path.name} has 0 bytes, expected {wanted} numbers ({_phrase(spec)})"
    return _length_problem(path.name, size, spec, most)


def read_output(path: Path, spec: TensorSpec, most: Sizes = NOTHING_OPEN) -> NDArray[Any]:
    """Return the output of one sample, without batch axis; arguments as of :func:`file_problem`.

    Raises:
        ResultError: The numbers are too few, too many or not numbers of that dtype, or one is not finite.
    """
    shape = _sample_shape(spec)
    if path.suffix == ".txt":
        array = _parsed(path, spec, most)
    elif path.suffix == ".npy":
        with path.open("rb") as file:
            array = read_array(file, allow_pickle=False)
        if spec.axes:
            shape = array.shape[array.ndim - len(shape) :]
    else:
        array = np.fromfile(path, dtype=np.dtype(spec.dtype).newbyteorder("<"))
    array = array.reshape([-1 if isinstance(size, str) else size for size in shape])
    if not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ResultError(
            f"non-finite: {path} ({spec.name}) has {bad} of {array.size} values NaN or infinite; nothing was scored"
        )
    return array


def _text_problem(name: str, size: int, spec: TensorSpec, most: Sizes) -> str:
    """Say why a text of so many bytes is not one sample's output; empty when it can be."""
    greatest = _greatest(spec, most)
    if size > LONGEST_NUMBER * greatest:
        return f"too long: {name} has {size} bytes, more than {greatest} numbers take ({_phrase(spec)})"
    return "" if size else f"short: {name} has 0 bytes, expected {_amount(spec, most)} numbers ({_phrase(spec)})"


def _length_problem(name: str, size: int, spec: TensorSpec, most: Sizes) -> str:
    """Say why so many bytes of raw numbers are not one sample's output; empty when they are."""
    each = np.dtype(spec.dtype).itemsize
    least, greatest = _step(spec) * each, _greatest(spec, most) * each
    if least <= size <= greatest and size % least == 0:
        return ""
    kind = "short" if size < least else "too long" if size > greatest else "uneven"
    empty = "; where a model can find nothing, infer with infer.outfmt: NPY" if spec.axes and not size else ""
    return f"{kind}: {name} has {size} bytes, expected {_amount(spec, most, each)} ({_phrase(spec)}){empty}"


def _header_problem(path: Path, spec: TensorSpec, most: Sizes) -> str:
    try:
        array = open_memmap(path, mode="r")  # numpy.load would read other kinds of files too
    except UNREADABLE as error:
        return f"unreadable: {path.name} is not a whole .npy file ({error})"
    shape = _sample_shape(spec)
    # ais_bench cuts batches with the batch axis kept; other tools may drop it.
    kept = array.shape[1:] if array.ndim == len(shape) + 1 and array.shape[0] == 1 else array.shape
    if array.dtype == np.dtype(spec.dtype) and _is_of(kept, shape, most):
        return ""
    found = tensor_text("", array.dtype, array.shape)
    at_most = "".join(f", at most {most[axis]} {axis}" for axis in dict.fromkeys(spec.axes))
    wanted = [f"{text}{at_most}" for text in sample_texts([spec])]
    return mismatch(f"another tensor: {path.name}", wanted, [found], "give the files of this model")


def _is_of(found: tuple[int, ...], shape: tuple[int | str, ...], most: Sizes) -> bool:
    """Say whether sizes are those of a shape; of axes of one name all have one size."""
    named: dict[str, int] = {}
    return len(found) == len(shape) and all(
        size == wanted if isinstance(wanted, int) else named.setdefault(wanted, size) == size <= most[wanted]
        for size, wanted in zip(found, shape, strict=True)
    )


def _parsed(path: Path, spec: TensorSpec, most: Sizes) -> NDArray[Any]:
    """Read rows of numbers, each followed by a space, each row by a line end."""
    text = path.read_text(encoding="ascii", errors="replace")
    words = text.split()
    least, count = _step(spec), len(words)
    if not least <= count <= _greatest(spec, most) or count % least or not text.endswith("\n"):
        raise ResultError(
            f"{path}: expected {_amount(spec, most)} numbers ({_phrase(spec)}) and a line end after them, found {count}"
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


def _sample_shape(spec: TensorSpec) -> tuple[int | str, ...]:
    """Return the shape of one sample, with a name where an axis is open."""
    return tuple(size for size in spec.shape if size != BATCH)


def _step(spec: TensorSpec) -> int:
    """Return how many numbers the output has, or the least number of them that its open axis adds."""
    return math.prod(size for size in spec.shape if isinstance(size, int))


def _greatest(spec: TensorSpec, most: Sizes) -> int:
    return math.prod(spec.at(most).sample_shape())


def _amount(spec: TensorSpec, most: Sizes, each: int = 1) -> str:
    step, greatest = _step(spec) * each, _greatest(spec, most) * each
    return f"a multiple of {step} up to {greatest}" if spec.axes else str(step)


def _phrase(spec: TensorSpec) -> str:
    return ", ".join(sample_texts([spec]))
