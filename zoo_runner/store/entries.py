"""An entry of the store on the disk: its files, and the stamp that lists them with their hashes.

Each file is checked before it is reused. It counts as unchanged if its content has the hash in the stamp. With
``stat``, it also counts as unchanged if its size, times and inode are the same as when its hash was last checked.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from zoo_runner.files.regular import kind, read_regular
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.store.snapshots import State

Verify: TypeAlias = Literal["hash", "stat"]
"""How an entry is checked before it is reused.

``hash`` reads every file (about a second per GB). ``stat`` reads a file only if its size, times or inode have changed
since its content was last checked; it is for entries with thousands of files.
"""

CONTENT: Final = "content"
STAMP: Final = "stamp.json"
STAMP_MOST: Final = 1 << 30
"""Largest stamp that is read, in bytes; a stamp has about 300 for each file."""
_NAMED: Final = 3
"""How many files an error lists."""


class DamagedError(Exception):
    """An entry is damaged. It is then made again, and the user reads the reason in a note."""


@dataclass(frozen=True)
class StampedFile:
    """One file of an entry, as it was when the entry was made.

    Attributes:
        path: Path below the entry's folder, with forward slashes.
        size: Size in bytes.
        sha256: Hex digest of its content; for a symbolic link, of the path that it points to.
        link: Whether it is a symbolic link; ``None`` in stamps of earlier releases.
        seen: Inode, mtime and ctime (in ns) of the file when its content last had this hash. ``None`` if the file was
            written so shortly before that a later change could have the same times.
    """

    path: str
    size: int
    sha256: str
    link: bool | None = None
    seen: tuple[int, int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Stamp:
    """The list of an entry's files. Stamps of earlier releases have ``None`` where they did not say.

    Attributes:
        files: The files and links, sorted by path.
        folders: Paths of the folders below the entry's folder, sorted.
        key: The entry's key; it shows when an entry was moved into the place of another.
        made_on: Type of the processor that made the entry, as :func:`processor` returns it.
    """

    files: tuple[StampedFile, ...]
    folders: tuple[str, ...] | None = None
    key: str | None = None
    made_on: str | None = None

    def encoded(self) -> bytes:
        """Return the stamp as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, path: Path) -> Stamp:
        """Read a stamp.

        Raises:
            DamagedError: The file is absent, or is not a stamp.
        """
        try:
            rows = json.loads(read_regular(path, STAMP_MOST))
            files = tuple(_stamped(row) for row in rows["files"])
            folders = rows.get("folders")
            folders = None if folders is None else tuple(map(str, folders))
            return cls(files, folders, rows.get("key"), rows.get("made_on"))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DamagedError(f"its {path.name} cannot be read ({_reason(error)})") from error


def _stamped(row: Mapping[str, Any]) -> StampedFile:
    seen = row.get("seen")
    file = StampedFile(**{**row, "seen": None if seen is None else tuple(seen)})
    if not (isinstance(file.path, str) and isinstance(file.size, int) and isinstance(file.sha256, str)):
        raise TypeError(f"unexpected types in {row}")
    return file


def make_stamp(content: Path, key: str | None = None) -> Stamp:
    """Hash all files of a finished entry.

    Args:
        content: The folder with the files.
        key: The entry's key.

    Raises:
        OSError: A file cannot be read.
    """
    now, (found, folders) = time.time_ns(), _scan(content)
    files = []
    for name, state in found.items():
        link = stat.S_ISLNK(state.st_mode)
        digest = _digest(content / name, link=link)
        files.append(StampedFile(name, state.st_size, digest, link, _seen(state, now)))
    return Stamp(tuple(files), folders, key, processor())


@cache
def processor() -> str:
    """Return a name for the type of this machine's processor: on another type, a library may compute other bits.

    Returns:
        16 hex digits.
    """
    wanted = ("model name", "flags", "Features", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts = sorted({line for line in lines if line.startswith(wanted)})
    return fingerprint(platform.machine(), facts)[:16]


def check(entry: Path, verify: Verify) -> tuple[Stamp, bool]:
    """Compare an entry with its stamp.

    Args:
        entry: The entry's folder.
        verify: Whether every file is read.

    Returns:
        The stamp with the present inodes and times, and whether these differ from the stamp on the disk. If they do,
        the new stamp saves reading the same files at the next check.

    Raises:
        DamagedError: A file or folder is missing, was added, has changed, is of another kind or cannot be read.
    """
    stamp, content = Stamp.read(entry / STAMP), entry / CONTENT
    if stamp.key not in {None, entry.name}:
        raise DamagedError(f"it was made as {stamp.key}")
    try:
        if content.is_symlink() or not content.is_dir():
            raise DamagedError(f"its {CONTENT} is no folder")
        now, (found, folders) = time.time_ns(), _scan(content)
        _check_names(stamp, found, folders)
        files = tuple(_checked(content, file, found[file.path], verify, now) for file in stamp.files)
    except OSError as error:
        raise DamagedError(f"it cannot be read ({_reason(error)})") from error
    better = any(new.seen != old.seen for new, old in zip(files, stamp.files, strict=True))
    return replace(stamp, files=files, folders=folders), better


def _check_names(stamp: Stamp, found: Mapping[str, os.stat_result], folders: tuple[str, ...]) -> None:
    stamped = {file.path for file in stamp.files}
    for what, names in (
        ("missing", stamped - found.keys()),
        ("added", found.keys() - stamped),
        ("missing folder", set(stamp.folders or ()) - set(folders)),
        ("added folder", set(folders) - set(folders if stamp.folders is None else stamp.folders)),
    ):
        if names:
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            raise DamagedError(f"{what}: {', '.join(sorted(names)[:_NAMED])}{more}")


def _checked(content: Path, file: StampedFile, state: os.stat_result, verify: Verify, now: int) -> StampedFile:
    """Compare a file with its row in the stamp; return the row with the file's present inode and times.

    Args:
        content: The folder with the entry's files.
        file: The row.
        state: What the file system says of the file.
        verify: Whether a file is read even if its size, times and inode are the same.
        now: When the check began, in ns since 1970.

    Raises:
        DamagedError: The file is not what the row says.
    """
    link = stat.S_ISLNK(state.st_mode)
    if not (link or stat.S_ISREG(state.st_mode)) or file.link not in {None, link}:
        raise DamagedError(f"{file.path} is {'a symbolic link' if link else kind(state.st_mode)} now")
    if state.st_size != file.size:
        raise DamagedError(f"{file.path} has {state.st_size} bytes, expected {file.size}")
    known = file.seen is not None and file.seen == _times(state)
    if verify == "stat" and known and not link:
        return file
    try:
        digest = _digest(content / file.path, link=link)
    except OSError as error:
        raise DamagedError(f"{file.path} cannot be read ({_reason(error)})") from error
    if digest != file.sha256:
        raise DamagedError(f"{file.path} has another content: expected sha256 {file.sha256}, found {digest}")
    return file if known else replace(file, link=link, seen=_seen(state, now))


def _scan(folder: Path) -> tuple[dict[str, os.stat_result], tuple[str, ...]]:
    """Return all files and links below a folder, and all folders, sorted by path; links are not followed."""
    files: dict[str, os.stat_result] = {}
    folders: list[str] = []
    left = [""]
    while left:
        prefix = left.pop()
        with os.scandir(folder / prefix if prefix else folder) as inside:
            for each in inside:
                if each.is_dir(follow_symlinks=False):
                    folders.append(prefix + each.name)
                    left.append(f"{prefix}{each.name}/")
                else:
                    files[prefix + each.name] = each.stat(follow_symlinks=False)
    return dict(sorted(files.items())), tuple(sorted(folders))


def _times(state: os.stat_result) -> tuple[int, int, int]:
    """Return inode, mtime and ctime. The device's number is left out: it changes when a disk is mounted again."""
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def _seen(state: os.stat_result, now: int) -> tuple[int, int, int] | None:
    """Return inode and times if a later change must show in them; otherwise ``None``."""
    return _times(state) if State.of(state).settled(now) else None


def _digest(path: Path, *, link: bool) -> str:
    return hashlib.sha256(os.fsencode(path.readlink())).hexdigest() if link else file_digest(path)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"


def remove(path: Path) -> None:
    """Remove a file or folder; if permissions of folders forbid that, change them first.

    What cannot be removed from a folder stays.

    Raises:
        OSError: A file or link cannot be removed, or the permissions of a folder cannot be changed.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for folder in _folders(path):
            folder.chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)


def _folders(folder: Path) -> Iterator[Path]:
    """Yield a folder and all folders below it; each is listed only after the caller has made it readable."""
    yield folder
    with os.scandir(folder) as inside:
        below = [Path(each) for each in inside if each.is_dir(follow_symlinks=False)]
    for each in below:
        yield from _folders(each)
