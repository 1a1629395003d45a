"""What a metric holds a prediction against, as a digest: were two runs scored with the same annotations?"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Sample

SIZE: Final = 16
"""Bytes of a digest."""
UNKNOWN: Final = bytes(SIZE)
"""Digest of a sample that has something in it that cannot be written down."""
_PLACE: Final = frozenset({"index", "path", "files"})
"""Fields that say where a sample is and not what it is."""


def sample_digest(sample: Sample) -> bytes:
    """Return the digest of a sample's fields, without those that say where it is.

    Numbers, text, arrays, records and collections of those can be written down; with anything else the digest is
    :data:`UNKNOWN`. What a metric reads from files of its own is not in it, nor is a
    group that is not given.
    """
    hashed = hashlib.sha256()
    try:
        for part in _fields(sample, without=_PLACE if sample.group else _PLACE | {"group"}):
            hashed.update(part)
    except TypeError:
        return UNKNOWN
    return hashed.digest()[:SIZE]


def _fields(record: Any, without: AbstractSet[str] = frozenset()) -> Iterator[bytes]:
    for field in dataclasses.fields(record):
        if field.name not in without:
            yield from _text(field.name)
            yield from _parts(getattr(record, field.name))


def _parts(value: Any) -> Iterator[bytes]:
    """Yield what makes a value up, each part with its kind and length, so that no two values give the same."""
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | Enum):
        yield from _text(f"{type(value).__name__} {value!r}")
    elif isinstance(value, PurePath):
        yield b"path;"
    elif hasattr(value, "dtype") and hasattr(value, "tobytes"):
        if value.dtype.hasobject:
            raise TypeError
        yield from _text(f"array {value.dtype.str} {value.shape}")
        yield value.tobytes()
    elif dataclasses.is_dataclass(value):
        yield from _text(type(value).__name__)
        yield from _fields(value)
    elif isinstance(value, Mapping):
        yield from _listed("mapping", [part for item in value.items() for part in item])
    elif isinstance(value, AbstractSet):
        yield from _listed("set", sorted(value, key=repr))
    elif isinstance(value, Sequence):
        yield from _listed("list", value)
    else:
        raise TypeError


def _listed(kind: str, values: Sequence[Any]) -> Iterator[bytes]:
    yield from _text(f"{kind} {len(values)}")
    for value in values:
        yield from _parts(value)


def _text(text: str) -> Iterator[bytes]:
    encoded = text.encode("utf-8", "surrogatepass")
    yield f"{len(encoded)}:".encode()
    yield encoded
