"""The rooms of the code and which imports which, from the imports themselves."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import grimp

from reference.markdown import code, inline, table

PACKAGES: Final = (
    "refinedet_plugin",
    "zoo_classification",
    "zoo_detection",
    "zoo_images",
    "zoo_networks",
    "zoo_text",
    "zoo_runner",
    "zoo_segmentation",
)
DIVIDED: Final = ("zoo_runner", "zoo_runner.stages", "zoo_detection")
"""Packages whose parts are rooms of their own."""
APART: Final = "zoo_runner.testing"
"""The stand-ins for the Ascend tools: another program, which nothing imports."""


def rooms() -> dict[str, frozenset[str]]:
    """Return every room with the rooms that it imports; imports for types count like any other."""
    graph = grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)
    found: dict[str, set[str]] = {}
    for module in graph.modules - {*PACKAGES, *DIVIDED}:
        targets = map(room_of, graph.find_modules_directly_imported_by(module) - {*PACKAGES, *DIVIDED})
        found.setdefault(room_of(module), set()).update(targets)
    return {room: frozenset(targets - {room}) for room, targets in sorted(found.items())}


def room_of(module: str) -> str:
    """Return the room that a module is in."""
    inside = max((each for each in DIVIDED if module.startswith(f"{each}.")), key=len, default="")
    rest = module[len(inside) :].lstrip(".")
    return f"{inside}.{rest.partition('.')[0]}".lstrip(".")


def direct(graph: Mapping[str, frozenset[str]]) -> Iterator[tuple[str, str]]:
    """Yield the arrows that remain when those are left out that follow from others."""
    for room, targets in graph.items():
        beyond = {each for target in targets for each in _reached(target, graph)}
        yield from ((room, target) for target in sorted(targets - beyond))


def _reached(room: str, graph: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Return what a room imports, by itself or through others."""
    return graph[room].union(*(_reached(each, graph) for each in graph[room]))


def picture() -> str:
    """Return the rooms as a diagram in Mermaid's words, from the top down."""
    graph = {room: targets for room, targets in rooms().items() if room != APART}
    lines = [f"    {_name(room)} --> {_name(target)}" for room, target in direct(graph)]
    names = [f'    {_name(room)}["{room.removeprefix("zoo_runner.")}"]' for room in graph]
    return "\n".join(["```mermaid", "flowchart TD", *names, *lines, "```"])


def listing() -> str:
    """Return a table of the rooms with what is in each."""
    return table(["room", "what is in it"], [[code(room), inline(_said(room))] for room in rooms()])


def _name(room: str) -> str:
    return room.replace(".", "_")


def _said(room: str) -> str:
    """Return the first line of a room's docstring."""
    spec = find_spec(room)
    text = Path(spec.origin).read_text(encoding="utf-8") if spec is not None and spec.origin else ""
    return (ast.get_docstring(ast.parse(text)) or "").partition("\n")[0]
