"""Inputs as ATC is told of them: their batch axis, and open axes with the sizes that they take."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.tensors import Shape, Tensors, is_batch, shapes, size_of
from zoo_runner.manifest.checks import LEAST_GEARS, MOST_GEARS
from zoo_runner.manifest.tensors import TENSOR
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from zoo_runner.importing.atc import Conversion

_RANGE: Final = re.compile(r"([1-9][0-9]{0,8})\s*~\s*(-1|[1-9][0-9]{0,8})")
_OPEN: Final = "-1"
_SIDES: Final = ("height", "width")


@dataclass(kw_only=True)
class Opened:
    """The inputs of one model, and what its section ``atc`` says of their sizes.

    Attributes:
        inputs: As a manifest has them.
        atc: Keys with gears or ranges.
        batches: Batch sizes in the commands.
        batched: Whether all inputs have a batch axis.
        unsaid: Keys of the section ``atc`` with stand-ins, and why.
    """

    inputs: Tensors
    atc: dict[str, Any] = field(default_factory=dict)
    batches: list[int] = field(default_factory=list)
    batched: bool = True
    unsaid: dict[str, str] = field(default_factory=dict)


def opened(conversion: Conversion, account: Account) -> Opened | None:
    """Read the inputs of a model from its commands; ``None`` where these do not say them, or cannot be read."""
    return _Reader(conversion, account).read()


class _Reader:
    def __init__(self, conversion: Conversion, account: Account) -> None:
        self._flags, self._line, self._account = conversion.flags, conversion.command.line, account
        self._others = [shapes(each.get("input_shape", "")) for each in conversion.others]
        self._made = Opened(inputs=Tensors())
        self._columns: list[tuple[str, str]] = []  # of gears: where the axis is, and its name

    def read(self) -> Opened | None:
        found = shapes(self._flags.get("input_shape", "")) or shapes(self._flags.get("input_shape_range", ""))
        if not found:
            return None
        for each in found:
            if not re.fullmatch(TENSOR, each.name) or not all(map(_readable, each.axes)):
                text = (
                    f"flag --input_shape: expected NAME:SIZES, found {quoted(each.name)}:{quoted(','.join(each.axes))}"
                )
                self._account.warn(self._line, f"{text}{_never_set(each)}")
                return None
        if len({each.name for each in found}) != len(found):
            self._account.warn(self._line, "flag --input_shape: expected each input once")
            return None
        self._shapes(found)
        self._gears(found)
        return self._made

    def _shapes(self, found: Sequence[Shape]) -> None:
        lead = self._batch_axis(found)
        open_axes = [axis for each in found for axis in each.axes[1:] if _is_open(axis)]
        names = iter(_SIDES if self._flags.get("dynamic_image_size") and len(open_axes) == len(_SIDES) else _counted())
        for each in found:
            shape: list[int | str] = []
            for place, axis in enumerate(each.axes):
                if place == 0 and axis in lead:
                    shape.append(BATCH)
                elif (size := size_of(axis)) is not None:
                    shape.append(size)
                else:
                    shape.append(name := next(names))
                    self._columns.append((axis, name))
            self._made.inputs.entries.append({"name": each.name, "dtype": "float32", "shape": shape})
        self._made.batched = all(entry["shape"][:1] == [BATCH] for entry in self._made.inputs.entries)

    def _batch_axis(self, found: Sequence[Shape]) -> set[str]:
        """Return the ways in which the first axis is written where it is the batch's: a number only if all have it."""
        firsts = [each.axes[0] for each in found]
        numbers = {size for axis in firsts if (size := size_of(axis))}
        others = [size for shape in self._others for each in shape if (size := size_of(each.axes[0]))]
        self._made.batches += [*numbers, *others]
        lead = {axis for axis in firsts if size_of(axis) is None}
        return lead | ({str(size) for size in numbers} if len(numbers) == 1 else set())

    def _gears(self, found: Sequence[Shape]) -> None:
        flags = self._flags
        if value := flags.get("dynamic_batch_size"):
            self._batch_gears(value)
        if value := flags.get("dynamic_image_size"):
            self._rows("dynamic_image_size", value)
        elif value := flags.get("dynamic_dims"):
            self._rows("dynamic_dims", value, extra=sum(each.axes[0] == _OPEN for each in found))
        elif self._columns:
            self._ranges()

    def _batch_gears(self, value: str) -> None:
        sizes = list(dict.fromkeys(int(each) for each in re.findall("[0-9]+", value[:2000]) if int(each) > 0))
        if not LEAST_GEARS <= len(sizes) <= MOST_GEARS:
            text = f"flag --dynamic_batch_size={quoted(value)}: expected {LEAST_GEARS} to {MOST_GEARS} sizes"
            self._account.warn(self._line, text)
            return
        if self._columns:
            text = f"flag --dynamic_batch_size={quoted(value)}: a manifest has open batch sizes or other open axes"
            self._account.leave(self._line, text)
            return
        self._made.atc["dynamic_batch_size"] = sizes
        self._made.batches = sizes

    def _rows(self, key: str, value: str, extra: int = 0) -> None:
        """Read gears: a row of sizes each, of which ``dynamic_dims`` may begin with open batch sizes."""
        rows = [[each.strip() for each in row.split(",")] for row in value.split(";") if row.strip()]
        wanted = len(self._columns) + extra
        fits = all(len(row) == wanted and None not in map(size_of, row) for row in rows)
        if not fits or not self._columns or extra > 1:
            text = f"flag --{key}={quoted(value)}: expected {wanted} sizes in each gear, as --input_shape has open axes"
            self._account.warn(self._line, text)
            self._unsized()
            return
        if extra:
            self._made.batches = list(dict.fromkeys(int(row[0]) for row in rows))
            if len(self._made.batches) > 1:
                text = (
                    f"flag --{key}={quoted(value)}: the gears' batch sizes are not carried over, their other sizes are"
                )
                self._account.leave(self._line, text)
        gears = list(dict.fromkeys(tuple(int(size) for size in row[extra:]) for row in rows))
        if not LEAST_GEARS <= len(gears) <= MOST_GEARS:
            self._account.warn(
                self._line, f"flag --{key}={quoted(value)}: expected {LEAST_GEARS} to {MOST_GEARS} gears"
            )
            self._unsized()
            return
        if key == "dynamic_image_size" and len(self._columns) == len(_SIDES):
            self._made.atc[key] = [list(gear) for gear in gears]
        else:
            names = self._shared([list(column) for column in zip(*gears, strict=True)])
            self._made.atc["dynamic_dims"] = [dict(zip(names, gear, strict=True)) for gear in gears]

    def _shared(self, columns: Sequence[Sequence[int]]) -> list[str]:
        """Give axes that have the same size in every gear one name."""
        own = [name for _, name in self._columns]
        named = {
            name: own[next(p for p, each in enumerate(columns) if each == columns[place])]
            for place, name in enumerate(own)
        }
        for entry in self._made.inputs.entries:
            entry["shape"] = [named.get(axis, axis) if isinstance(axis, str) else axis for axis in entry["shape"]]
        return [named[name] for name in own]

    def _ranges(self) -> None:
        ranged = {
            (each.name, place): axis
            for each in shapes(self._flags.get("input_shape_range", ""))
            for place, axis in enumerate(each.axes)
        }
        for entry in self._made.inputs.entries:
            for place, name in enumerate(entry["shape"]):
                if not isinstance(name, str) or name == BATCH:
                    continue
                written = next(axis for axis, known in self._columns if known == name)
                match = _RANGE.fullmatch(ranged.get((entry["name"], place), written))
                if match and match[2] != _OPEN and int(match[1]) <= int(match[2]):
                    self._range(name, int(match[1]), int(match[2]))
                else:
                    self._range(name, 1, 1)
                    self.unbounded(name)

    def _range(self, name: str, low: int, high: int) -> None:
        self._made.atc.setdefault("input_shape_range", {})[name] = [low, high]

    def unbounded(self, name: str) -> None:
        """Note an axis of which no flag says how large it gets."""
        self._made.unsaid[f"input_shape_range.{name}"] = "the axis is open, and nothing says its greatest size"

    def _unsized(self) -> None:
        for _, name in self._columns:
            self._range(name, 1, 1)
            self.unbounded(name)


def _counted() -> Iterator[str]:
    number = 1
    while True:
        yield f"axis{number}"
        number += 1


def _is_open(axis: str) -> bool:
    return axis == _OPEN or bool(_RANGE.fullmatch(axis))


def _readable(axis: str) -> bool:
    return is_batch(axis) or _is_open(axis) or size_of(axis) is not None


def _never_set(shape: Shape) -> str:
    left = [axis for axis in shape.axes if not _readable(axis)] or [shape.name]
    return f"; {quoted(left[0])} is no size, and no variable that is set" if "$" in left[0] else ""
