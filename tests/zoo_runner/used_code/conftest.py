"""Modules and distributions that are made for a test and are gone after it."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zoo_runner.used_code import opened
from zoo_runner.used_code.executed import watch

Write = Callable[..., Path]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on the import path; what is imported from it, or opened, is forgotten afterwards."""
    watch()
    monkeypatch.setattr(opened, "_opened", {})
    monkeypatch.setattr(opened, "_apart", set())
    monkeypatch.setattr(opened, "_roots", set())
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(
            getattr(sys.modules[name], "__file__", None) or vars(sys.modules[name]).get("__path__")
        ):
            del sys.modules[name]
    importlib.invalidate_caches()


@pytest.fixture
def write(site: Path) -> Write:
    """Write a file below the folder."""

    def write_file(name: str, text: str = "", *, folder: Path = site) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        importlib.invalidate_caches()
        return path

    return write_file


@pytest.fixture
def installed(tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a distribution into a folder of installed ones, as from a wheel; returns that folder."""

    def install(
        name: str, version: str, files: dict[str, str], *, where: str = "venv", requires: tuple[str, ...] = ()
    ) -> Path:
        folder = tmp_path / where / "site-packages"
        info = f"{name}-{version}.dist-info"
        for old in folder.glob(f"{name}-*"):
            for path in [*old.iterdir(), old]:
                path.rmdir() if path.is_dir() else path.unlink()
        rows = []
        for inside, text in files.items():
            write(inside, text, folder=folder)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            rows.append(f"{inside},sha256={digest},{len(text)}")
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        write(f"{info}/METADATA", "\n".join([*lines, *(f"Requires-Dist: {each}" for each in requires)]), folder=folder)
        write(f"{info}/RECORD", "\n".join([*rows, f"../../bin/{where},sha256=x,1", f"{info}/RECORD,,"]), folder=folder)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(folder)
        return folder

    return install
