"""The inputs and outputs of a recipe's model: by the ``atc`` command, and by the tables of inputs and outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.atc import BATCH_NAMES
from zoo_runner.importing.commands import VARIABLE
from zoo_runner.importing.numbers import plain
from zoo_runner.manifest.tensors import TENSOR
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Row, Table

_DTYPES: Final = (
    ("float16", r"float16|fp16|\bhalf"),
    ("uint8", r"uint8|\bu8"),
    ("int8", r"int8"),
    ("int32", r"int32"),
    ("int64", r"int64|\blong"),
    ("float32", r"float32|fp32|\bfloat"),
)
_TYPE: Final = re.compile(r"数据类型|data ?type|dtype|类型|\btype")
_SIZE: Final = re.compile(r"大小|尺寸|形状|shape|size|dims?\b|维度")
_INPUT: Final = re.compile(r"输入|input")
_OUTPUT: Final = re.compile(r"输出|output")
_BETWEEN: Final = re.compile(r"\s*[x×*,，]\s*|\s+", re.IGNORECASE)  # noqa: RUF001 - as recipes write it
_OPEN: Final = "-1"
_MOST_TENSORS: Final = 64
_MOST_AXES: Final = 8


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A row of a table of inputs or outputs: name, type as a manifest has it, and axes as they are written."""

    name: str
    dtype: str
    axes: tuple[str, ...]
    line: int


@dataclass(kw_only=True)
class Tensors:
    """The section ``inputs`` or ``outputs``, with the keys in it that the recipe does not say.

    Attributes:
        entries: As a manifest has them.
        unsaid: Keys below ``inputs`` or ``outputs``, and why; an empty key is all of it.
    """

    entries: list[dict[str, Any]] = field(default_factory=list)
    unsaid: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One input as ATC is told of it: its axes as they are written, variables filled in where that is possible."""

    name: str
    axes: tuple[str, ...]


def tensor_table(table: Table, account: Account) -> tuple[str, tuple[Listed, ...]]:
    """Read a table of inputs or outputs.

    Returns:
        ``inputs`` or ``outputs``, and its rows; the first is empty for another table.
    """
    titles = [plain(each).lower() for each in table.header.cells]
    size = next((place for place, title in enumerate(titles) if _SIZE.search(title) and place), None)
    dtype = next((place for place, title in enumerate(titles) if _TYPE.search(title) and place), None)
    if not titles or size is None:
        return "", ()
    about = f"{titles[0]} {plain(table.heading).lower()}" if not _is_either(titles[0]) else titles[0]
    if not _is_either(about):
        return "", ()
    kind = "outputs" if _OUTPUT.search(about) else "inputs"
    return kind, tuple(_listed(row, size, dtype, account) for row in table.rows[:_MOST_TENSORS])


def _is_either(text: str) -> bool:
    return bool(_INPUT.search(text) or _OUTPUT.search(text))


def _listed(row: Row, size: int, dtype: int | None, account: Account) -> Listed:
    cells = dict(enumerate(row.cells))
    written = plain(cells.get(dtype, "")).lower() if dtype is not None else ""
    found = next((name for name, words in _DTYPES if re.search(words, written)), "")
    if written and not found:
        account.warn(
            row.line, f"row {quoted(' | '.join(row.cells))}: expected a type as float32, found {quoted(written)!r}"
        )
    axes = tuple(each for each in _BETWEEN.split(plain(cells.get(size, "")).strip("[]() ")) if each)
    return Listed(name=plain(cells.get(0, "")), dtype=found, axes=axes[:_MOST_AXES], line=row.line)


def shapes(text: str) -> tuple[Shape, ...]:
    """Read the value of ``--input_shape`` or ``--input_shape_range``."""
    parts = [part for part in re.split(r";|(?<=\]),", text) if ":" in part]
    found = []
    for part in parts[:_MOST_TENSORS]:
        name, _, axes = part.strip().rpartition(":")
        found.append(Shape(name=name.strip(), axes=tuple(each.strip() for each in axes.strip("[] ").split(","))))
    return tuple(found)


def is_batch(axis: str) -> bool:
    """Say whether an axis, as it is written, is that of the batch."""
    match = VARIABLE.fullmatch(axis)
    return bool(BATCH_NAMES.fullmatch((match[1] or match[2]) if match else axis))


def size_of(axis: str) -> int | None:
    """Return the size of a fixed axis; ``None`` for other ones."""
    return int(axis) if re.fullmatch("[1-9][0-9]{0,8}", axis) else None


def outputs(listed: Sequence[Listed], nodes: Sequence[str], batched: bool) -> Tensors:
    """Make the section ``outputs``.

    Args:
        listed: The table of outputs.
        nodes: The nodes that ATC is told of, for their number where there is no table.
        batched: Whether the inputs have a batch axis, so that the outputs' first axis is one.
    """
    made = Tensors()
    if not listed:
        names = [
            node if ":" not in node and re.fullmatch(TENSOR, node) else f"output_{place}"
            for place, node in enumerate(nodes)
        ]
        made.entries = [{"name": name, "dtype": "float32", "shape": [BATCH, 1]} for name in names or ["output_0"]]
        made.unsaid[""] = "the recipe has no table of outputs"
    for place, each in enumerate(listed):
        entry = {"name": _name(each.name, "output", place, made), "dtype": each.dtype or "float32"}
        if not each.dtype:
            made.unsaid[f"{place}.dtype"] = "the table does not say it"
        made.entries.append({**entry, "shape": _listed_shape(each, place, made, batched=batched)})
    return made


def _name(written: str, noun: str, place: int, made: Tensors) -> str:
    if re.fullmatch(TENSOR, written) and written not in {entry["name"] for entry in made.entries}:
        return written
    made.unsaid[f"{place}.name"] = f"the table has {quoted(written)!r}" if written else "the table does not say it"
    return f"{noun}_{place}"


def _listed_shape(each: Listed, place: int, made: Tensors, *, batched: bool) -> list[int | str]:
    """Return a shape; the first axis is the batch's where the inputs have one, also where it is written as a number."""
    first, rest = each.axes[:1], each.axes[1:]
    has_batch = bool(first) and (is_batch(first[0]) or first[0] == _OPEN or batched)
    fixed = rest if has_batch else each.axes
    sizes = [size_of(axis) for axis in fixed]
    if not each.axes or None in sizes:
        made.unsaid[f"{place}.shape"] = f"the table has {quoted(' x '.join(each.axes)) or 'none'}"
    return [*([BATCH] if has_batch or not each.axes else []), *(size or 1 for size in sizes)]


def inputs_of_table(listed: Sequence[Listed]) -> Tensors:
    """Make the section ``inputs`` where no command says the shapes."""
    made = Tensors()
    if not listed:
        made.entries = [{"name": "input_0", "dtype": "float32", "shape": [BATCH, 1]}]
        made.unsaid[""] = "neither a command nor a table says them"
    for place, each in enumerate(listed):
        entry = {"name": _name(each.name, "input", place, made), "dtype": each.dtype or "float32"}
        if not each.dtype:
            made.unsaid[f"{place}.dtype"] = "the table does not say it"
        made.entries.append({**entry, "shape": _listed_shape(each, place, made, batched=True)})
    return made


def with_types(
    made: Tensors, listed: Sequence[Listed], command_line: int, account: Account, *, own_aipp: bool
) -> Tensors:
    """Give inputs that a command names the types of the table of inputs.

    Args:
        made: The inputs by the command.
        listed: The table, whose rows are taken by name, or by position where there are as many.
        command_line: Of the command.
        account: Is told where the two contradict each other.
        own_aipp: Whether an AIPP file changes what the model takes, so that the table is not about the network.
    """
    by_name: Mapping[str, Listed] = {each.name: each for each in listed}
    for place, entry in enumerate(made.entries):
        row = by_name.get(entry["name"]) or (listed[place] if len(listed) == len(made.entries) else None)
        if row is None or not row.dtype:
            made.unsaid[f"{place}.dtype"] = "no table says it"
        elif own_aipp and not row.dtype.startswith("float"):
            text = f"the table has {row.dtype}, which is what the model takes with AIPP, and not the network"
            made.unsaid[f"{place}.dtype"] = text
        else:
            entry["dtype"] = row.dtype
        if row is not None and not own_aipp and _contradicts(entry["shape"], row):
            axes = " x ".join(map(str, entry["shape"]))
            text = f"input {quoted(row.name)}: {quoted(' x '.join(row.axes))}, and line {command_line} has {axes}"
            account.warn(row.line, f"{text}; the command is taken")
    if listed and len(listed) != len(made.entries):
        text = f"table of {len(listed)} inputs, and line {command_line} has {len(made.entries)}"
        account.warn(listed[0].line, f"{text}; the command is taken")
    return made


def _contradicts(shape: Sequence[int | str], row: Listed) -> bool:
    sizes = [size_of(axis) for axis in row.axes]
    pairs = zip(shape, sizes, strict=False)
    differs = any(isinstance(axis, int) and size is not None and axis != size for axis, size in pairs)
    return bool(row.axes) and (len(shape) != len(row.axes) or differs)
