"""What an ONNX file says of itself, read off the file without onnx and ONNX Runtime.

A model is a protobuf message. Only its outermost fields are looked at, and the graph, which is nearly all of it, is
skipped.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Final

from zoo_runner.errors import ExportError
from zoo_runner.files.regular import open_regular

if TYPE_CHECKING:
    from pathlib import Path

NO_GRAPH: Final = "a file without a graph"
_GRAPH: Final = 7
_METADATA: Final = 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT: Final = 10
_LARGEST: Final = 1 << 20
"""Bytes of one entry that are read."""


def model_metadata(model: Path, title: str = "") -> dict[str, str]:
    """Return ``metadata_props`` of an ONNX file.

    Args:
        model: The file.
        title: What errors call it, if not by its path.

    Raises:
        ExportError: The file is no ONNX model.
        OSError: It cannot be read.
    """
    found: dict[str, str] = {}
    graph, wrong = False, f"{title or f'cannot load {model}'}: expected an ONNX model, found"
    with open_regular(model) as file:
        try:
            for field, content in _fields(file, os.fstat(file.fileno()).st_size, wanted=(_METADATA,)):
                graph = graph or field == _GRAPH
                if field == _METADATA:
                    key, value = _entry(content)
                    found[key] = value
        except ValueError as error:
            raise ExportError(f"{wrong} {error}") from error
    if not graph:
        raise ExportError(f"{wrong} {NO_GRAPH}")
    return found


def _fields(file: BinaryIO, end: int, *, wanted: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each field of a message, and the bytes of those that are wanted."""
    while file.tell() < end:
        tag = _varint(file)
        field, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            _varint(file)
            size = 0
        elif kind == _BYTES:
            size = _varint(file)
        elif kind in _FIXED:
            size = _FIXED[kind]
        else:
            raise ValueError(f"a field of unknown kind {kind}")
        if size > end - file.tell():
            raise ValueError(f"a field that is longer than the file ({size:,} bytes)")
        if field not in wanted or kind != _BYTES:
            file.seek(size, os.SEEK_CUR)
            yield field, b""
        elif size > _LARGEST:
            raise ValueError(f"an entry of metadata of {size:,} bytes; at most {_LARGEST:,} are read")
        else:
            yield field, file.read(size)


def _varint(file: BinaryIO) -> int:
    value = 0
    for position in range(_LONGEST_VARINT):
        byte = file.read(1)
        if not byte:
            raise ValueError("an end in the middle of a field")
        value |= (byte[0] & 0x7F) << (7 * position)
        if byte[0] < 0x80:  # noqa: PLR2004 - the bit that says that more follow
            return value
    raise ValueError("a number that does not end")


def _entry(content: bytes) -> tuple[str, str]:
    """Return key and value of a ``StringStringEntryProto``."""
    parts = dict(_fields(BytesIO(content), len(content), wanted=(_KEY, _VALUE)))
    return parts.get(_KEY, b"").decode(), parts.get(_VALUE, b"").decode()
