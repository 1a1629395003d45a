"""The lock of an output folder: one run at a time. The system frees it when the process ends, even if it is killed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Final

from zoo_runner.errors import PrerequisiteError, UsageError
from zoo_runner.output.names import LOCK

LONGEST: Final = 4096
"""How many bytes of the lock file are read."""
_BUSY: Final = {errno.EWOULDBLOCK, errno.EACCES}
_TRIES: Final = 100
_held: dict[Path, int] = {}
"""How many times this process has locked each folder: the command locks it first, and the run in it once more."""


@contextmanager
def held(folder: Path) -> Iterator[str]:
    """Lock a folder that exists, so that no other run writes to it.

    A process may lock a folder more than once.

    Yields:
        A warning if the file system has no locks; otherwise an empty text.

    Raises:
        PrerequisiteError: Another run has the lock; the error names its process and start.
        UsageError: The lock's name belongs to something that is no lock file of zoo-run's.
        OSError: The lock file cannot be made.
    """
    place = folder.resolve()
    if _held.get(place):
        _held[place] += 1
        try:
            yield ""
        finally:
            _held[place] -= 1
        return
    number, warning = _locked(folder)
    _held[place] = 1
    try:
        yield warning
    finally:
        del _held[place]
        with suppress(OSError):  # a lock file that stays does not stop the next run
            (folder / LOCK).unlink()
        os.close(number)


def _locked(folder: Path) -> tuple[int, str]:
    """Open and lock the lock file; if another run removed it between the two, try again.

    Returns:
        The file descriptor, and a warning or an empty text.
    """
    path = folder / LOCK
    for _ in range(_TRIES):
        number = _opened(path)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(number, LONGEST, 0)
            if error.errno in _BUSY:
                os.close(number)
                raise PrerequisiteError(_busy(folder, holder)) from error
            return number, (
                f"--output {folder}: its file system has no locks ({error.strerror}): nothing keeps a second run out "
                "of the folder; start none in it before this one has ended"
            )
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(number), path.lstat()):
                with suppress(OSError):  # a full disk: the lock holds without a signature, too
                    _sign(number)
                return number, ""
        os.close(number)
    raise PrerequisiteError(f"--output {folder}: runs in it start and end all the time; choose another --output")


def _opened(path: Path) -> int:
    """Open the lock file, and make it if there is none; return its descriptor."""
    refused = UsageError(
        f"--output {path.parent}: {LOCK} in it is no lock of zoo-run's; remove it, or choose another --output"
    )
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise refused from error
        raise
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise refused
    return number


def _sign(number: int) -> None:
    """Write this process, host and time into the lock file, for the error of another run."""
    started = datetime.now(tz=timezone.utc).isoformat(timespec="seconds")
    signed = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "started": started})
    os.ftruncate(number, 0)
    os.pwrite(number, f"{signed}\n".encode(), 0)


def _busy(folder: Path, holder: bytes) -> str:
    try:
        found = json.loads(holder)
        who = f"process {int(found['pid'])} on {str(found['host'])[:100]}, started {str(found['started'])[:40]}"
    except (ValueError, TypeError, KeyError, RecursionError):  # the other run has the lock, and has not signed yet
        who = "a process that has only just started"
    return f"--output {folder}: another run writes to it ({who}); wait for its end, or choose another --output"
