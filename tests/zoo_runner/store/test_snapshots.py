"""Files between hashing and use: what is still the same is let through cheaply, what is not is refused by name."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from zoo_runner.errors import ChangedError, ExitCode
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.snapshots import TICK_NS, Snapshot, State, Watch, require, snapshot_of

OLD, NEW = sha256(b"old").hexdigest(), sha256(b"new").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it a minute later than it is, so that a file just written is old."""
    now = time.time_ns
    monkeypatch.setattr("zoo_runner.store.snapshots.time.time_ns", lambda: now() + 60 * 10**9)


def write_in_place(path: Path) -> None:
    path.write_bytes(b"new")


def write_in_place_and_set_the_time_back(path: Path) -> None:
    found = path.stat()
    path.write_bytes(b"new")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def rename_another_over_it(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"new")
    found = path.stat()
    os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
    other.replace(path)


def turn_the_link(path: Path) -> None:
    path.with_name("other").write_bytes(b"new")
    path.unlink()
    path.symlink_to("other")


CHANGES = [write_in_place, write_in_place_and_set_the_time_back, rename_another_over_it, turn_the_link]


def digests(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """List the files that are hashed from now on."""
    hashed: list[Path] = []

    def counted(path: Path) -> str:
        hashed.append(path)
        return file_digest(path)

    monkeypatch.setattr("zoo_runner.store.snapshots.file_digest", counted)
    return hashed


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_an_old_file_is_found(file: Path, change: Callable[[Path], None]) -> None:
    before = snapshot_of(file)
    assert before.settled
    change(file)
    with pytest.raises(ChangedError) as caught:
        before.check()
    assert caught.value.exit_code == ExitCode.STAGE_FAILED
    assert str(caught.value) == (
        f"{file}: changed while it was in use\n  expected sha256 {OLD}, as when it was hashed\n"
        f"  found    sha256 {NEW}\n"
        "  nothing made of it is kept; see to it that nothing writes to it during a run, and run again"
    )


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_within_one_tick_of_the_clock_is_found(
    file: Path, change: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is the same before and after, as on a file system with a clock of two seconds."""
    state = State.of(file.stat())
    monkeypatch.setattr(State, "of", lambda _: state)
    before = snapshot_of(file)
    assert not before.settled
    change(file)
    with pytest.raises(ChangedError, match=NEW):
        before.check()


@pytest.mark.usefixtures("later")
def test_an_old_file_is_not_read_again(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = digests(monkeypatch)
    before = snapshot_of(file)
    assert before.check() is before
    assert hashed == [file]


@pytest.mark.usefixtures("later")
def test_a_file_that_was_only_touched_is_read_again_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed, watch = digests(monkeypatch), Watch()
    watch.digest(file)
    os.utime(file, ns=(0, 0))
    for _ in range(3):
        watch.check([file])
    assert hashed == [file, file]


@pytest.mark.parametrize(
    ("ctime_ns", "now_ns", "settled"),
    [
        pytest.param(0, TICK_NS + 1, True, id="old"),
        pytest.param(0, TICK_NS, False, id="as old as a tick"),
        pytest.param(5, 5, False, id="new"),
        pytest.param(10**18, 5, False, id="from the future"),
    ],
)
def test_how_old_a_file_must_be(ctime_ns: int, now_ns: int, settled: bool) -> None:
    assert State(1, 2, 3, 0, ctime_ns).settled(now_ns) is settled


def test_a_file_that_is_gone(file: Path) -> None:
    before = snapshot_of(file)
    file.unlink()
    with pytest.raises(ChangedError, match=r"found    no readable file \(No such file or directory\)"):
        before.check()
    with pytest.raises(FileNotFoundError):
        snapshot_of(file)


def test_what_was_hashed_elsewhere(file: Path) -> None:
    require(file, OLD)
    with pytest.raises(ChangedError, match=f"expected sha256 {NEW}"):
        require(file, NEW)
    known = Snapshot(file, OLD).check()
    assert known.state == State.of(file.stat())


def test_watched_files(file: Path) -> None:
    watch, unknown = Watch(), file.with_name("unknown")
    assert watch.digest(file) == OLD
    watch.expect(file, OLD)
    watch.check([file, unknown])
    write_in_place(file)
    with pytest.raises(ChangedError, match=f"{file}: changed"):
        watch.check([unknown, file])


@pytest.mark.parametrize("again", [lambda watch, path: watch.digest(path), lambda watch, path: watch.expect(path, NEW)])
def test_a_file_has_one_content_while_it_is_watched(file: Path, again: Callable[[Watch, Path], object]) -> None:
    watch = Watch()
    watch.digest(file)
    write_in_place(file)
    with pytest.raises(ChangedError, match=f"expected sha256 {OLD}, as when it was hashed\n  found    sha256 {NEW}"):
        again(watch, file)


def test_threads_share_a_watch(tmp_path: Path) -> None:
    watch, paths = Watch(), [tmp_path / str(number) for number in range(50)]
    for path in paths:
        path.write_text(path.name)

    def work() -> None:
        for path in paths:
            watch.digest(path)
        watch.check(paths)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    watch.check(paths)
