"""A manifest as a tree whose every value knows where it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and list positions that lead from the top of a manifest to a value."""


class _Removed(Enum):
    REMOVED = "removed"


REMOVED: Final = _Removed.REMOVED
"""Stands where an inherited value was taken out by ``null``."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written.

    Attributes:
        source: The file as the user named it, or ``--set KEY``.
        line: Counted from 1; 0 where there are no lines.
        folder: What relative paths in the value are relative to.
        taken: The line of the alias or merge key by which the value stands in this place too; 0 for one that is
            written here.
        merged: Through which mappings a merge key (``<<``) brought it, by their positions in the text, the nearest
            first.
    """

    source: str
    line: int = 0
    folder: Path = Path()
    taken: int = 0
    merged: tuple[int, ...] = ()

    def of_key(self) -> Origin:
        """Return where the key was written; that is elsewhere where an alias stands for the value."""
        return replace(self, line=self.taken, taken=0) if self.taken and not self.merged else self

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its origin. A mapping's entry has the origin of its key."""

    value: Value
    origin: Origin


Value: TypeAlias = "Mapping[str | int, Node] | tuple[Node, ...] | str | float | bool | Literal[_Removed.REMOVED] | None"


def dotted(path: KeyPath) -> str:
    """Write a key path the way ``--set`` takes it."""
    return ".".join(str(key) for key in path)


def merge(base: Node, over: Node) -> Node:
    """Lay one tree over another.

    Mappings are merged key by key; lists and scalars replace what they lie on; ``null`` removes it.
    """
    if over.value is None:
        return Node(REMOVED, over.origin)
    if not (isinstance(base.value, Mapping) and isinstance(over.value, Mapping)):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        merged[key] = merge(merged[key], child) if key in merged else child
    return Node(merged, over.origin)


def plain(node: Node) -> Any:
    """Return the bare values. Lists become tuples, as the schema is immutable."""
    if isinstance(node.value, Mapping):
        return {key: plain(child) for key, child in node.value.items() if child.value is not REMOVED}
    if isinstance(node.value, tuple):
        return tuple(plain(child) for child in node.value)
    return node.value


def origins(node: Node, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Origin]]:
    """List the origin of every value, removed ones included."""
    yield path, node.origin
    if isinstance(node.value, Mapping):
        for key, child in node.value.items():
            yield from origins(child, (*path, key))
    elif isinstance(node.value, tuple):
        for position, child in enumerate(node.value):
            yield from origins(child, (*path, position))


def texts(node: Node) -> Iterator[str]:
    """Yield every value that is a text."""
    if isinstance(node.value, Mapping):
        for child in node.value.values():
            yield from texts(child)
    elif isinstance(node.value, tuple):
        for child in node.value:
            yield from texts(child)
    elif isinstance(node.value, str):
        yield node.value
