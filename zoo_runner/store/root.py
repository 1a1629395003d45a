"""Where the store is, and whether it can be written to. A store on a read-only disk can be used, if it is complete."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import platformdirs

from zoo_runner.errors import PrerequisiteError, StageError
from zoo_runner.files.remedies import refused

ELSEWHERE: Final = "or set ZOO_RUNNER_CACHE to a folder on another disk"
"""Remedy for an error of the store's disk."""
WRITABLE: Final = "make it writable, or set ZOO_RUNNER_CACHE to a folder that is"
"""Remedy for a store that cannot be written to."""
_OF_THE_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.ENOLCK}
)


def default_root() -> Path:
    """Return the folder of the store: ``$ZOO_RUNNER_CACHE``, or ``zoo-runner`` in the user's cache folder.

    Raises:
        PrerequisiteError: The user has no home folder, and the variable names no other place.
    """
    chosen = os.environ.get("ZOO_RUNNER_CACHE")
    try:
        root = Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("zoo-runner"))
    except RuntimeError:  # the path begins with ~, and there is no home folder
        root = Path()
    if not root.is_absolute():
        raise PrerequisiteError(
            "expected a home folder to keep downloads and results in, found none for this user (uid "
            f"{os.getuid()}); set ZOO_RUNNER_CACHE to the absolute path of a folder for them"
        )
    return root


@contextmanager
def disk_errors(doing: str, place: Path) -> Iterator[None]:
    """Turn an error of the store's disk, such as a full one, into one that says what to do.

    Other errors, such as a missing file, are raised as they are.

    Args:
        doing: What the block does, for the error.
        place: The file or folder that it writes.

    Raises:
        StageError: The disk is full, read-only or fails, or this process has too many open files.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno not in _OF_THE_DISK:
            raise
        raise StageError(refused(problem, doing, place, instead=ELSEWHERE)) from problem


def unwritable(folder: Path) -> str:
    """Return why a folder, which may be absent, cannot be written to; an empty text if it can.

    Only permissions and read-only disks show here. A full disk shows when something is written.
    """
    place = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if os.access(place, os.W_OK | os.X_OK):
        return ""
    try:
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    except OSError:
        read_only = 0
    return f"{place} is on a disk that is mounted read-only" if read_only else f"{place} may not be written to"
