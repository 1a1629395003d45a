"""Compiling in the background: when it starts, and machines where it cannot work."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from places import ROOT
from refinedet_plugin.candidates import LARGEST, PICK
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.preprocess import SHIFT, RefineDetPreprocess
from zoo_detection import nms_compiled
from zoo_detection.compiled import WORTHWHILE, Compiled, begin, compiled
from zoo_runner.plugin.speed import Warmable

SIGNATURE = "intp(intp, intp)"

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="numba is an extra")


def add(one: int, other: int) -> int:
    return one + other


def subtract(one: int, other: int) -> int:
    return one - other


def nothing_installed(name: str) -> None:
    assert name == "numba"


def compiling() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "compile"]


@needs_numba
@pytest.mark.parametrize(
    ("images", "expected"), [(0, False), (WORTHWHILE - 1, False), (WORTHWHILE, True)], ids=["none", "few", "many"]
)
def test_begins_where_it_is_worth_while(images: int, expected: bool) -> None:
    functions = Compiled(add, SIGNATURE), Compiled(subtract, SIGNATURE)
    begin(images, *functions)
    for thread in compiling():
        thread.join()
    kernels = [function.ready() for function in functions]
    assert [None if kernel is None else kernel(5, 3) for kernel in kernels] == ([8, 2] if expected else [None, None])


@needs_numba
@pytest.mark.parametrize("part", [RefineDetPreprocess, RefineDetPostprocess])
def test_the_runner_can_tell_the_parts_to_begin(part: type[RefineDetPreprocess | RefineDetPostprocess]) -> None:
    made = part(RefineDetConfig())
    assert isinstance(made, Warmable)
    made.warm(WORTHWHILE - 1)
    assert compiling() == []
    made.warm(WORTHWHILE)
    for thread in compiling():
        thread.join()
    kernels = [SHIFT] if part is RefineDetPreprocess else [LARGEST, PICK, nms_compiled.SCAN]
    assert None not in [kernel.ready() for kernel in kernels]


@needs_numba
def test_waiting_gives_the_same_function_every_time() -> None:
    function = Compiled(add, SIGNATURE)
    assert function.ready() is None
    assert function.wait() is function.wait() is function.ready() is not None


def test_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", nothing_installed)
    assert compiled(add, SIGNATURE) is None
    function = Compiled(add, SIGNATURE)
    assert [function.ready(), function.wait(), function.ready()] == [None] * 3


@needs_numba
def test_what_does_not_compile_is_logged_and_left_to_numpy(caplog: pytest.LogCaptureFixture) -> None:
    function = Compiled(add, "intp(no such type)")
    with caplog.at_level(logging.WARNING):
        assert function.wait() is None
    assert caplog.messages == ["numba does not compile here; numpy does the work"]


CODE = """
import json, logging, sys
logging.basicConfig(level=logging.WARNING)
from zoo_detection import nms_compiled
assert "numba" not in sys.modules
kernel = nms_compiled.SCAN.wait()
print("numpy" if kernel is None else "cached" if kernel.stats.cache_hits else "compiled")
"""


def run(folder: Path, **environment: str) -> str:
    """What a new process does that finds the package in ``folder``, with an empty home."""
    env = {**os.environ, "PYTHONPATH": str(folder), "HOME": str(folder / "home"), **environment}
    env.pop("XDG_CACHE_HOME", None)
    done = subprocess.run([sys.executable, "-c", CODE], cwd=folder, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with an own copy of the packages, without what was compiled before."""
    for name in ("refinedet_plugin", "zoo_detection", "zoo_runner"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "sample"))
    return tmp_path


@needs_numba
def test_compiles_once_a_machine(package: Path) -> None:
    assert run(package) == "compiled"
    assert run(package) == "cached"


@needs_numba
def test_cache_folder_of_the_users_choice(package: Path) -> None:
    chosen = str(package / "chosen")
    assert run(package, NUMBA_CACHE_DIR=chosen) == "compiled"
    assert run(package, NUMBA_CACHE_DIR=chosen) == "cached"
    assert not list(package.rglob("refinedet_plugin/**/*.nbi")) + list(package.rglob("zoo_detection/**/*.nbi"))


@needs_numba
def test_nowhere_to_keep_it(package: Path) -> None:
    """The package lies in a file's place, so to speak: neither folder for the cache can be made."""
    for name in ("refinedet_plugin", "zoo_detection"):
        (package / name / "__pycache__").write_text("a file, so no folder of this name can be made")
    (package / "home").write_text("likewise")
    assert run(package, PYTHONDONTWRITEBYTECODE="1") == "compiled"
    assert run(package, PYTHONDONTWRITEBYTECODE="1") == "compiled"


@needs_numba
def test_told_not_to_compile(package: Path) -> None:
    assert run(package, NUMBA_DISABLE_JIT="1") == "numpy"
