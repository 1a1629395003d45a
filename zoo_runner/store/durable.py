"""Files that are replaced in one step, and what a process that was killed on the way to that left behind."""

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
"""How the names of files end that are being written."""


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
    """Bring a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_unheld(path: Path) -> None:
    """Remove a file that a killed process was writing; one that is being written, or cannot be removed, stays."""
    with suppress(OSError), open_regular(path) as file:  # a pipe would wait for a writer
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


@contextmanager
def _held(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Open a new file beside a path; it is locked while this process lives, which is how it is known to be needed."""
    while True:
        temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}{SUFFIX}")
        try:
            with temporary.open("xb") as file:
                with suppress(OSError):  # a disk without locks: then nobody else can lock it either, and it stays
                    fcntl.flock(file, fcntl.LOCK_EX)
                if temporary.exists():  # else it was taken for a killed process's before it was locked
                    yield temporary, file
                    return
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
