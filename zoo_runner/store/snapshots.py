"""Finds out whether a file has changed between its hashing and the end of its use.

To read every file twice would take as long as to decode it. So a file whose size, times and inode are the same counts
as unchanged. There is one exception, which Git calls "racily clean": the clocks of file systems are coarse, and two
changes within one tick leave the same time. A file that was written shortly before it was hashed is hashed again.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from zoo_runner.errors import ChangedError
from zoo_runner.files.remedies import OF_NO_PLACE
from zoo_runner.store.fingerprints import file_digest

TICK_NS: Final = 2_000_000_000
"""Tick of the coarsest file system clock in use, in ns: FAT's has two seconds."""


class State(NamedTuple):
    """What the file system says of a file. When the content changes, the state changes, except within one clock tick.

    Attributes:
        device: Number of the file system.
        inode: Number of the file in it; a file that was replaced by renaming has another one.
        size: Size in bytes.
        mtime_ns: Time of the last change of the content, in ns since 1970; programs may set it.
        ctime_ns: Time of the last change of content or metadata, in ns since 1970; programs cannot set it.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> State:
        """Make a state of what ``os.stat`` returned."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def settled(self, now_ns: int) -> bool:
        """Say whether a change after ``now_ns`` must give another state. ``now_ns`` is when this state was read."""
        return self.ctime_ns + TICK_NS < now_ns


@dataclass(frozen=True)
class Snapshot:
    """A file as it was when it was hashed.

    Attributes:
        path: The file.
        sha256: Hex digest of its content.
        state: Its state just before it was hashed; ``None`` if it was not read.
        settled: Whether the same state, read later, means the same content.
    """

    path: Path
    sha256: str
    state: State | None = None
    settled: bool = False

    def check(self) -> Snapshot:
        """Check that the content is the same; return a snapshot with the present state.

        Raises:
            ChangedError: The content has changed, or the file cannot be read any more.
            OSError: This process has too many open files.
        """
        try:
            if self.settled and State.of(os.stat(self.path)) == self.state:  # noqa: PTH116 - half the time of Path's
                return self
            now = snapshot_of(self.path)
        except OSError as error:
            if error.errno in OF_NO_PLACE:  # the error is about this process, not about the file
                raise
            raise changed(self.path, self.sha256, f"no readable file ({error.strerror or error})") from error
        if now.sha256 != self.sha256:
            raise changed(self.path, self.sha256, now.sha256)
        return now


def snapshot_of(path: Path) -> Snapshot:
    """Read the state of a file, and then hash it.

    Raises:
        OSError: It cannot be read.
    """
    now = time.time_ns()
    state = State.of(os.stat(path))  # noqa: PTH116 - half the time of Path's
    return Snapshot(path, file_digest(path), state, state.settled(now))


def require(path: Path, sha256: str) -> None:
    """Hash a file, and check that its content has this hash.

    Raises:
        ChangedError: It has another one, or the file cannot be read any more.
    """
    Snapshot(path, sha256).check()


@contextmanager
def used(path: Path, sha256: str) -> Iterator[None]:
    """Check a file with :func:`require` after a block that uses it.

    If the block fails and the file has changed, the change is the error: it may be the reason for the failure.

    Raises:
        ChangedError: The file has changed, or cannot be read any more.
    """
    try:
        yield
    except Exception:
        with suppress(OSError):  # too many open files: the error of the block is raised
            require(path, sha256)
        raise
    require(path, sha256)


def changed(path: Path, expected: str, found: str) -> ChangedError:
    """Return the error for a file that has changed since it was hashed.

    Args:
        path: The file.
        expected: Its hash then.
        found: Its hash now, or words for what was found.
    """
    return ChangedError(
        f"{path}: changed while it was in use\n  expected sha256 {expected}, as when it was hashed\n"
        f"  found    {found if ' ' in found else f'sha256 {found}'}\n"
        "  nothing made of it is kept; see to it that nothing writes to it during a run, and run again"
    )


class Watch:
    """Remembers the hashes of files in use, to check at the end that they have not changed. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Path, Snapshot] = {}

    def digest(self, path: Path) -> str:
        """Hash a file before it is used, and return the hex digest.

        Raises:
            ChangedError: The file had another hash before.
        """
        found = snapshot_of(path)
        self._note(found)
        return found.sha256

    def expect(self, path: Path, sha256: str) -> None:
        """Remember the hash of a file that other code has hashed.

        Raises:
            ChangedError: The file had another hash before.
        """
        self._note(Snapshot(path, sha256))

    def check(self, paths: Iterable[Path]) -> None:
        """Check that these files have not changed; files whose hash is not remembered are passed over.

        Raises:
            ChangedError: A file has changed; the error is about the first one.
        """
        for path in paths:
            if (before := self._seen.get(path)) is not None and (now := before.check()) is not before:
                self._seen[path] = now

    def _note(self, found: Snapshot) -> None:
        with self._lock:
            before = self._seen.setdefault(found.path, found)
            if before.sha256 != found.sha256:
                raise changed(found.path, before.sha256, found.sha256)
            if found.state is not None:
                self._seen[found.path] = found
