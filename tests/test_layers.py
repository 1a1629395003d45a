"""Which module may import which: read from the sources, so that a lazy import counts like any other."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("zoo_runner", "refinedet_plugin")
MAX_LINES = 400

LAYERS = (
    ("errors",),
    ("interfaces", "options", "fingerprints", "redaction", "cann", "npu_smi", "process", "report.changes"),
    ("hookspecs", "evidence", "speed", "artifacts", "aipp", "report.model"),
    ("manifest", "report", "ledger"),
    ("plugins", "om_stamp", "gallery", "history"),
    ("backends", "recipe", "doctor", "proposal"),
    ("stages", "report.terminal"),
    ("baseline",),
    ("comparison",),
    ("journal",),
    ("job",),
    ("preparation", "scoring", "timing", "plan", "evaluation"),
    ("runner",),
    ("commands",),
    ("cli",),
)
"""Parts of ``zoo_runner`` from the bottom up: each imports only from rows above its own, here in the text.

A part is a package or module; parts in one row do not know each other.
"""
APART = "testing"
"""The stand-ins are another program: they use ``errors``, and nothing uses them."""
PUBLIC = {f"zoo_runner.{name}" for name in ("interfaces", "evidence", "speed", "hookspecs", "errors")}
"""All that a plugin may import, as ``docs/write-a-plugin.md`` says."""
HEAVY = {"torch", "onnx", "onnxsim", "onnxruntime", "cv2", "numba", "matplotlib", "jinja2", "junitparser"}
LOADED_LAZILY = {"refinedet_plugin.network": {"torch"}, "zoo_runner.report.junit": {"junitparser"}}
"""Modules that do import something heavy at the top: they are themselves only imported where they are needed."""


@dataclass(frozen=True)
class Import:
    """One import: the module doing it, the module it names, and where it stands."""

    importer: str
    target: str
    line: int
    at_top: bool
    for_types: bool

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
    guarded = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            package = module if path.name == "__init__.py" else module.rpartition(".")[0]
            for target in _targets(node, package):
                yield Import(module, target, node.lineno, at_top=node in tree.body, for_types=node in guarded)


def _targets(node: ast.Import | ast.ImportFrom, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    base = resolve_name("." * node.level + (node.module or ""), package)
    full = [f"{base}.{alias.name}" for alias in node.names]
    return [name if name in sources() else base for name in full]


def top_level(module: str) -> str:
    return module.partition(".")[0]


def part(module: str) -> str:
    """The part of ``zoo_runner`` that a module belongs to: its own entry in the table, or its package's."""
    inside = module.removeprefix("zoo_runner").lstrip(".")
    named = {name for row in LAYERS for name in row}
    return inside if inside in named else inside.partition(".")[0]


def in_runner(module: str) -> bool:
    """Leave out packages without code."""
    return top_level(module) == "zoo_runner" and module not in {"zoo_runner", "zoo_runner.report"}


def test_the_table_names_every_part_and_no_other() -> None:
    named = [name for row in LAYERS for name in row]
    assert len(named) == len(set(named))
    assert {part(module) for module in sources() if in_runner(module)} == {*named, APART}


def test_the_import_graph_points_down() -> None:
    height = {name: level for level, row in enumerate(LAYERS) for name in row}
    upwards = [
        str(each)
        for each in imports()
        if in_runner(each.importer) and in_runner(each.target) and part(each.importer) != APART
        if part(each.importer) != part(each.target)
        if part(each.target) == APART or height[part(each.target)] >= height[part(each.importer)]
    ]
    assert upwards == []


def test_the_stand_ins_are_apart() -> None:
    used = {
        each.target
        for each in imports()
        if part(each.importer) == APART and top_level(each.target) in PACKAGES and part(each.target) != APART
    }
    assert used <= {"zoo_runner.errors"}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_through_others(package: str) -> None:
    graph: dict[str, set[str]] = {}
    for each in imports():
        if top_level(each.importer) == top_level(each.target) == package and not each.for_types:
            graph.setdefault(each.importer, set()).add(each.target)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_the_plugin_uses_only_what_is_public() -> None:
    used = {
        each.target: str(each)
        for each in imports()
        if top_level(each.importer) == "refinedet_plugin" and top_level(each.target) == "zoo_runner"
    }
    assert [text for target, text in used.items() if target not in PUBLIC] == []


def test_the_runner_knows_no_model() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (ROOT / "zoo_runner").rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if "refinedet" in line.lower().replace("refinedet-plugin", "")  # which is what the distribution is called
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
        if part(module) not in {"cli", APART}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in calls
    ]
    assert found == []


def test_modules_stay_short() -> None:
    files = [path for folder in (*PACKAGES, "tools") for path in (ROOT / folder).rglob("*.py")]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}
