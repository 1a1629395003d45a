"""Open a file that somebody else chose: a regular one, read up to a bound, and nothing that waits or never ends.

Opening a pipe waits for a writer, reading a device may never end, and opening one can have effects of its own. All
errors are ``OSError``, so that whoever says why a file cannot be read says this too.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, cast

KINDS: Final = (
    (stat.S_ISFIFO, "a pipe (fifo)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISDIR, "a folder"),
)
_PIECE: Final = 1 << 16


class SpecialFileError(OSError):
    """What was named is no regular file, or no name that a file can have."""


class OversizedFileError(OSError):
    """A file has more bytes than are read of one of its kind."""


def require_regular(path: Path | str) -> os.stat_result:
    """Check that a path leads to a regular file, without opening it; symbolic links are followed.

    Returns:
        What the file system says of the file.

    Raises:
        IsADirectoryError: It is a folder.
        SpecialFileError: It is a pipe, device or socket, links lead in a circle, or no file can have that name.
        OSError: It is absent or cannot be reached.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of Path's
    except ValueError as problem:  # NUL, or characters that no file name can have
        what = "a NUL character in it" if "\0" in str(path) else str(problem)
        raise SpecialFileError(errno.EINVAL, f"expected the name of a file, found {what}", _plain(path)) from problem
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            wrong = "expected a regular file, found symbolic links that lead in a circle"
            raise SpecialFileError(errno.ELOOP, wrong, str(path)) from problem
        raise
    _refuse_special(found, path)
    return found


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading bytes.

    Raises:
        OSError: As :func:`require_regular`, or it cannot be opened.
    """
    descriptor, _ = _open(path)
    try:
        return cast("BinaryIO", os.fdopen(descriptor, "rb"))
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path | str, limit: int, remedy: str = "") -> bytes:
    """Return the content of a regular file.

    Args:
        path: The file.
        limit: Most bytes it may have; no more than that and one are read.
        remedy: What to do when it has more, such as ``set ZOO_RUNNER_... to allow more``.

    Raises:
        OversizedFileError: It has more bytes.
        OSError: As :func:`open_regular`, or it cannot be read.
    """
    descriptor, size = _open(path)
    try:
        if size > limit:
            raise oversized(path, limit, f"{size:,}", remedy)
        pieces, left = [], limit + 1  # files below /proc say that they have 0 bytes
        while left and (piece := os.read(descriptor, min(left, max(size + 1, _PIECE)))):
            pieces.append(piece)
            left -= len(piece)
    finally:
        os.close(descriptor)
    if not left:
        raise oversized(path, limit, "more", remedy)
    return b"".join(pieces)


def oversized(path: Path | str, limit: int, found: str, remedy: str = "") -> OversizedFileError:
    """Phrase that a file has more bytes than are read of it."""
    text = f"expected at most {limit:,} bytes, found {found}{f'; {remedy}' if remedy else ''}"
    return OversizedFileError(errno.EFBIG, text, str(path))


def kind(mode: int) -> str:
    """Name what a file is by its mode, as ``stat`` gives it: ``a pipe (fifo)``, ``a folder``, ``a regular file``."""
    other = "a regular file" if stat.S_ISREG(mode) else "another kind"
    return next((name for test, name in KINDS if test(mode)), other)


def _open(path: Path | str) -> tuple[int, int]:
    """Return the descriptor of a regular file, open for reading, and how many bytes it says that it has."""
    require_regular(path)
    # As text: audit hooks are told of what they are given, and the one that follows plugins knows no other names.
    descriptor = os.open(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        _refuse_special(found, path)  # another file may have taken its place
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, found.st_size


def _refuse_special(found: os.stat_result, path: Path | str) -> None:
    if stat.S_ISREG(found.st_mode):
        return
    text = f"expected a regular file, found {kind(found.st_mode)}"
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, text, str(path))
    raise SpecialFileError(errno.EINVAL, text, str(path))


def _plain(path: Path | str) -> str:
    return str(path).encode("ascii", "backslashreplace").decode().replace("\0", "\\x00")
