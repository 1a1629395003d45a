"""Whether an ONNX file keeps tensors in other files, told from its bytes: where it is asked, onnx may not be installed.

Only the fields that lead to tensors are followed (onnx.proto3 has their numbers). Any tensor, input or output may be
called ``location``, as the entry is called that names another file, so that a search for that word does not do.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

Bytes: TypeAlias = "mmap.mmap | bytes"
_Found = TypeVar("_Found")

WORD: Final = b"location"
"""What every tensor that is kept elsewhere has an entry for."""
_WITHIN: Final[Mapping[str, Mapping[int, str]]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "elsewhere"},
}
"""Messages by the numbers of the fields that hold them."""
_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_KEY, _VALUE = 1, 2
_LONGEST: Final = 10
"""Bytes of a number."""


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    """No program that reads ONNX takes these bytes."""


def has_external_data(path: Path) -> bool:
    """Say whether a model has tensors in other files; not so of what is no model.

    Raises:
        OSError: It cannot be read.
    """
    return _looked_at(path, lambda content: any(True for _ in _entries(content, len(content)))) or False


def external_files(path: Path) -> tuple[str, ...]:
    """Return the names of the files in which a model has tensors, as it has them, each once; none of what is no model.

    Raises:
        OSError: It cannot be read.
    """
    return _looked_at(path, lambda content: tuple(dict.fromkeys(_locations(content, len(content))))) or ()


def _looked_at(path: Path, look: Callable[[Bytes], _Found]) -> _Found | None:
    if not path.stat().st_size:  # cannot be mapped
        return None
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(WORD) < 0:
            return None
        try:
            return look(content)
        except _Malformed:
            return None


def _locations(content: Bytes, size: int) -> Iterator[str]:
    """Yield the name in each entry that has one."""
    for start, end in _entries(content, size):
        fields = {number: bytes(content[begin:stop]) for number, begin, stop in _messages(content, start, end)}
        if fields.get(_KEY) == WORD:
            yield fields.get(_VALUE, b"").decode("utf-8", "surrogateescape")


def _entries(content: Bytes, size: int) -> Iterator[tuple[int, int]]:
    """Yield where the entries of tensors that are kept elsewhere begin and end."""
    waiting = [("model", 0, size)]
    while waiting:
        kind, start, end = waiting.pop()
        for number, begin, stop in _messages(content, start, end):
            inner = _WITHIN[kind].get(number)
            if inner == "elsewhere":
                yield begin, stop
            elif inner is not None:
                waiting.append((inner, begin, stop))


def _messages(content: Bytes, place: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, beginning and end of each field that may hold a message."""
    while place < end:
        tag, place = _number(content, place, end)
        kind = tag & 7
        if kind == _VARINT:
            _, place = _number(content, place, end)
        elif kind == _LENGTH:
            length, place = _number(content, place, end)
            if length > end - place:
                raise _Malformed
            yield tag >> 3, place, place + length
            place += length
        else:  # what is between the ends of a group counts as if it were outside
            place += {_FIXED64: 8, _FIXED32: 4}.get(kind, 0)


def _number(content: Bytes, place: int, end: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST):
        if place >= end:
            break
        byte = content[place]
        value, place = value | (byte & 127) << 7 * shift, place + 1
        if byte < 128:  # noqa: PLR2004 - the highest bit says that more follows
            return value, place
    raise _Malformed
