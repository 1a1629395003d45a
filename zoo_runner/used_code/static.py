"""Reads from a source's text what it imports: also inside functions, but not under ``if TYPE_CHECKING``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Final

_BLOCKS: Final = ("body", "orelse", "handlers", "finalbody", "cases")
"""The fields of a node that have statements, or what has statements."""


@lru_cache(maxsize=4096)
def imported(source: bytes, module: str, *, is_package: bool = False) -> frozenset[str]:
    """Return the dotted names that a source imports: modules, and names in modules, which may be modules themselves.

    Args:
        source: The text. If it is not Python, the result is empty.
        module: Dotted name of the module, for relative imports.
        is_package: Whether the source is the ``__init__`` of a package.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    package = module if is_package else module.rpartition(".")[0]
    return frozenset(name for node in _nodes(tree) for name in _names(node, package))


def closure(entries: Iterable[str], find: Callable[[str], Path | None]) -> dict[str, Path]:
    """Return the files of the entries and of all modules that they import, directly or not, by dotted name.

    Args:
        entries: Dotted names of modules.
        find: Returns the file of a module; ``None`` for a name that is not to be followed.
    """
    found: dict[str, Path] = {}
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name in found or (path := find(name)) is None:
            continue
        found[name] = path
        waiting += imported(path.read_bytes(), name, is_package=path.stem == "__init__")
        if "." in name:
            waiting.append(name.rpartition(".")[0])
    return found


def _nodes(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield all statements of a module, except those under ``if TYPE_CHECKING``; an import is in no expression."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            waiting += node.orelse
        else:
            waiting += (each for name in _BLOCKS for each in getattr(node, name, ()))


def _is_type_checking(test: ast.expr) -> bool:
    match test:
        case ast.Name(id="TYPE_CHECKING") | ast.Attribute(value=ast.Name(id="typing"), attr="TYPE_CHECKING"):
            return True
        case _:
            return False


def _names(node: ast.stmt, package: str) -> Iterator[str]:
    """Yield the dotted names that a node imports; none if it is not an import."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        try:
            base = resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:  # more dots than parent packages: this import would fail
            return
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
