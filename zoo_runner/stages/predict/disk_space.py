"""Room on the disk for the files of a whole data set: said, and asked for, before the first of them is written."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from rich.filesize import decimal

from zoo_runner.errors import StageError
from zoo_runner.stages.predict.given_sizes import NOTHING_OPEN

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Progress, TensorSpec
    from zoo_runner.plugin.shapes import Sizes

TEXT_BYTES: Final = 9
"""Bytes of a number in text, at least: ``0.123456`` and a space, as C's ``%f`` writes it."""


def files_size(specs: Iterable[TensorSpec], samples: int, *, text: bool = False, most: Sizes = NOTHING_OPEN) -> int:
    """Return the bytes of the files that hold these tensors of so many samples; as text, the least they take.

    Args:
        specs: The tensors.
        samples: How many samples there are.
        text: Whether the numbers are written as text.
        most: The greatest size of each open axis; each sample is taken to have it.
    """
    sizes = ((math.prod(spec.at(most).sample_shape()), np.dtype(spec.dtype).itemsize) for spec in specs)
    return samples * sum(count * (TEXT_BYTES if text else each) for count, each in sizes)


def announced(sizes: Mapping[str, int], folder: Path) -> str:
    """Say what will be written: ``5.8 GB of inputs to run/inputs``."""
    return f"{_listed(sizes)} to {folder}"


def require_room(sizes: Mapping[str, int], folder: Path, progress: Progress) -> None:
    """Say how much will be written and how much is free, and refuse what the disk cannot hold.

    Args:
        sizes: Bytes, by what they are of. What stands in the folder already is replaced when all is written, so that
            its bytes are not free before.
        folder: Where they go.
        progress: Is told.

    Raises:
        StageError: There is too little room.
    """
    free = shutil.disk_usage(next(place for place in (folder, *folder.absolute().parents) if place.is_dir())).free
    if sum(sizes.values()) > free:
        raise StageError(
            f"{folder}: expected room for {_listed(sizes)}, found {decimal(free)} free; nothing was written: free some "
            "space on that disk, choose an --output on another one, or take a part of the data set with --limit N"
        )
    progress.note(f"will write {announced(sizes, folder)} ({decimal(free)} free)")


def _listed(sizes: Mapping[str, int]) -> str:
    return " and ".join(f"{decimal(size)} of {what}" for what, size in sizes.items())
