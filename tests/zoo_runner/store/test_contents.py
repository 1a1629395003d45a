"""What a store holds, and what may be removed of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from zoo_runner.store.contents import DAY_S, contents
from zoo_runner.store.locks import locked
from zoo_runner.store.store import Store

OLD = time.time() - 40 * DAY_S


def write(folder: Path) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "a").write_bytes(bytes(100))
    (folder / "b").write_bytes(bytes(11))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.build("onnx", "first", write)
    store.build("onnx", "second", write)
    store.build("dataset", "third", write)
    return store


def names(root: Path) -> list[tuple[str, str]]:
    return [(each.kind, each.path.name) for each in contents(root)]


def test_entries_are_listed_by_kind_with_the_bytes_of_all_their_files(store: Store) -> None:
    assert names(store.root) == [("dataset", "third"), ("onnx", "first"), ("onnx", "second")]
    for each in contents(store.root):
        files = [path for path in each.path.rglob("*") if path.is_file()]
        assert each.size == sum(path.stat().st_size for path in files) > 111
        assert each.days() < 1


@pytest.mark.parametrize("made", [False, True], ids=["no folder", "an empty folder"])
def test_an_empty_store(tmp_path: Path, *, made: bool) -> None:
    if made:
        (tmp_path / "store").mkdir()
    assert names(tmp_path / "store") == []


def test_what_is_not_the_stores_is_left_out(store: Store, tmp_path: Path) -> None:
    (store.root / "photos").mkdir()
    (store.root / "photos" / "cat.jpg").touch()
    (store.root / "onnx" / "notes").mkdir()
    (store.root / "linked").symlink_to(tmp_path, target_is_directory=True)
    (store.root / "ledger.sqlite3").touch()
    (store.root / "trust").mkdir()
    (store.root / "trust" / "0123").touch()
    assert names(store.root) == [("dataset", "third"), ("onnx", "first"), ("onnx", "second")]


def test_downloads_that_go_on_and_tables_count_too(store: Store) -> None:
    for name in ("partial", "code", "keys", "checks"):
        (store.root / name).mkdir()
        (store.root / name / "x").write_bytes(bytes(7))
    assert [(each.kind, each.size) for each in contents(store.root) if each.path.name == "x"] == [
        ("checks", 7),
        ("code", 7),
        ("keys", 7),
        ("partial", 7),
    ]


def test_reuse_is_use(store: Store) -> None:
    for each in contents(store.root):
        os.utime(each.path, (OLD, OLD))
    assert store.build("onnx", "first", write).reused
    assert {each.path.name: each.days() > 30 for each in contents(store.root)} == {
        "first": False,
        "second": True,
        "third": True,
    }


def test_what_is_removed_is_made_again(store: Store) -> None:
    first = next(each for each in contents(store.root) if each.path.name == "first")
    assert first.discard() == first.size
    assert names(store.root) == [("dataset", "third"), ("onnx", "second")]
    assert not store.build("onnx", "first", write).reused


def test_what_is_being_made_stays(store: Store) -> None:
    first = next(each for each in contents(store.root) if each.path.name == "first")
    with locked(first.path.with_name(".first.lock"), None):
        assert first.discard() == 0
    assert ("onnx", "first") in names(store.root)
