"""How the tests are built: each module is tested in its own room, through the door that others use."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from places import PACKAGES, ROOT

TESTS = ROOT / "tests"

ELSEWHERE = {
    "zoo_runner.runner": "tests/support/lab.py calls it",
    "zoo_runner.commands.*": "tests of the room start zoo-run",
    "zoo_runner.draft.drafting": "commands/test_new.py starts zoo-run new",
    "zoo_runner.reuse.*": "tests of the room start zoo-run",
    "zoo_runner.pack.pack": "tests of the room start zoo-run",
    "zoo_runner.testing.*": "stand-ins of other programs: tests of the room start them",
    "zoo_runner.stages.*stage": "a page of the run: test_runner.py and its neighbours call it with the pages around it",
    "zoo_runner.job.*": "keys and names of steps: test_runner_reuse.py shows what a change does again",
    "zoo_runner.stages.gate.fitting": "test_runner.py shows what does not fit",
    "zoo_runner.stages.predict.command_outputs": "tests/ascend runs the command",
    "zoo_runner.stages.threads": "evaluate/test_accumulation.py shows what its threads do",
    "zoo_runner.plugin.*": "protocols: whoever implements them is tested",
}
"""Modules that no test of their room reaches, as patterns, and where else they are tested."""
PRIVATE = {
    "conftest.py": "_executed _first _opened",
    "zoo_runner/used_code/conftest.py": "_opened _apart _roots",
    "zoo_runner/used_code/test_opened.py": "_outdated _digest",
    "zoo_runner/backends/devices/test_pool.py": "_GRACE_S",
    "zoo_runner/stages/convert/test_engine.py": "_folded",
}
"""Private names that tests use all the same, by file: what a process keeps for its life is set back between tests."""


@cache
def trees() -> dict[Path, ast.Module]:
    return {path.relative_to(TESTS): ast.parse(path.read_text()) for path in sorted(TESTS.rglob("*.py"))}


def modules() -> Iterator[tuple[str, Path]]:
    """Public modules, with the folder of ``tests`` that is their room."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            inside = path.relative_to(ROOT)
            if not inside.stem.startswith("_"):
                yield ".".join(inside.with_suffix("").parts), inside.parent


def imported_by(tree: ast.Module) -> set[str]:
    """Everything named in imports that may be a module."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached(rooms: Mapping[str, Path]) -> set[str]:
    """Return modules that a test of their room imports, and what those import of the same room."""
    imported = {(room, name) for path, tree in trees().items() for name in imported_by(tree) for room in path.parents}
    found = {module for module, room in rooms.items() if (room, module) in imported}
    left = list(found)
    while left:
        module = left.pop()
        names = imported_by(ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text()))
        more = {name for name in names & rooms.keys() if rooms[name] == rooms[module]} - found
        found |= more
        left += more
    return found


def test_each_public_module_is_reached_by_a_test_of_its_room() -> None:
    rooms = dict(modules())
    alone = rooms.keys() - reached(rooms)
    unsaid = {module for module in alone if not any(fnmatch.fnmatchcase(module, pattern) for pattern in ELSEWHERE)}
    assert unsaid == set(), "write a test of what they promise"
    assert [pattern for pattern in ELSEWHERE if not fnmatch.filter(alone, pattern)] == [], "exceptions that are none"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(tree: ast.Module) -> Iterator[str]:
    """Private names that are imported, patched, or reached on anything but itself and Python's modules."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", "os", "sys"}):
                yield node.attr
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("attr"):
            words = (each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str))
            yield from (word.rpartition(".")[2] for word in words if is_private(word.rpartition(".")[2]))


def test_what_is_private_stays_private() -> None:
    found = {str(path): set(private_names(tree)) for path, tree in trees().items()}
    allowed = {path: set(names.split()) for path, names in PRIVATE.items()}
    more = {path: names - allowed.get(path, set()) for path, names in found.items()}
    assert {path: names for path, names in more.items() if names} == {}, "state the contract by what others may call"
