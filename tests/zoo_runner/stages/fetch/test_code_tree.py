"""Foreign code is unpacked, patched and kept; what it requires must be there."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab
from zoo_runner.errors import ManifestError, PrerequisiteError, StageError
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.stages.fetch.code_tree import code_tree
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import Listener

MET = "['numpy>=1', \"nothing; python_version<'3'\"]"
"""Requirements, of which the second is for another Python."""


@pytest.fixture
def job(lab: Lab, tmp_path: Path, listener: Listener) -> Job:
    """A job of a manifest with code of two files, below one folder."""
    return made(lab, tmp_path, listener, {"net/src/far.py": "x = 1\n", "net/setup.py": "\n"})


def made(lab: Lab, tmp_path: Path, listener: Listener, files: dict[str, str], *more: str) -> Job:
    archive = tmp_path / "code.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    lines = [
        "extends: trial.yaml",
        "code:",
        f"  url: {archive}",
        f"  commit: {'0a' * 20}",
        f"  sha256: {digest}",
    ]
    path = lab.folder / "coded.yaml"
    path.write_text("\n".join([*lines, *more, ""]))
    options = RunOptions(output=tmp_path / "out")
    recipe = resolve(load(path), options)
    journal = Journal(loaded=recipe.loaded, progress=listener)
    return Job(recipe=recipe, options=options, store=Store(tmp_path / "cache"), journal=journal, backend=None)


def names(job: Job) -> list[str]:
    tree = code_tree(job)
    assert tree is not None
    return sorted(path.relative_to(tree.path).as_posix() for path in tree.path.rglob("*") if path.is_file())


def test_the_only_folder_at_the_top_is_the_code(job: Job) -> None:
    assert names(job) == ["setup.py", "src/far.py"]
    assert names(job) == ["setup.py", "src/far.py"]  # kept


@pytest.mark.parametrize(
    ("files", "more", "found"),
    [
        pytest.param({"far.py": "", "near.py": ""}, (), ["far.py", "near.py"], id="no folder"),
        pytest.param({"far.py": ""}, (), ["far.py"], id="one file"),
        pytest.param({"net/src/far.py": "", "net/x": ""}, ("  subdir: src",), ["far.py"], id="subdir"),
        pytest.param(
            {"far.py": ""}, ("  requires: ['numpy>=1', \"nothing; python_version<'3'\"]",), ["far.py"], id="met"
        ),
    ],
)
def test_what_is_importable(
    lab: Lab, tmp_path: Path, listener: Listener, files: dict[str, str], more: tuple[str, ...], found: list[str]
) -> None:
    assert names(made(lab, tmp_path, listener, files, *more)) == found


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ("  subdir: nowhere", StageError, r"coded\.yaml:6: code\.subdir: expected a folder of \S+code\.zip, found no"),
        ("  requires: [nothing-at-all]", PrerequisiteError, r"found not installed; pip install 'nothing-at-all'$"),
        ("  requires: [numpy<1]", PrerequisiteError, r"expected numpy<1, found \S+; pip install 'numpy<1'$"),
        ("  requires: [a b]", ManifestError, r"coded\.yaml:6: code\.requires\.0: .*, found 'a b'$"),
    ],
)
def test_what_is_not_there(
    lab: Lab, tmp_path: Path, listener: Listener, more: str, error: type[Exception], message: str
) -> None:
    job = made(lab, tmp_path, listener, {"far.py": ""}, more)
    with pytest.raises(error, match=message):
        code_tree(job)


def test_a_manifest_without_code(lab: Lab, tmp_path: Path, listener: Listener) -> None:
    options = RunOptions(output=tmp_path / "out")
    recipe = resolve(load(lab.folder / "trial.yaml"), options)
    journal = Journal(loaded=recipe.loaded, progress=listener)
    store = Store(tmp_path / "cache")
    assert code_tree(Job(recipe=recipe, options=options, store=store, journal=journal, backend=None)) is None
