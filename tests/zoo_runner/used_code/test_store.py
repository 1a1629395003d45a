"""Entries of the store by the code that made them, and what is not kept."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.errors import StageError
from zoo_runner.store.store import Store
from zoo_runner.used_code.collecting import Step
from zoo_runner.used_code.store import KEPT, CodedStore, StepCode

Write = Callable[..., Path]


class Shelf:
    """A store as a step sees it in a new run each time, and what it is told."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.heard: list[str] = []
        self.made = 0

    def code(self) -> StepCode:
        return StepCode(Step(name="step", entries=(), packages=("zz_plugin",)), self.store.root, self.heard.append)

    def build(self, key: str = "key", store: Store | None = None, during: Callable[[], object] = int) -> str:
        def make(folder: Path) -> None:
            self.made += 1
            (folder / "inner").mkdir()
            (folder / "inner" / "made").write_text(str(self.made))
            during()

        built = CodedStore(store or self.store, self.code()).build("kind", key, make)
        return (built.path / "inner" / "made").read_text()


@pytest.fixture
def shelf(tmp_path: Path, write: Write) -> Shelf:
    write("zz_plugin.py", "x = 1")
    importlib.import_module("zz_plugin")
    return Shelf(tmp_path / "store")


def edit(write: Write, text: str) -> None:
    """Change the plugin, and load it as a new process would."""
    write("zz_plugin.py", text)
    sys.modules.pop("zz_plugin", None)
    importlib.import_module("zz_plugin")


def test_what_the_same_code_made_is_found(shelf: Shelf, write: Write) -> None:
    assert [shelf.build(), shelf.build(), shelf.build("other")] == ["1", "1", "2"]
    edit(write, "x = 22")
    assert [shelf.build(), shelf.build()] == ["3", "3"]
    edit(write, "x = 1")
    assert shelf.build() == "1"
    assert CodedStore(shelf.store, shelf.code()).lookup("kind", "key") is not None
    assert CodedStore(shelf.store, shelf.code()).lookup("kind", "none") is None
    assert shelf.heard == []


def test_nothing_is_made_in_a_frozen_store(shelf: Shelf, write: Write) -> None:
    frozen = shelf.store.frozen("--from infer")
    with pytest.raises(StageError, match=r"--from infer: expected what an earlier run made \(kind\), found none"):
        shelf.build(store=frozen)
    shelf.build()
    assert shelf.build(store=frozen) == "1"
    edit(write, "x = 22")
    with pytest.raises(StageError, match="found none"):
        shelf.build(store=frozen)


def test_code_that_changes_under_the_run_makes_nothing_that_is_found_later(shelf: Shelf, write: Write) -> None:
    path = write("zz_plugin.py", "x = 1")
    assert shelf.build(during=lambda: write("zz_plugin.py", "x = 22")) == "1"
    assert shelf.heard == [
        f"step: {path} was changed after it was loaded; what was made now is not kept for later runs"
    ]
    assert shelf.build() == "2"
    edit(write, "x = 22")
    assert [shelf.build(), shelf.build()] == ["3", "3"]


def test_what_this_process_does_not_run_is_not_found(shelf: Shelf, write: Write) -> None:
    shelf.build()
    edit(write, "x = 22")
    write("zz_plugin.py", "x = 1")  # the record holds again, but not for what is loaded
    assert shelf.build() == "2"


def test_a_module_that_is_loaded_late_belongs_to_what_it_made(shelf: Shelf, write: Write) -> None:
    write("zz_late.py", "x = 1")
    code = shelf.code()
    store = CodedStore(shelf.store, code)

    def make(folder: Path) -> None:
        (folder / "made").touch()

    def make_later(folder: Path) -> None:
        importlib.import_module("zz_late")
        make(folder)

    first, again = store.build("kind", "first", make), store.build("kind", "second", make_later)
    assert (first.reused, again.reused, len(list(code.folder.iterdir()))) == (False, False, 2)
    new = CodedStore(shelf.store, shelf.code())
    assert new.lookup("kind", "first") is not None
    assert new.lookup("kind", "second") is not None
    write("zz_late.py", "x = 22")
    sys.modules.pop("zz_late")
    new = CodedStore(shelf.store, shelf.code())
    assert new.lookup("kind", "first") is not None
    assert new.lookup("kind", "second") is None


def test_the_same_is_made_by_one_at_a_time(shelf: Shelf) -> None:
    meeting = threading.Event()
    thread = threading.Thread(target=lambda: shelf.build(during=lambda: meeting.wait(20)))
    thread.start()
    while not list(shelf.store.root.glob("kind/.key.made/*")):
        meeting.wait(0.01)
    waited: list[int] = []

    def make(_folder: Path) -> None:
        raise AssertionError

    def on_wait() -> None:
        waited.append(1)
        meeting.set()

    built = CodedStore(shelf.store, shelf.code()).build("kind", "key", make, on_wait=on_wait)
    thread.join(20)
    assert (built.reused, waited) == (True, [1])
    assert not list(shelf.store.root.glob("kind/.key.made"))


def test_only_some_records_are_kept(shelf: Shelf, write: Write) -> None:
    shelf.build()
    folder = shelf.code().folder
    (first,) = folder.iterdir()
    for index in range(KEPT + 2):
        shutil.copy(first, older := folder / f"{index:064x}")
        os.utime(older, (index, index))
    edit(write, "x = 2")
    shelf.build()
    left = {path.name for path in folder.iterdir()}
    assert len(left) == KEPT
    assert left >= {first.name, f"{KEPT + 1:064x}"}
    assert f"{3:064x}" not in left


def test_an_error_leaves_nothing(shelf: Shelf) -> None:
    def fail() -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        shelf.build(during=fail)
    assert not [path for path in shelf.store.root.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert shelf.build() == "2"


def test_what_is_discarded_is_made_again_and_nothing_else(shelf: Shelf) -> None:
    assert [shelf.build(), shelf.build("other")] == ["1", "2"]
    for _ in range(2):  # the second time there is nothing to discard
        CodedStore(shelf.store, shelf.code()).discard("kind", "key")
    assert [shelf.build(), shelf.build("other")] == ["3", "2"]
