"""Foreign code can be imported inside the block only, and is known by what it can import."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import ExportError
from zoo_runner.stages.export.foreign_imports import distributions_of, importable
from zoo_runner.used_code.record import Disk


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "far_package").mkdir()
    (tmp_path / "far_package" / "inner.py").write_text("import numpy\nimport far_module\nimport no_such_thing\n")
    (tmp_path / "far_module.py").write_text("VALUE = 3\n")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "README").write_text("no code")
    return tmp_path


def test_it_is_there_inside_and_gone_afterwards(tree: Path) -> None:
    before = list(sys.path)
    with importable(tree):
        assert importlib.import_module("far_module").VALUE == 3
        (copy,) = {*sys.path} - {*before}
        assert not Path(copy).is_relative_to(tree)
    assert sys.path == before
    assert not Path(copy).exists()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("far_module")


def test_it_is_gone_after_an_error_too(tree: Path) -> None:
    (tree / "far_module.py").write_text("raise ValueError('inside')\n")
    before = list(sys.path)
    with pytest.raises(ValueError, match="inside"), importable(tree):
        importlib.import_module("far_module")
    assert sys.path == before
    assert "far_module" not in sys.modules


def test_nothing_is_nothing() -> None:
    before = list(sys.path)
    with importable(None):
        assert sys.path == before


def test_names_that_are_taken(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "far_package.of_another", sys)
    with pytest.raises(ExportError, match=r"^expected to import far_package of the manifest's code"), importable(tree):
        pass


def test_the_distributions_that_it_can_import(tree: Path) -> None:
    assert distributions_of(tree, Disk()) == {"numpy": np.__version__}
