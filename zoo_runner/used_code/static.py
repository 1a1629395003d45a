"""What a source imports, read from its text: also what only a function imports, and nothing that only types need."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.util import resolve_name
from pathlib import Path


@lru_cache(maxsize=4096)
def imported(source: bytes, module: str, *, is_package: bool = False) -> frozenset[str]:
    """Return the dotted names that a source imports: modules, and names in them that may be modules.

    Args:
        source: The text; of one that is no Python nothing is returned.
        module: Its dotted name, for relative imports.
        is_package: Whether it is the ``__init__`` of a package.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return frozenset()
    package = module if is_package else module.rpartition(".")[0]
    return frozenset(name for node in _nodes(tree) for name in _names(node, package))


def closure(entries: Iterable[str], find: Callable[[str], Path | None]) -> dict[str, Path]:
    """Return the modules that entries import, directly or through each other, with their files.

    Args:
        entries: Dotted names.
        find: Returns the file of a module that is to be followed, and ``None`` for all other names.
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


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        try:
            base = resolve_name("." * node.level + (node.module or ""), package)
        except ImportError:  # more dots than packages: it would fail, if it were run
            return
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)
