"""Locks between processes: who holds the file of an entry's lock may make or remove the entry."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo_runner.store.entries import remove


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] | None) -> Iterator[None]:
    """Hold the lock of this file; ``on_wait`` is called once when another process has it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - a tenth of a second that `--help` need not pay

    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):  # a link would lead to the file of somebody else
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
    """Remove a folder unless some process holds the lock that guards it."""
    from filelock import FileLock, Timeout  # noqa: PLC0415 - as above

    with suppress(Timeout), FileLock(lock_path, timeout=0):
        remove(path)
