"""Where the store is, and whether it can be written to: a complete one on a read-only disk is as good as any."""

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
"""The way out of what is wrong with the store's disk."""
WRITABLE: Final = "make it writable, or set ZOO_RUNNER_CACHE to a folder that is"

_OF_THE_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE, errno.EFBIG, errno.ENOLCK}
)


def default_root() -> Path:
    """Return where artifacts live: ``$ZOO_RUNNER_CACHE``, or the user's cache folder.

    Raises:
        PrerequisiteError: The user has no home folder, and the variable names no other place.
    """
    chosen = os.environ.get("ZOO_RUNNER_CACHE")
    try:
        root = Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("zoo-runner"))
    except RuntimeError:  # of ~ without a home folder
        root = Path()
    if not root.is_absolute():
        raise PrerequisiteError(
            "expected a home folder to keep downloads and results in, found none for this user (uid "
            f"{os.getuid()}); set ZOO_RUNNER_CACHE to the absolute path of a folder for them"
        )
    return root


@contextmanager
def disk_errors(doing: str, place: Path) -> Iterator[None]:
    """Say of an error that is about the store's disk, or about this process, what was being done and what to do.

    Others, such as those of a file that is missing, stay what they are.

    Raises:
        StageError: In the place of such an error.
    """
    try:
        yield
    except OSError as problem:
        if problem.errno not in _OF_THE_DISK:
            raise
        raise StageError(refused(problem, doing, place, instead=ELSEWHERE)) from problem


def unwritable(folder: Path) -> str:
    """Say why nothing can be made in a folder, which need not be there yet; nothing where it can.

    That a disk is full, or fails, shows only when something is written.
    """
    place = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    if os.access(place, os.W_OK | os.X_OK):
        return ""
    try:
        read_only = os.statvfs(place).f_flag & os.ST_RDONLY
    except OSError:
        read_only = 0
    return f"{place} is on a disk that is mounted read-only" if read_only else f"{place} may not be written to"
