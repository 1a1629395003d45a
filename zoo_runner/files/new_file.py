"""A new file or folder beside the one whose place it takes; an interruption at any step leaves nothing half done."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Make an empty file beside ``path``, to be filled and put in its place; what was not put there is removed.

    Raises:
        OSError: It cannot be made.
    """
    temporary = beside(path, "tmp")
    try:  # before it is there: a signal may come between any two steps
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666))
        yield temporary
    finally:
        with suppress(OSError):  # what is reported is why it could not be written
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make an empty folder beside ``path``, as :func:`new_file` does.

    Raises:
        OSError: It cannot be made.
    """
    temporary = beside(path, "tmp")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def swapped(fresh: Path, folder: Path) -> Iterator[None]:
    """Put a folder in the place of ``folder``, if there is one; that one is removed when the block is left.

    Raises:
        OSError: It cannot be put there; what was there stays.
    """
    old = beside(folder, "old")
    try:
        shutil.rmtree(old, ignore_errors=True)
        if os.path.lexists(folder):
            folder.rename(old)
        fresh.rename(folder)
        yield
    finally:
        if os.path.lexists(old) and not os.path.lexists(folder):
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)  # interrupted here, it goes when the next run starts


def beside(path: Path, ending: str) -> Path:
    """Return the name that this process gives to what is on its way into the place of ``path``, or out of it."""
    return path.with_name(f".{path.name}.{os.getpid()}.{ending}")
