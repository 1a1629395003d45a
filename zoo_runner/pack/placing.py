"""A pack in its place: whole or not at all, and over nothing but a pack that nobody changed."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zoo_runner.errors import FetchError, UsageError, shortened
from zoo_runner.files.new_file import new_file, new_folder, swapped
from zoo_runner.files.regular import open_regular
from zoo_runner.output.names import SUMS
from zoo_runner.pack.checksums import read_sums
from zoo_runner.stages.fetch.zip_stream import open_zip
from zoo_runner.store.durable import sync
from zoo_runner.store.fingerprints import file_digest

ARCHIVE: Final = ".zip"
_OTHER_ARCHIVES: Final = (".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar")
_OF_FOLDERS_THERE: Final = ("", "..")
"""Names of paths to folders that nothing can take the place of: this one, the one above it, the topmost one."""
README: Final = "README.md"
MARK: Final = "# A pack of zoo-run: "
"""How the README of a pack begins."""
_LONGEST: Final = 1 << 20
"""Bytes of README and list that are read to tell whose a pack is."""
_PIECE: Final = 1 << 20
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The time of every member: an archive tells what is in it, and not when it was made."""
_MODE: Final = (stat.S_IFREG | 0o644) << 16
_UNIX: Final = 3


def check_target(target: Path) -> None:
    """Check that a pack can be put there.

    Raises:
        UsageError: It has an ending of another kind of archive or no name, lies below a file, or something else is
            there.
    """
    if target.suffix.lower() in _OTHER_ARCHIVES:
        raise UsageError(
            f"-o {shortened(str(target))}: expected a folder or a file that ends in {ARCHIVE}, found {target.suffix}; "
            f"write {target.name.partition('.')[0]}{ARCHIVE}"
        )
    if target.name in _OF_FOLDERS_THERE:
        raise UsageError(
            f"-o {shortened(str(target))}: expected a name for the pack, found the path of a folder that stays where "
            f"it is; write {shortened(str(target / 'pack'))}"
        )
    above = next(place for place in target.absolute().parents if os.path.lexists(place))
    if not above.is_dir():
        raise UsageError(f"-o {shortened(str(target))}: expected a folder above it, found a file at {above}")
    if os.path.lexists(target) and not _is_replaceable(target):
        raise UsageError(
            f"-o {shortened(str(target))}: expected nothing, or a pack of zoo-run's as it was made, found something "
            "else; it was left alone: move it away, or choose another name"
        )


@contextmanager
def placed(target: Path, name: str) -> Iterator[Path]:
    """Give an empty folder to fill with a pack; what was filled is put at ``target``, as it is or as an archive.

    Args:
        target: A folder, or a file that ends in ``.zip``.
        name: What the folder in the archive is called.

    Raises:
        UsageError: As :func:`check_target`.
        OSError: It cannot be written.
    """
    check_target(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear(target)
    with new_folder(target.with_name(f"{target.name}.d") if _is_archive(target) else target) as fresh:
        yield fresh
        if _is_archive(target):
            _put_archive(fresh, target, name)
        else:
            os.sync()  # once for all
            check_target(target)
            with swapped(fresh, target):
                pass


def _is_archive(target: Path) -> bool:
    return target.suffix.lower() == ARCHIVE


def _put_archive(folder: Path, target: Path, name: str) -> None:
    with new_file(target) as temporary:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:  # weights hardly shrink
            for path in sorted(each for each in folder.rglob("*") if each.is_file()):
                info = zipfile.ZipInfo(f"{name}/{path.relative_to(folder).as_posix()}", _EARLIEST)
                info.external_attr, info.create_system, info.file_size = _MODE, _UNIX, path.stat().st_size
                with path.open("rb") as source, archive.open(info, "w") as member:
                    shutil.copyfileobj(source, member, _PIECE)
        sync(temporary)
        check_target(target)
        temporary.replace(target)


def _is_replaceable(target: Path) -> bool:
    """Say whether at ``target`` is a pack of its kind whose files are those that its list has, or an empty folder."""
    try:
        mode = target.lstat().st_mode
        if _is_archive(target):
            return stat.S_ISREG(mode) and _is_archive_pack(target)
        return stat.S_ISDIR(mode) and (not any(target.iterdir()) or _is_folder_pack(target))
    except (FetchError, OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return False


def _is_folder_pack(folder: Path) -> bool:
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if not _is_plain_folder(path)}
    if not {README, SUMS} <= files.keys() or not all(stat.S_ISREG(path.lstat().st_mode) for path in files.values()):
        return False
    with open_regular(files[README]) as readme, open_regular(files[SUMS]) as sums:
        begin, text = readme.read(_LONGEST), sums.read(_LONGEST)
    return _is_ours(begin, text, {name: file_digest(path) for name, path in files.items() if name != SUMS})


def _is_plain_folder(path: Path) -> bool:
    return stat.S_ISDIR(path.lstat().st_mode)


def _is_archive_pack(path: Path) -> bool:
    """Look into an archive; only stored members are read, and together no more bytes than the file has."""
    with open_zip(path) as archive:
        if archive is None:
            return False
        members = {info.filename.partition("/")[2]: info for info in archive.infolist()}
        if len(members) != len(archive.infolist()) or not {README, SUMS} <= members.keys():
            return False
        if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
            return False
        if sum(info.file_size for info in members.values()) > path.stat().st_size:  # members within each other
            return False
        begin, text = (archive.open(members[name]).read(_LONGEST) for name in (README, SUMS))
        return _is_ours(begin, text, {n: _member_digest(archive, each) for n, each in members.items() if n != SUMS})


def _member_digest(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    digest = hashlib.sha256()
    with archive.open(info) as member:
        while piece := member.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _is_ours(readme: bytes, sums: bytes, found: dict[str, str]) -> bool:
    return readme.startswith(MARK.encode()) and read_sums(sums.decode()) == found


def _clear(target: Path) -> None:
    """Remove what packing that was killed left beside ``target``; a pack that it had moved away is put back."""
    left = re.compile(rf"\.{re.escape(target.name)}(?:\.d)?\.(\d+)\.(?:tmp|old)")
    for path in target.parent.iterdir():
        match = left.fullmatch(path.name)
        if match is None or Path("/proc", match[1]).exists():  # that one is at work
            continue
        if path.suffix == ".old" and not os.path.lexists(target) and not _is_archive(target):
            path.rename(target)
        elif _is_plain_folder(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
