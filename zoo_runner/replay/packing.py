"""Samples on their way into a replay file: their arrays and files, and how many of them fit."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.files.regular import OversizedFileError, read_regular
from zoo_runner.known_secrets import without_known
from zoo_runner.replay.record import ArrayRecord, stays_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Sample

_LEVEL: Final = 1
"""Of the estimate: the file itself is made smaller than that."""
_MOST_FILES: Final = 500
"""Of one sample."""
_ENTRY: Final = 150
"""Bytes that an entry takes beside its content."""


def packed(array: NDArray[Any]) -> bytes:
    """Return an array's bytes, those of one significance together: so they take half the room when compressed."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return np.ascontiguousarray(flat.reshape(-1, max(1, array.dtype.itemsize)).T).tobytes() if array.size else b""


def unpacked(data: bytes, record: ArrayRecord) -> NDArray[Any]:
    """Return the array of some bytes.

    Raises:
        ValueError: They are not as many as it has.
    """
    dtype = np.dtype(record.dtype)
    expected = dtype.itemsize
    for size in record.shape:
        expected *= size
    if len(data) != expected:
        raise ValueError(f"expected {expected:,} bytes of an array, found {len(data):,}")
    bytes_ = np.frombuffer(data, np.uint8).reshape(max(1, dtype.itemsize), -1).T
    return (
        np.ascontiguousarray(bytes_).reshape(-1).view(dtype).reshape(record.shape)
        if data
        else np.empty(record.shape, dtype)
    )


def compressed(data: bytes) -> int:
    """Return how many bytes content takes in the file at most, nearly."""
    return len(zlib.compress(data, _LEVEL))


@dataclass
class Parcel:
    """What one sample brings into the file.

    Attributes:
        first: Number of its first array.
        most: Bytes that its files may have.
        arrays: In the order of their numbers.
        files: By their kept names.
    """

    first: int
    most: int
    arrays: list[tuple[ArrayRecord, bytes]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    _names: dict[PurePath, str] = field(default_factory=dict)

    def array(self, value: NDArray[Any]) -> int:
        """Keep an array, and return its number."""
        record = ArrayRecord(dtype=value.dtype.str, shape=value.shape)
        self.arrays.append((record, packed(value)))
        return self.first + len(self.arrays) - 1

    def named(self, arrays: Arrays) -> dict[str, int]:
        """Keep arrays, and return their numbers."""
        return {name: self.array(np.asarray(value)) for name, value in arrays.items()}

    def keep_files(self, sample: Sample) -> None:
        """Keep the files of a sample, by their paths below the folder that all of them are in.

        Raises:
            ValueError: A file cannot be kept; the text says why.
        """
        roots = dict.fromkeys((sample.path, *sample.files))
        above = Path(os.path.commonpath([path.absolute().parent for path in roots]))
        for root in roots:
            name = root.absolute().relative_to(above).as_posix()
            self._names[root] = name
            for path in _below(root):
                self._keep(path.absolute().relative_to(above).as_posix(), path)

    def _keep(self, name: str, path: Path) -> None:
        left = self.most - sum(map(len, self.files.values()))
        try:
            content = read_regular(path, left)
        except OversizedFileError:
            raise ValueError("its files have more bytes than the file may have") from None
        except OSError as error:
            raise ValueError(f"a file of it cannot be read ({error.strerror})") from error
        if len(self.files) >= _MOST_FILES:
            raise ValueError(f"it has more than {_MOST_FILES:,} files")
        if not stays_inside(name) or not name.isprintable() or len(name) > 1000:  # noqa: PLR2004 - as in the record
            raise ValueError("the name of a file of it cannot be kept")
        text = content.decode("latin-1")
        if without_known(text) != text:
            raise ValueError("a file of it holds a secret of this run")
        self.files[name] = content

    def kept_name(self, path: PurePath) -> str | None:
        """Return how a path of a field is found in the file; ``None`` where it is not kept."""
        return self._names.get(path)

    @property
    def size(self) -> int:
        """Bytes that it takes in the file at most, nearly."""
        contents = [*(data for _, data in self.arrays), *self.files.values()]
        return sum(compressed(data) + _ENTRY for data in contents)

    @property
    def raw(self) -> int:
        """Bytes that it has when unpacked."""
        return sum(len(data) for _, data in self.arrays) + sum(map(len, self.files.values()))


def _below(root: Path) -> Iterator[Path]:
    if root.is_dir():
        for parent, folders, names in os.walk(root):
            folders.sort()
            yield from (Path(parent, name) for name in sorted(names))
    else:
        yield root
