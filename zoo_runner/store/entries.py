"""One entry of the store on the disk: its files, the stamp that says what they were, and whether they still are that.

Nothing in an entry is believed: a file counts as unchanged when its content has the stamped hash, or when nothing that
the file system says of it changed since it had.
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
"""How an entry is checked before reuse.

``hash`` reads every file (about a second per GB); ``stat`` reads those only whose size, times or inode are not what
they were when their content was last checked, for entries of thousands of files.
"""

CONTENT: Final = "content"
STAMP: Final = "stamp.json"
STAMP_MOST: Final = 1 << 30
"""Bytes of a stamp: some 300 for each file."""
_NAMED: Final = 3


class DamagedError(Exception):
    """What is wrong with an entry; it is made again, so that users read this in a note only."""


@dataclass(frozen=True)
class StampedFile:
    """One file of an entry, as it was when the entry was made.

    Attributes:
        path: Path below the entry's folder, with forward slashes.
        size: Bytes.
        sha256: Hex digest; of a symbolic link, that of its target's name.
        link: Whether it is a symbolic link; ``None`` in stamps of earlier releases.
        seen: Inode and times (mtime and ctime in ns) for which the content is known to be this one; ``None`` when
            there are none, because the file was too young.
    """

    path: str
    size: int
    sha256: str
    link: bool | None = None
    seen: tuple[int, int, int] | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Stamp:
    """What an entry holds.

    Attributes:
        files: Sorted by path.
        folders: Folders below the entry's, sorted; ``None`` in stamps of earlier releases.
        key: The entry's key, so that one in the place of another is found; ``None`` in stamps of earlier releases.
        made_on: The processor that made it, as :func:`processor` says; ``None`` likewise.
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
            DamagedError: There is none that can be understood.
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
    """Hash all files of a finished entry."""
    now, (found, folders) = time.time_ns(), _scan(content)
    files = []
    for name, state in found.items():
        link = stat.S_ISLNK(state.st_mode)
        digest = _digest(content / name, link=link)
        files.append(StampedFile(name, state.st_size, digest, link, _seen(state, now)))
    return Stamp(tuple(files), folders, key, processor())


@cache
def processor() -> str:
    """Name the type of this machine's processor: others may compute other bits with the same library."""
    wanted = ("model name", "flags", "Features", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    facts = sorted({line for line in lines if line.startswith(wanted)})
    return fingerprint(platform.machine(), facts)[:16]


def check(entry: Path, verify: Verify) -> tuple[Stamp, bool]:
    """Hold an entry against its stamp.

    Returns:
        The stamp with what is known now, and whether it is worth to be written in the old one's place.

    Raises:
        DamagedError: Something is missing, too much, changed, of another kind or unreadable.
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
    """Return what is known now of a file that is what the stamp says."""
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
    """Without the device's number, which another mount of the same disk changes."""
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns


def _seen(state: os.stat_result, now: int) -> tuple[int, int, int] | None:
    return _times(state) if State.of(state).settled(now) else None


def _digest(path: Path, *, link: bool) -> str:
    return hashlib.sha256(os.fsencode(path.readlink())).hexdigest() if link else file_digest(path)


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"


def remove(path: Path) -> None:
    """Remove a file or folder whatever its permissions are, if that can be done at all."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        for folder in _opened(path):
            folder.chmod(stat.S_IRWXU)
        shutil.rmtree(path, ignore_errors=True)


def _opened(folder: Path) -> Iterator[Path]:
    """Yield a folder and those below it; each is looked into after the consumer opened it."""
    yield folder
    with os.scandir(folder) as inside:
        below = [Path(each) for each in inside if each.is_dir(follow_symlinks=False)]
    for each in below:
        yield from _opened(each)
