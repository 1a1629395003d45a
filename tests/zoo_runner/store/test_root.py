"""A store that cannot be written to gives what it has, and says what it lacks."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.errors import StageError
from zoo_runner.store.audit import AuditedStore, new_audit
from zoo_runner.store.root import unwritable
from zoo_runner.store.store import Store, Terms

SCRIPT = """
import os, sys
import filelock
from pathlib import Path
from zoo_runner.errors import StageError
from zoo_runner.store.store import Store, Terms

def make(folder):
    (folder / "x").write_text("made")

if os.getuid() == 0 and "user" in sys.argv:
    os.setuid(54321)
store = Store(Path(sys.argv[1]))
built = store.build("kind", "key", make)
print(built.reused, (built.path / "x").read_text())
store.discard("kind", "none")
try:
    store.build("kind", "other", make)
except StageError as error:
    print(error)
"""


def make(folder: Path) -> None:
    (folder / "x").write_text("kept")


def filled(root: Path) -> Path:
    Store(root).build("kind", "key", make)
    return root


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A store on a disk that is mounted read-only, where this process may mount one."""
    root, mount, umount = filled(tmp_path / "store"), shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None or os.geteuid() != 0:
        pytest.skip("only root mounts disks")
    commands = [(mount, "--bind", str(root), str(root)), (mount, "-o", "remount,bind,ro", str(root))]
    if any(subprocess.run(each, capture_output=True, check=False).returncode for each in commands):
        subprocess.run([umount, root], capture_output=True, check=False)
        pytest.skip("no disk can be mounted here")
    yield root
    subprocess.run([umount, root], check=True)


def said(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, root, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_a_store_on_a_read_only_disk(mounted: Path) -> None:
    found, refusal = said(mounted)
    assert found == "True kept"
    assert refusal.startswith(
        f"the store cannot be written to: {mounted / 'kind'} is on a disk that is mounted read-only: expected what an "
        "earlier run made (kind), found none in"
    )
    assert refusal.endswith("make it writable, or set ZOO_RUNNER_CACHE to a folder that is")


def test_a_store_of_another_user(tmp_path: Path) -> None:
    root = filled(tmp_path / "store")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == root.owner() and not folder.stat().st_mode & 1:
            folder.chmod(0o755)
    for folder in (root, root / "kind"):
        folder.chmod(0o555)
    try:
        found, refusal = said(root, "user")
    finally:
        for folder in (root, root / "kind"):
            folder.chmod(0o755)
    assert found == "True kept"
    assert f"the store cannot be written to: {root / 'kind'} may not be written to: expected" in refusal


def test_a_damaged_entry_on_a_read_only_disk_is_not_used(mounted: Path) -> None:
    subprocess.run(["mount", "-o", "remount,bind,rw", mounted], check=True)  # noqa: S607 - the fixture found it
    (mounted / "kind" / "key" / "content" / "x").write_text("lost")
    subprocess.run(["mount", "-o", "remount,bind,ro", mounted], check=True)  # noqa: S607 - likewise
    with pytest.raises(StageError, match=r"found a damaged one \(x has another content"):
        Store(mounted).build("kind", "key", lambda _: None)


def test_an_entry_on_a_read_only_disk_that_is_doubted_is_not_passed_over(mounted: Path) -> None:
    audit = new_audit(1)
    with pytest.raises(StageError, match=r"cannot|Read-only|read-only"):
        AuditedStore(Store(mounted), audit).build("kind", "key", make, Terms(repeats="everywhere"))
    assert audit.compared == {}


def test_a_full_disk_is_named_with_what_was_being_made(tmp_path: Path) -> None:
    def full(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    store = Store(tmp_path)
    with pytest.raises(StageError, match=r"/onnx/key: cannot make what is kept \(onnx\): No space left .* free\); fre"):
        store.build("onnx", "key", full)
    assert not store.has("onnx", "key")


def test_an_error_that_is_not_about_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Store(tmp_path).build("onnx", "key", lambda _: (tmp_path / "none").unlink())


def test_a_lock_in_whose_place_is_a_link_leads_nowhere(tmp_path: Path) -> None:
    strange, lock = tmp_path / "strange", tmp_path / "store" / "kind" / ".key.lock"
    strange.write_text("of somebody else")
    lock.parent.mkdir(parents=True)
    puts: list[Callable[[], None]] = [lambda: lock.symlink_to(strange), lambda: os.mkfifo(lock), lock.mkdir]
    for put in puts:
        lock.unlink(missing_ok=True)
        put()
        Store(tmp_path / "store").build("kind", "key", make, accept=lambda _: False)
        assert lock.is_file()
        assert not lock.is_symlink()
    assert strange.read_text() == "of somebody else"


def test_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    assert unwritable(tmp_path / "a" / "b") == ""
