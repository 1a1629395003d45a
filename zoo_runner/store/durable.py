"""Replaces files in one step, so that a crash leaves the old file or the new one, and removes what a crash left."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from zoo_runner.files.named_errors import naming
from zoo_runner.files.regular import open_regular

SUFFIX: Final = ".tmp"
"""Suffix of a file that is being written."""


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash it holds the old bytes or the new ones.

    Raises:
        OSError: It cannot be written; the old file is still there. The error names the file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path), _held(path) as (temporary, file):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Write a file's content, or a folder's list of names, from memory to the disk.

    Raises:
        OSError: The disk is full or fails. The error names the file.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unheld(path: Path) -> None:
    """Remove a temporary file that a killed process left; if a process is still writing it, leave it."""
    with suppress(OSError), open_regular(path) as file:  # of a named pipe, ``open`` would wait for a writer
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


@contextmanager
def _held(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new temporary file beside ``path``, and lock it.

    The lock tells other processes that it is in use. The system frees the lock when this process ends.
    """
    while True:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{SUFFIX}")
        try:
            with temporary.open("xb") as file:
                with suppress(OSError):  # a disk without locks: there, no other process can lock and remove it either
                    fcntl.flock(file, fcntl.LOCK_EX)
                if temporary.exists():  # otherwise another process has removed it before it was locked: try again
                    yield temporary, file
                    return
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
