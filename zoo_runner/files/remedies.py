"""What to do when the operating system refuses: one remedy for each kind of refusal, for all rooms."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

from zoo_runner.errors import shortened
from zoo_runner.files.regular import OversizedFileError, SpecialFileError

REMEDIES: Final = {
    errno.ENOSPC: "free some space on that disk (or files, where df -i shows that none are left)",
    errno.EDQUOT: "your quota on that disk is used up: remove files, or ask for more",
    errno.EROFS: "that disk is mounted read-only: mount it for writing, or choose another folder",
    errno.EACCES: "change the permissions of the file or of a folder above it (ls -ld shows them)",
    errno.EPERM: "the system forbids it to this user: look at owner, permissions and attributes (ls -l, lsattr)",
    errno.EMFILE: "this process has too many files open: raise the limit (ulimit -n 4096) and run again",
    errno.ENFILE: "this machine has too many files open: end other programs, or raise fs.file-max",
    errno.EIO: "the disk failed: look at the system's log (dmesg), and use another disk",
    errno.ENOENT: "check the path, and that nothing removes it while it is in use",
    errno.ENOTDIR: "a part of the path is a file where a folder is expected: check the path",
    errno.EISDIR: "give a file instead of a folder",
    errno.EEXIST: "remove or rename what is there",
    errno.ENAMETOOLONG: "use a shorter name or path",
    errno.ELOOP: "symbolic links lead in a circle: remove one of them",
    errno.EFBIG: "the file system, or a limit (ulimit -f), allows no file of this size",
    errno.ENOMEM: "the machine is out of memory: end other programs, or use a smaller batch size",
    errno.ENOLCK: "the file system has no locks left: use a folder on a local disk",
    errno.ESTALE: "the network disk was changed under the run: mount it again",
    errno.EBUSY: "another program holds the file: end it",
    errno.ETXTBSY: "another program runs the file: end it",
    errno.EINVAL: "the file system does not support this: use a folder on a local disk",
    errno.EOPNOTSUPP: "the file system does not support this: use a folder on a local disk",
    errno.EXDEV: "the file system does not support this: use a folder on a local disk",
    errno.ETIMEDOUT: "the network disk does not answer: mount it again, or use a local disk",
}
"""Remedies by ``errno``."""
OF_NO_PLACE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""Errors that another folder or disk would not mend."""
UNKNOWN: Final = "look at the file, its disk and its permissions"


def remedy(error: OSError) -> str:
    """Return what to do about an error of the operating system."""
    if isinstance(error, SpecialFileError):
        return "give the path of a regular file"
    if isinstance(error, OversizedFileError):
        return "give the right file"
    return REMEDIES.get(error.errno or 0, UNKNOWN)


def refused(error: OSError, doing: str, path: Path, *, needed: int | None = None, instead: str = "") -> str:
    """Phrase that the operating system refused something: the file, what was being done, why, and the remedy.

    Args:
        error: What it said.
        doing: What was being done, such as ``write the downloaded file``.
        path: The file or folder; where the error names another one, that is said too.
        needed: Bytes that were still to be written, where that is known; said when there is too little space.
        instead: Another way out, such as ``or set ZOO_RUNNER_CACHE to a folder on another disk``.
    """
    why = error.strerror or str(error) or type(error).__name__
    named = {os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, (str, bytes))}
    others = sorted(shortened(name) for name in named - {str(path)})
    what_else = f" ({', '.join(others)})" if others else ""
    way_out = f"{remedy(error)}{f', {instead}' if instead and error.errno not in OF_NO_PLACE else ''}"
    return f"{shortened(str(path))}: cannot {doing}: {why}{what_else}{_space(error, path, needed)}; {way_out}"


def explained(error: OSError) -> str:
    """Phrase an error of which nothing more is known: what the system says, free space where it helps, the remedy."""
    named = error.filename if isinstance(error.filename, (str, bytes)) else ""
    space = _space(error, Path(os.fsdecode(named)), None) if named else ""
    return f"{shortened(str(error), 1000)}{space}; {remedy(error)}"


def _space(error: OSError, path: Path, needed: int | None) -> str:
    """Say how much is needed and how much is free, of an error that is about space."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return ""
    wanted = "" if needed is None else f"{needed:,} bytes needed, "
    for folder in (path, *path.parents):
        try:
            return f" ({wanted}{shutil.disk_usage(folder).free:,} free)"
        except OSError:
            continue
    return f" ({wanted.removesuffix(', ')})" if wanted else ""
