"""The store: complete entries or none, whatever happens to the files or the process."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo_runner.artifacts import Store, Verify, default_root, write_durably
from zoo_runner.errors import ExitCode, FetchError, StageError

ROOT = Path(__file__).resolve().parents[2]


def test_default_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_RUNNER_CACHE", str(tmp_path))
    assert default_root() == tmp_path
    monkeypatch.setenv("ZOO_RUNNER_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_root() == tmp_path / "cache" / "zoo-runner"


def test_write_durably_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a" / "record.json"
    write_durably(path, b"old")
    write_durably(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def two_files(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "model.bin").write_bytes(b"weights")
    (folder / "empty").touch()
    (folder / "link").symlink_to("sub")


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


def many_files(folder: Path) -> None:
    for number in range(100):
        (folder / str(number)).touch()


def turn_link(content: Path) -> None:
    (content / "link").unlink()
    (content / "link").symlink_to("xyz")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed": lambda content: (content / "sub" / "model.bin").write_bytes(b"WEIGHTS"),
    "shortened": lambda content: (content / "sub" / "model.bin").write_bytes(b"wei"),
    "removed": lambda content: (content / "empty").rename(content.parent / "moved"),
    "added": lambda content: (content / "extra").touch(),
    "link-turned": turn_link,
    "stamp-cut": lambda content: (content.parent / "stamp.json").write_text('{"files": [{"path"'),
    "stamp-empty": lambda content: (content.parent / "stamp.json").write_text("{}"),
    "stamp-gone": lambda content: (content.parent / "stamp.json").unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    store = Store(tmp_path)
    damage(store.build("onnx", "k", two_files).path)
    assert store.lookup("onnx", "k") is None
    assert not store.build("onnx", "k", two_files).reused
    assert store.build("onnx", "k", two_files).reused


def test_size_verification_sees_sizes_only(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = store.build("dataset", "k", two_files, verify="size").path
    DAMAGE["changed"](content)
    assert store.build("dataset", "k", two_files, verify="size").reused
    assert store.lookup("dataset", "k", verify="hash") is None
    DAMAGE["shortened"](content)
    assert store.lookup("dataset", "k", verify="size") is None


def test_accept_has_the_last_word(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "k", two_files)
    assert store.build("kind", "k", two_files, accept=lambda built: len(built.files) == 3).reused
    assert not store.build("kind", "k", two_files, accept=lambda _: False).reused


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


@pytest.mark.parametrize("verify", ["hash", "size"])
def test_a_frozen_store_finds_what_is_there(tmp_path: Path, verify: Verify) -> None:
    store = Store(tmp_path)
    made = store.build("onnx", "k", two_files)
    frozen, before = store.frozen("--from infer"), tree(tmp_path)
    found = frozen.build("onnx", "k", lambda _: pytest.fail("made in a frozen store"), verify=verify)
    assert (found.path, found.files, found.reused) == (made.path, made.files, True)
    assert frozen.lookup("onnx", "k", verify=verify) == made.path
    assert (store.read_only, frozen.read_only) == (False, True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("damage", [None, *DAMAGE.values()], ids=["absent", *DAMAGE])
def test_a_frozen_store_makes_nothing(tmp_path: Path, damage: Callable[[Path], object] | None) -> None:
    root = tmp_path / "store"
    if damage is not None:
        damage(Store(root).build("onnx", "k", two_files).path)
    before = tree(tmp_path)
    text = rf"^--from infer: expected what an earlier run made \(onnx\), found none in {root} for exactly .* run once"
    with pytest.raises(StageError, match=text) as caught:
        Store(root).frozen("--from infer").build("onnx", "k", lambda _: pytest.fail("made in a frozen store"))
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    assert tree(tmp_path) == before


def test_a_frozen_store_sees_sizes_only_when_asked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    DAMAGE["changed"](store.build("dataset", "k", two_files, verify="size").path)
    assert store.frozen("why").build("dataset", "k", two_files, verify="size").reused
    with pytest.raises(StageError, match=r"^why: "):
        store.frozen("why").build("dataset", "k", two_files)


def test_a_frozen_store_honours_accept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.build("kind", "k", two_files)
    frozen = store.frozen("--from evaluate")
    assert frozen.build("kind", "k", two_files, accept=lambda built: len(built.files) == 3).reused
    with pytest.raises(StageError, match="--from evaluate: expected what an earlier run made"):
        frozen.build("kind", "k", two_files, accept=lambda _: False)
    assert store.lookup("kind", "k") is not None


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
        "import os, signal, sys; from pathlib import Path; from zoo_runner.artifacts import Store\n"
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


def test_an_unreadable_entry_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    content = store.build("kind", "k", two_files).path
    os.replace(content, content.with_name("moved"))  # noqa: PTH105 - as another program would
    assert store.lookup("kind", "k") is None
