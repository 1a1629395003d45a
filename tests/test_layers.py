"""What no contract of pyproject.toml says of imports: no circles, what loads late, and what modules may not do."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import pytest

from places import PACKAGES, ROOT

MAX_LINES = 400
STAND_INS = "zoo_runner.testing"

HEAVY = {"torch", "onnx", "onnxsim", "onnxruntime", "cv2", "numba", "matplotlib", "jinja2", "junitparser"}
LOADED_LAZILY = {
    "refinedet_plugin.network": {"torch"},
    "zoo_runner.report.html.compiled": {"jinja2"},
    "zoo_runner.report.junit": {"junitparser"},
    "zoo_networks.mobilenet": {"torch"},
}
"""Modules that do import something heavy at the top: they are themselves only imported where they are needed."""


@dataclass(frozen=True)
class Import:
    """One import: the module doing it, the module it names, and where it stands."""

    importer: str
    target: str
    line: int
    at_top: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.target} (line {self.line})"


@cache
def sources() -> dict[str, Path]:
    """All modules by dotted name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(each for module, path in sources().items() for each in _imports_of(module, path))


def _imports_of(module: str, path: Path) -> Iterator[Import]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            for target in _targets(node, package):
                yield Import(module, target, node.lineno, at_top=node in tree.body)


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = resolve_name("." * node.level + (node.module or ""), package)
    full = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in sources() else base for name in full]


def top_level(module: str) -> str:
    return module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_through_others(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for each in imports():
        if top_level(each.importer) == top_level(each.target) == package:
            graph.setdefault(each.importer, set()).add(each.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_contracts_hold() -> None:
    """Which room may import which stands in pyproject.toml, as contracts of import-linter."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_stand_ins_use_only_errors() -> None:
    used = {
        each.target
        for each in imports()
        if each.importer.startswith(STAND_INS)
        if top_level(each.target) in PACKAGES and not each.target.startswith(STAND_INS)
    }
    assert used == {"zoo_runner.errors"}


def test_the_runner_knows_no_model() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "zoo_runner").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "refinedet" in line.lower()
    ]
    assert found == []


def test_heavy_packages_are_loaded_where_they_are_used() -> None:
    early = [
        str(each)
        for each in imports()
        if each.at_top and top_level(each.target) in HEAVY - LOADED_LAZILY.get(each.importer, set())
    ]
    assert early == []
    assert [str(each) for each in imports() if each.at_top and each.target in LOADED_LAZILY] == []


def test_packages_use_no_scripts_and_no_tests() -> None:
    outside = {path.name for path in ROOT.iterdir() if path.is_dir()} - set(PACKAGES)
    scripts = {path.name for path in (ROOT / "tools").iterdir()}
    assert [str(each) for each in imports() if top_level(each.target) in outside | scripts] == []


def test_only_the_command_line_prints_and_exits() -> None:
    calls = {"print", "exit", "quit", "sys.exit"}
    found = [
        f"{module}: line {node.lineno}: {ast.unparse(node)}"
        for module, path in sources().items()
        if module != "zoo_runner.cli" and not module.startswith(STAND_INS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls
    ]
    assert found == []


def test_modules_stay_short() -> None:
    files = [path for folder in (*PACKAGES, "tools") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
