"""The store: complete entries or none, whatever happens to the files or the process."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from places import ROOT
from store_damage import (
    DAMAGE,
    STAT,
    many_files,
    two_files,
)
from zoo_runner.errors import ExitCode, FetchError, StageError
from zoo_runner.store.durable import write_durably
from zoo_runner.store.store import Store, Terms, Verify, default_root


def test_default_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.setenv("ZOO_RUNNER_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "zoo-runner"


@pytest.mark.parametrize("chosen", ["", "~no_such_user_xyz/store"])
def test_without_a_home_folder_the_variable_is_named(chosen: str) -> None:
    script = (
        "import os\n"
        "from zoo_runner.errors import PrerequisiteError\n"
        "from zoo_runner.store.store import default_root\n"
        "if os.getuid() == 0: os.setuid(54321)\n"
        "try: print(default_root())\n"
        "except PrerequisiteError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={"ZOO_RUNNER_CACHE": chosen}, capture_output=True, text=True,
        timeout=120, check=True,
    )  # fmt: skip
    if os.getuid() == 0 or chosen:  # else the user has a home folder
        assert "expected a home folder to keep downloads and results in, found none for this user" in done.stdout
        assert "set ZOO_RUNNER_CACHE to the absolute path of a folder for them" in done.stdout


def test_write_durably_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_an_entry_is_made_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert store.lookup("onnx", "k") is None
    made = store.build("onnx", "k", two_files)
    again = store.build("onnx", "k", lambda _: pytest.fail("made twice"))
    assert (made.reused, again.reused) == (False, True)
    assert made.path == again.path == store.lookup("onnx", "k")
    assert made.files == again.files
    assert {(file.path, file.size) for file in made.files} == {("empty", 0), ("link", 3), ("sub/model.bin", 7)}
    assert made.files[-1].sha256 == hashlib.sha256(b"weights").hexdigest()


def test_an_entry_of_no_files_and_of_many(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "empty", lambda _: None)
    store.build("kind", "many", many_files)
    assert store.lookup("kind", "empty") is not None
    assert len(store.build("kind", "many", two_files).files) == 100


def test_accept_has_the_last_word(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "k", two_files)
    assert store.build("kind", "k", two_files, accept=lambda built: len(built.files) == 3).reused
    assert not store.build("kind", "k", two_files, accept=lambda _: False).reused


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


@pytest.mark.parametrize("verify", ["hash", "stat"])
def test_a_frozen_store_finds_what_is_there(tmp_path: Path, verify: Verify) -> None:
    store = Store(tmp_path)
    made = store.build("onnx", "k", two_files)
    frozen, before = store.frozen("--from infer"), tree(tmp_path)
    found = frozen.build("onnx", "k", lambda _: pytest.fail("made in a frozen store"), Terms(verify=verify))
    assert (found.path, found.files, found.reused) == (made.path, made.files, True)
    assert frozen.lookup("onnx", "k", Terms(verify=verify)) == made.path
    assert (store.read_only, frozen.read_only) == (False, True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["absent", *DAMAGE])
def test_a_frozen_store_makes_nothing(tmp_path: Path, name: str) -> None:
    root, what = tmp_path / "store", "none"
    if name != "absent":
        damage, why = DAMAGE[name]
        damage(Store(root).build("onnx", "k", two_files).path)
        what = rf"a damaged one \({re.escape(why.split(': expected')[0])}.*\)"
    before = tree(tmp_path)
    text = rf"^--from infer: expected what an earlier run made \(onnx\), found {what} in {root} for exactly .* run once"
    with pytest.raises(StageError, match=text) as caught:
        Store(root).frozen("--from infer").build("onnx", "k", lambda _: pytest.fail("made in a frozen store"))
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    assert tree(tmp_path) == before


def test_a_frozen_store_writes_nothing_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = Store(tmp_path).build("dataset", "k", two_files, STAT).path
    before = (content.parent / "stamp.json").read_bytes()
    now = time.time_ns
    monkeypatch.setattr("zoo_runner.store.entries.time.time_ns", lambda: now() + 60 * 10**9)
    assert Store(tmp_path).frozen("why").build("dataset", "k", two_files, STAT).reused
    assert (content.parent / "stamp.json").read_bytes() == before


def test_a_frozen_store_honours_accept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "k", two_files)
    frozen = store.frozen("--from evaluate")
    assert frozen.build("kind", "k", two_files, accept=lambda built: len(built.files) == 3).reused
    with pytest.raises(StageError, match="--from evaluate: expected what an earlier run made"):
        frozen.build("kind", "k", two_files, accept=lambda _: False)
    assert store.lookup("kind", "k") is not None


def test_a_renewing_store_makes_everything_again_once(tmp_path: Path) -> None:
    store, pinned = Store(tmp_path), Terms(pinned=True)
    store.build("onnx", "k", two_files)
    store.build("download", "k", two_files)
    renewing = store.renewing()
    assert renewing.lookup("onnx", "k") is None
    assert renewing.lookup("download", "k", pinned) is not None
    assert not renewing.build("onnx", "k", lambda folder: (folder / "new").touch()).reused
    assert renewing.build("download", "k", two_files, pinned).reused
    found = renewing.telling(lambda _: None).build("onnx", "k", two_files)
    assert (found.reused, [file.path for file in found.files]) == (True, ["new"])
    assert renewing.lookup("onnx", "k") == store.lookup("onnx", "k")
    assert not store.renewing().build("onnx", "k", two_files).reused
    frozen = renewing.frozen("--from postprocess")
    assert frozen.build("download", "k", two_files, pinned).reused
    with pytest.raises(StageError, match=r"^--from postprocess: .* --no-cache forbids .* \(onnx\); give .* --data"):
        frozen.build("onnx", "k", two_files)


def test_making_again_what_fails_keeps_what_was_there(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise RuntimeError("half-way")

    store = Store(tmp_path)
    store.build("onnx", "k", two_files)
    with pytest.raises(RuntimeError, match="half-way"):
        store.renewing().build("onnx", "k", fail)
    assert store.build("onnx", "k", two_files).reused


def test_a_frozen_store_takes_plain_names_only(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a plain file name"):
        Store(tmp_path).frozen("why").build("..", "k", two_files)


def test_a_failed_build_leaves_what_was_there(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        two_files(folder)
        raise RuntimeError("half-way")

    store = Store(tmp_path)
    with pytest.raises(RuntimeError, match="half-way"):
        store.build("kind", "k", fail)
    assert store.lookup("kind", "k") is None
    assert [path.name for path in (tmp_path / "kind").iterdir() if path.is_dir()] == []
    store.build("kind", "k", two_files)
    with pytest.raises(RuntimeError, match="half-way"):
        store.build("kind", "k", fail, accept=lambda _: False)
    assert store.lookup("kind", "k") is not None


def test_a_killed_build_leaves_nothing_that_is_taken_for_an_entry(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from zoo_runner.store.store import Store\n"
        "def make(folder):\n"
        "    (folder / 'half').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "Store(Path(sys.argv[1])).build('kind', 'k', make)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    store, remains = Store(tmp_path), tmp_path / "kind" / ".k.new"
    assert remains.is_dir()
    assert store.lookup("kind", "k") is None
    built = store.build("kind", "k", two_files)
    assert not (built.path / "half").exists()
    assert not remains.exists()


def test_one_builds_while_the_other_waits(tmp_path: Path) -> None:
    waiting, results = threading.Event(), []

    def make(folder: Path) -> None:
        assert waiting.wait(30)
        two_files(folder)

    def build() -> None:
        results.append(Store(tmp_path).build("kind", "k", make, on_wait=waiting.set).reused)

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(results) == [False, True]


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 200])
def test_names_are_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="expected a plain file name"):
        Store(tmp_path).build("kind", name, two_files)


def test_space_is_checked(tmp_path: Path) -> None:
    Store(tmp_path).require_space(0, "nothing")
    text = r"weights: expected 1,152,921,504,606,846,976 bytes of free disk at .*ZOO_RUNNER_CACHE"
    with pytest.raises(FetchError, match=text):
        Store(tmp_path).require_space(1 << 60, "weights")


def test_what_killed_processes_left_is_removed_and_what_is_being_made_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "whole", lambda folder: (folder / "file").touch())
    left = [tmp_path / "kind" / f".{name}" for name in ("a.new", "a.old", "b.made", "b.check")]
    for folder in left:
        folder.mkdir()
        (folder / "half").write_bytes(b"half")
    halves = [tmp_path / "trust" / ".x.json.0.tmp", tmp_path / "code" / "step" / ".digest.0.tmp"]
    for path in halves:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"half")
    with store.workshop("kind", "busy") as busy:
        (busy / "file").write_bytes(b"x")
        Store(tmp_path).clear_remains()
        assert (busy / "file").exists()
    assert [path for path in (*left, *halves) if path.exists()] == []
    assert store.lookup("kind", "whole")
