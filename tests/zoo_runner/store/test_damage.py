"""What is damaged in the store is found, made again and said to be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from places import ROOT
from store_damage import (
    DAMAGE,
    STAT,
    two_files,
)
from zoo_runner.errors import StageError
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Built, DamagedError, Store, Terms


@pytest.mark.parametrize("terms", [Terms(), STAT], ids=["hash", "stat"])
@pytest.mark.parametrize(("damage", "why"), DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_made_again_and_said_to_be(
    tmp_path: Path, damage: Callable[[Path], object], why: str, terms: Terms
) -> None:
    told: list[str] = []
    store = Store(tmp_path).telling(told.append)
    damage(store.build("onnx", "k", two_files, terms).path)
    assert store.lookup("onnx", "k", terms) is None
    assert told == []
    assert not store.build("onnx", "k", two_files, terms).reused
    assert store.build("onnx", "k", two_files, terms).reused
    assert store.lookup("onnx", "k", terms) is not None
    (line,) = told
    assert line.startswith(f"{tmp_path / 'onnx' / 'k'}: damaged, and made again: {why}")
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == [".k.lock", "k"]


UNPRIVILEGED = """
import os, sys, pathlib, filelock
from zoo_runner.store.store import Store, Terms
root = pathlib.Path(sys.argv[1])
if os.getuid() == 0:
    os.chown(root, 65534, 65534)
    os.setuid(65534)
told = []
store = Store(root).telling(told.append)
def make(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(b"weights")
for place in sys.argv[2:]:
    path = store.build("kind", "k", make, Terms(verify="stat")).path / place
    path.chmod(0)
    assert not store.build("kind", "k", make, Terms(verify="stat")).reused
    assert store.build("kind", "k", make, Terms(verify="stat")).reused
    assert sorted(os.listdir(root / "kind")) == [".k.lock", "k"], os.listdir(root / "kind")
print("\\n".join(told))
"""


def test_what_may_not_be_read_is_made_again() -> None:
    """In a process without the superuser's rights, who may read everything."""
    places = ["..", "../stamp.json", ".", "sub", "sub/model.bin"]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        store = Path(folder, "store")
        store.mkdir()
        done = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, str(store), *places],
            cwd=ROOT,
            timeout=60,
            check=False,
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    told = done.stdout.splitlines()
    assert len(told) == len(places)
    assert all("damaged, and made again" in line and "cannot be read (Permission denied)" in line for line in told)


def aged(content: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Make it a minute later, and let the store look at the entry then."""
    now = time.time_ns
    monkeypatch.setattr("zoo_runner.store.entries.time.time_ns", lambda: now() + 60 * 10**9)
    store = Store(content.parents[2])
    assert store.build("dataset", "k", two_files, STAT).reused
    return store


def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the names of the files that are read from now on."""
    names: list[str] = []

    def digest(path: Path) -> str:
        names.append(path.name)
        return file_digest(path)

    monkeypatch.setattr("zoo_runner.store.entries.file_digest", digest)
    return names


def test_files_that_nothing_happened_to_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Store(tmp_path).build("dataset", "k", two_files, STAT).path
    names = hashed(monkeypatch)
    store = aged(content, monkeypatch)
    assert sorted(names) == ["empty", "model.bin"]  # they were too young to be sure
    assert store.build("dataset", "k", two_files, STAT).reused
    assert len(names) == 2
    store.build("dataset", "k", two_files)
    assert len(names) == 4


def test_a_copied_store_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Store(tmp_path / "one").build("dataset", "k", two_files, STAT).path
    aged(content, monkeypatch)
    shutil.copytree(tmp_path / "one", tmp_path / "two", symlinks=True)
    names, copied = hashed(monkeypatch), Store(tmp_path / "two")
    for _ in range(3):
        assert copied.build("dataset", "k", two_files, STAT).reused
    assert sorted(names) == ["empty", "model.bin"]


def set_the_time_back(content: Path) -> None:
    path = content / "sub" / "model.bin"
    found = path.stat()
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def rename_over(content: Path) -> None:
    other = content / "sub" / "other"
    other.write_bytes(b"WEIGHTS")
    other.replace(content / "sub" / "model.bin")


@pytest.mark.parametrize("change", [DAMAGE["changed"][0], set_the_time_back, rename_over])
def test_a_changed_content_is_found_without_reading_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], object]
) -> None:
    content = Store(tmp_path).build("dataset", "k", two_files, STAT).path
    store = aged(content, monkeypatch)
    change(content)
    names = hashed(monkeypatch)
    assert store.lookup("dataset", "k", STAT) is None
    assert names == ["model.bin"]
    assert not store.build("dataset", "k", two_files, STAT).reused
    assert (content / "sub" / "model.bin").read_bytes() == b"weights"


def test_a_stamp_of_an_earlier_release_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Store(tmp_path).build("dataset", "k", two_files, STAT).path
    stamp = content.parent / "stamp.json"
    rows = [{name: row[name] for name in ("path", "size", "sha256")} for row in json.loads(stamp.read_bytes())["files"]]
    stamp.write_text(json.dumps({"files": rows}))
    names = hashed(monkeypatch)
    store = aged(content, monkeypatch)
    assert store.build("dataset", "k", two_files, STAT).reused
    assert len(names) == 2
    set_the_time_back(content)
    assert not store.build("dataset", "k", two_files, STAT).reused


def test_an_entry_without_what_its_kind_needs_is_made_again(tmp_path: Path) -> None:
    told: list[str] = []
    store, terms = Store(tmp_path).telling(told.append), Terms(needs=("sub/model.bin", "empty"))
    store.build("onnx", "k", lambda folder: (folder / "empty").touch())
    assert store.lookup("onnx", "k", terms) is None
    assert not store.build("onnx", "k", two_files, terms).reused
    assert told == [f"{tmp_path / 'onnx' / 'k'}: damaged, and made again: it has no sub/model.bin"]
    assert store.build("onnx", "k", two_files, terms).reused


def test_an_entry_in_the_place_of_another_is_made_again(tmp_path: Path) -> None:
    told: list[str] = []
    store = Store(tmp_path).telling(told.append)
    store.build("predictions", "good", two_files)
    (tmp_path / "predictions" / "good").rename(tmp_path / "predictions" / "bad")
    assert store.lookup("predictions", "bad") is None
    assert not store.build("predictions", "bad", lambda folder: (folder / "other").touch()).reused
    assert store.build("predictions", "bad", two_files).files[0].path == "other"
    assert told == [f"{tmp_path / 'predictions' / 'bad'}: damaged, and made again: it was made as good"]


def test_who_accepts_an_entry_may_find_it_damaged(tmp_path: Path) -> None:
    def accept(_: Built) -> bool:
        raise DamagedError("nonsense")

    told: list[str] = []
    store = Store(tmp_path).telling(told.append)
    store.build("onnx", "k", two_files)
    assert not store.build("onnx", "k", two_files, accept=accept).reused
    assert told == [f"{tmp_path / 'onnx' / 'k'}: damaged, and made again: nonsense"]
    with pytest.raises(StageError, match=r"^why: .* found a damaged one \(nonsense\) in .*; run once without it$"):
        store.frozen("why").build("onnx", "k", two_files, accept=accept)


def test_an_unreadable_entry_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = store.build("kind", "k", two_files).path
    os.replace(content, content.with_name("moved"))  # noqa: PTH105 - as another program would
    assert store.lookup("kind", "k") is None
