"""Values of samples come back as they were, to the last bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from zoo_runner.replay.packing import packed, unpacked
from zoo_runner.replay.record import ArrayRecord, stays_inside
from zoo_runner.replay.values import Decoder, Encoder, class_name

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Colour(Enum):
    RED = "r"


class Rank(IntEnum):
    FIRST = 1


class Pair(NamedTuple):
    one: int
    two: float


@dataclass(frozen=True)
class Box:
    corners: tuple[float, ...]
    colour: Colour


CLASSES = {class_name(kind): kind for kind in (Colour, Rank, Pair, Box)}


def there_and_back(value: Any) -> Any:
    kept: list[tuple[ArrayRecord, bytes]] = []

    def keep(array: NDArray[Any]) -> int:
        kept.append((ArrayRecord(dtype=array.dtype.str, shape=array.shape), packed(array)))
        return len(kept) - 1

    encoded = Encoder(array=keep, path=lambda path: "a/b" if path == PurePath("/x/b") else None).encode(value)
    return Decoder(
        array=lambda number: unpacked(kept[number][1], kept[number][0]),
        folder=Path("/here"),
        classes=CLASSES.__getitem__,
    ).decode(json.loads(json.dumps(encoded)))


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            0,
            -1,
            2**80,
            "",
            "text \u00e9 \U0001f40d",
            b"",
            b"\0\xff",
            0.0,
            -0.0,
            0.1,
            5e-324,
            1e308,
            math.inf,
        ),
        *(1 + 2j, (), [], {}, frozenset(), (1, (2.5, [None])), {"a": {1: 2.0}, (1, 2): "b"}, frozenset({1, 2})),
        *(Colour.RED, Rank.FIRST, Pair(1, 0.1), Box((0.1, math.inf), Colour.RED), [Box((), Colour.RED)]),
    ],
    ids=repr,
)
def test_plain_values(value: Any) -> None:
    """The value and its type, within collections too."""
    found = there_and_back(value)
    assert (found, type(found), repr(found)) == (value, type(value), repr(value))


@pytest.mark.parametrize(
    "array",
    [
        *(np.zeros(0), np.zeros((3, 0, 2), np.float32), np.array(7, np.int64), np.array([True, False])),
        *(np.arange(6, dtype=np.int16).reshape(2, 3).T, np.arange(4, dtype=">u4"), np.array([1 + 2j])),
        *(np.array([math.nan, -0.0, math.inf]), np.array(["a", "\u00e9"]), np.array([b"ab", b"c"])),
    ],
    ids=lambda array: f"{array.dtype} {array.shape}",
)
def test_arrays(array: NDArray[Any]) -> None:
    """Bytes, dtype and shape; a scalar stays one."""
    found = there_and_back(array)
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
    if array.size:
        scalar = array.reshape(-1)[0]
        again = there_and_back(scalar)
        assert (type(again), again.tobytes()) == (type(scalar), scalar.tobytes())


def test_paths() -> None:
    """A file that is kept is in the folder; another one is nowhere."""
    assert there_and_back(Path("/x/b")) == Path("/here/a/b")
    assert there_and_back(Path("/x/c")) == Path("/here/not-kept-c")
    assert there_and_back(Path("/x/..")) == Path("/here/not-kept-..")


@pytest.mark.parametrize("value", [object(), [object()], np.array([None]), np.zeros(1, "V8"), lambda: 0, range(3)])
def test_what_cannot_be_written_down(value: Any) -> None:
    """It is said, and nothing takes its place."""
    with pytest.raises(TypeError):
        there_and_back(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([], "a value that no sample has: list"),
        ({}, "KeyError: 't'"),
        ({"t": "float", "v": "x"}, "invalid hexadecimal floating-point string"),
        ({"t": "array", "v": 5}, "IndexError"),
        ({"t": "bytes", "v": "%"}, "base64|Base64|padding|non-alphabet"),
        ({"t": "path", "v": "../x", "n": ""}, "leads elsewhere"),
        ({"t": "path", "v": "/x", "n": ""}, "leads elsewhere"),
        ({"t": "path", "v": "", "n": ""}, "leads elsewhere"),
        ({"t": "record", "c": class_name(Colour), "v": {}}, "is no record"),
        ({"t": "record", "c": class_name(Box), "v": {"x": 1}}, "unexpected keyword"),
        ({"t": "named", "c": class_name(Box), "v": []}, "is no tuple"),
        ({"t": "enum", "c": class_name(Colour), "v": "BLUE"}, "KeyError: 'BLUE'"),
        ({"t": "set", "v": [{"t": "list", "v": []}]}, "unhashable"),
    ],
)
def test_what_stands_for_no_value(value: Any, text: str) -> None:
    """Always a ``ValueError``."""
    decoder = Decoder(array=[np.zeros(1)].__getitem__, folder=Path("/here"), classes=CLASSES.__getitem__)
    with pytest.raises(ValueError, match=text):
        decoder.decode(value)


def test_values_within_values_are_bounded() -> None:
    """A deep value is refused before the stack ends."""
    value: Any = None
    for _ in range(60):
        value = {"t": "list", "v": [value]}
    decoder = Decoder(array=[np.zeros(1)].__getitem__, folder=Path("/here"), classes=CLASSES.__getitem__)
    with pytest.raises(ValueError, match="a value that no sample has"):
        decoder.decode(value)


@pytest.mark.parametrize(
    ("change", "length"), [(lambda data: data[:-1], 11), (lambda data: data + b"x", 13), (lambda _: b"", 0)]
)
def test_bytes_that_are_not_an_arrays(change: Callable[[bytes], bytes], length: int) -> None:
    """As many as its shape says, no more and no fewer."""
    with pytest.raises(ValueError, match=f"expected 12 bytes of an array, found {length}"):
        unpacked(change(packed(np.zeros(3, np.float32))), ArrayRecord(dtype="<f4", shape=(3,)))


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        *(("a", True), ("a/b.txt", True), ("a b/c", True), ("..a", True), ("a\\b", True)),
        *(("", False), ("/", False), ("/a", False), ("..", False), ("a/../b", False), ("a//b", False), ("a/", False)),
        *((".", False), ("a/./b", False), ("a\0b", False)),
    ],
)
def test_names_that_stay_inside(name: str, inside: bool) -> None:
    """A path of plain steps, and nothing that a file system reads otherwise."""
    assert stays_inside(name) is inside
