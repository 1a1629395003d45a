"""What a file held when it was hashed, and whether it still holds that when its content has been used.

Reading every file twice would cost as much as decoding it. A file whose size, times and inode are what they were holds
what it held, with one exception that Git calls "racily clean": clocks of file systems are coarse, and two changes
within one tick leave the same time. So a file that was young when it was hashed is hashed again.
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
"""The coarsest clock of a file system in use: FAT's, of two seconds."""


class State(NamedTuple):
    """What the file system says of a file; a change of the content changes it.

    Attributes:
        device: Number of the file system.
        inode: Number of the file on it; another one after a replacement by renaming.
        size: Bytes.
        mtime_ns: Time of the last change of content, which programs may set back.
        ctime_ns: Time of the last change of anything, which they cannot set.
    """

    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, found: os.stat_result) -> State:
        """Take over what ``stat`` returned."""
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def settled(self, now_ns: int) -> bool:
        """Say whether a change after ``now_ns``, when this was taken, must show in it."""
        return self.ctime_ns + TICK_NS < now_ns


@dataclass(frozen=True)
class Snapshot:
    """A file's content as it was hashed.

    Attributes:
        path: The file.
        sha256: Hex digest of its content.
        state: What the file system said before it was hashed; ``None`` when that was not asked.
        settled: Whether an equal state now means equal content.
    """

    path: Path
    sha256: str
    state: State | None = None
    settled: bool = False

    def check(self) -> Snapshot:
        """Return what is known of the file now, whose content is the same.

        Raises:
            ChangedError: It is another one, or the file cannot be read any more.
            OSError: This process can open no more files.
        """
        try:
            if self.settled and State.of(os.stat(self.path)) == self.state:  # noqa: PTH116 - half the time of Path's
                return self
            now = snapshot_of(self.path)
        except OSError as error:
            if error.errno in OF_NO_PLACE:  # says nothing of the file
                raise
            raise changed(self.path, self.sha256, f"no readable file ({error.strerror or error})") from error
        if now.sha256 != self.sha256:
            raise changed(self.path, self.sha256, now.sha256)
        return now


def snapshot_of(path: Path) -> Snapshot:
    """Hash a file, and remember what the file system said of it before that.

    Raises:
        OSError: It cannot be read.
    """
    now = time.time_ns()
    state = State.of(os.stat(path))  # noqa: PTH116 - half the time of Path's
    return Snapshot(path, file_digest(path), state, state.settled(now))


def require(path: Path, sha256: str) -> None:
    """Hash a file whose content was used, and refuse it if that is not what it was.

    Raises:
        ChangedError: It is another one, or the file cannot be read any more.
    """
    Snapshot(path, sha256).check()


@contextmanager
def used(path: Path, sha256: str) -> Iterator[None]:
    """Hash a file when a block that uses it is left; that it changed is then the error, not what came of it.

    Raises:
        ChangedError: As :func:`require`.
    """
    try:
        yield
    except Exception:
        with suppress(OSError):  # too many open files: then the first error stands
            require(path, sha256)
        raise
    require(path, sha256)


def changed(path: Path, expected: str, found: str) -> ChangedError:
    """Phrase that a file is not what it was when it was hashed."""
    return ChangedError(
        f"{path}: changed while it was in use\n  expected sha256 {expected}, as when it was hashed\n"
        f"  found    {found if ' ' in found else f'sha256 {found}'}\n"
        "  nothing made of it is kept; see to it that nothing writes to it during a run, and run again"
    )


class Watch:
    """Files that were hashed and are being used; threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Path, Snapshot] = {}

    def digest(self, path: Path) -> str:
        """Hash a file that is going to be used, and return the hex digest.

        Raises:
            ChangedError: It was hashed before, and its content was another one.
        """
        found = snapshot_of(path)
        self._note(found)
        return found.sha256

    def expect(self, path: Path, sha256: str) -> None:
        """Say what a file holds that was hashed elsewhere.

        Raises:
            ChangedError: Its content was said to be another one.
        """
        self._note(Snapshot(path, sha256))

    def check(self, paths: Iterable[Path]) -> None:
        """Refuse those of the files that changed; files that were never hashed are left alone.

        Raises:
            ChangedError: For the first one.
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
