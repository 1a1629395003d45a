"""Locks between processes: a process may make or remove an entry only while it has the entry's lock."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo_runner.store.entries import remove


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """Hold the lock file at ``path`` during the block; if another process has it, call ``on_wait`` once, and wait."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a tenth of a second that `--help` need not pay

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):  # a link may point to somebody else's file
            remove(path)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if on_wait is not None:
            on_wait()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def remove_unlocked(path: Path, lock_path: Path) -> None:
    """Remove a file or folder, unless a process has the lock of the entry that it belongs to."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

    with suppress(Timeout), FileLock(lock_path, timeout=0):
        remove(path)
