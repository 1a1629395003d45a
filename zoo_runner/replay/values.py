"""Fields of samples as JSON: plain values, arrays, records and collections of those; nothing is pickled.

Each value that JSON has no word for is an object with its kind under ``t``. Floats are written in hexadecimal: they
come back to the last bit.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from zoo_runner.replay.record import stays_inside

if TYPE_CHECKING:
    from numpy.typing import NDArray

KINDS: Final = "biufcUS"
"""Kinds of dtypes whose bytes mean the same everywhere."""
DEEPEST: Final = 40
"""Values within values; deeper ones are no sample's."""
Classes: TypeAlias = "Callable[[str], type]"
"""Returns the class of a name such as ``plugin.samples:Box``; raises ``ValueError`` for one that may not be made."""


def class_name(kind: type) -> str:
    """Return what files call a class."""
    return f"{kind.__module__}:{kind.__qualname__}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Encoder:
    """Writes values down.

    Attributes:
        array: Keeps an array, and returns its number.
        path: Returns the kept name of a path; ``None`` where the file is not kept.
    """

    array: Callable[[NDArray[Any]], int]
    path: Callable[[PurePath], str | None]

    def encode(self, value: Any) -> Any:
        """Return a value as JSON.

        Raises:
            TypeError: It cannot be written down.
        """
        if value is None or type(value) in {bool, int, str}:
            return value
        if hasattr(value, "dtype") and hasattr(value, "tobytes"):
            if value.dtype.kind not in KINDS:
                raise TypeError(f"an array of {value.dtype}")
            scalar = isinstance(value, np.generic)
            return {"t": "scalar" if scalar else "array", "v": self.array(np.asarray(value))}
        if isinstance(value, Enum):
            return {"t": "enum", "c": class_name(type(value)), "v": value.name}
        if isinstance(value, PurePath):
            return {"t": "path", "v": self.path(value), "n": value.name}
        return self._plain(value) or self._collection(value)

    def _plain(self, value: Any) -> dict[str, Any] | None:
        if type(value) is float:
            return {"t": "float", "v": value.hex()}
        if type(value) is complex:
            return {"t": "complex", "v": [value.real.hex(), value.imag.hex()]}
        if type(value) is bytes:
            return {"t": "bytes", "v": base64.b64encode(value).decode("ascii")}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            given = [each.name for each in dataclasses.fields(value) if each.init]
            made = {name: self.encode(getattr(value, name)) for name in given}
            return {"t": "record", "c": class_name(type(value)), "v": made}
        return None

    def _collection(self, value: Any) -> dict[str, Any]:
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return {"t": "named", "c": class_name(type(value)), "v": [self.encode(each) for each in value]}
        if isinstance(value, Mapping):
            return {"t": "map", "v": [[self.encode(key), self.encode(each)] for key, each in value.items()]}
        if isinstance(value, AbstractSet):
            return {"t": "set", "v": [self.encode(each) for each in sorted(value, key=repr)]}
        if isinstance(value, list | tuple):
            return {"t": type(value).__name__, "v": [self.encode(each) for each in value]}
        raise TypeError(f"a value of {class_name(type(value))}")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Decoder:
    """Reads them back.

    Attributes:
        array: Returns the array of a number.
        folder: Where the sample's files are.
        classes: Finds classes.
    """

    array: Callable[[int], NDArray[Any]]
    folder: Path
    classes: Classes

    def decode(self, value: Any, depth: int = 0) -> Any:
        """Return the value that JSON stands for.

        Raises:
            ValueError: It stands for none, or for one of a class that may not be made.
        """
        if value is None or type(value) in {bool, int, str}:
            return value
        if depth > DEEPEST or not isinstance(value, dict):
            raise ValueError(f"a value that no sample has: {type(value).__name__}")
        try:
            return self._decoded(value["t"], value, depth + 1)
        except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def _decoded(self, kind: str, value: dict[str, Any], depth: int) -> Any:
        held = value["v"]
        simple: dict[str, Callable[[], Any]] = {
            "float": lambda: float.fromhex(held),
            "complex": lambda: complex(*map(float.fromhex, held)),
            "bytes": lambda: base64.b64decode(held, validate=True),
            "array": lambda: self.array(held),
            "scalar": lambda: self.array(held)[()],
            "path": lambda: self._path(held, value["n"]),
            "enum": lambda: self._class(value, Enum)[held],
            "record": lambda: self._record(value, depth),
        }
        if kind in simple:
            return simple[kind]()
        if kind == "map":
            return {self.decode(key, depth): self.decode(each, depth) for key, each in held}
        items = [self.decode(each, depth) for each in held]
        if kind == "named":
            return self._class(value, tuple)(*items)
        return {"list": list, "tuple": tuple, "set": frozenset}[kind](items)

    def _path(self, kept: str | None, name: str) -> Path:
        """Return where a file is; of one that is not kept, a path that leads to nothing."""
        if kept is None:
            return self.folder / f"not-kept-{Path(name).name}" if name else Path()
        if not stays_inside(kept):
            raise ValueError("a path in it leads elsewhere")
        return self.folder / kept

    def _record(self, value: dict[str, Any], depth: int) -> Any:
        made = self.classes(value["c"])
        if not dataclasses.is_dataclass(made):
            raise ValueError(f"{value['c']} is no record")
        return made(**{name: self.decode(each, depth) for name, each in value["v"].items()})

    def _class(self, value: dict[str, Any], base: type) -> Any:
        made = self.classes(value["c"])
        if not issubclass(made, base):
            raise ValueError(f"{value['c']} is no {base.__name__}")  # noqa: TRY004 - the file is wrong, not the call
        return made
