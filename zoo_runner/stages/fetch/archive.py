"""Unpack a data set's archive once, without letting it write anywhere else, or without end."""

from __future__ import annotations

import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from lzma import LZMAError
from pathlib import Path
from typing import Final

from zoo_runner.errors import FetchError
from zoo_runner.files.regular import require_regular
from zoo_runner.files.remedies import refused
from zoo_runner.plugin.interfaces import Progress
from zoo_runner.stages.fetch.limits import MEMBERS, RATIO, RATIO_FREE, UNPACKED, too_much
from zoo_runner.stages.fetch.members import Kind, Member, problem
from zoo_runner.stages.fetch.tar_stream import open_tar
from zoo_runner.stages.fetch.zip_stream import open_zip
from zoo_runner.store.snapshots import used
from zoo_runner.store.store import ELSEWHERE, Store, Terms

BROKEN: Final = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    LZMAError,
    EOFError,
    OSError,
    ValueError,
    ArithmeticError,  # a time or size that the system has no number for
    LookupError,
    RuntimeError,  # zipfile's for a password, and NotImplementedError for a compression
)
"""What tarfile and zipfile raise of archives that are not whole."""


def extract(archive: Path, digest: str, store: Store, progress: Progress) -> Path:
    """Return the folder with the archive's content, unpacking it when that was not done before.

    Of what was unpacked before, only those files are read again whose size or times changed since they were last
    read: a data set has thousands of them. A damaged one is unpacked again.

    Args:
        archive: A tar file (plain, gzip, xz or bzip2) or a zip file.
        digest: SHA-256 of the archive; the folder is found by it.
        store: Where the folder is kept.
        progress: Shown in unpacked bytes.

    Raises:
        ChangedError: The archive is not, or no longer, the file with that hash.
        FetchError: The archive is damaged, does not fit on the disk or within the bounds, or holds a member that does
            not belong in a data set: outside the folder, doubled, encrypted, a device, or a link to outside.
    """

    def make(folder: Path) -> None:
        with used(archive, digest), explained(archive, f"unpack {archive.name} into", folder):
            _unpack(archive, folder, store, progress)

    def wait() -> None:
        progress.note(f"{archive}: waiting for another process that unpacks it")

    return store.build("dataset", digest, make, Terms(verify="stat", repeats="everywhere"), on_wait=wait).path


@contextmanager
def explained(archive: Path, doing: str, place: Path, where: str = "") -> Iterator[None]:
    """Say of what goes wrong whether the archive or the disk is the reason."""
    try:
        yield
    except BROKEN as why:
        if isinstance(why, OSError) and why.errno is not None:
            raise FetchError(f"{archive}: {refused(why, doing, place, instead=ELSEWHERE)}") from why
        raise FetchError(
            f"{archive}: cannot be unpacked: {where}{why}. Expected an intact tar or zip archive; "
            "delete it and fetch it again"
        ) from why


def _unpack(archive: Path, folder: Path, store: Store, progress: Progress) -> None:
    with members_of(archive) as members:
        _write(archive, members, folder, store, progress)


@contextmanager
def members_of(archive: Path) -> Iterator[list[Member]]:
    """Open an archive and list its members; while it is open, they can be written.

    Raises:
        FetchError: It is no archive, or has more members or bytes than the bounds allow.
    """
    require_regular(archive)
    with open_tar(archive) as opened:  # asked first: a tar file can end in a stored zip file
        if opened is not None:
            if not hasattr(tarfile, "data_filter"):
                raise FetchError(
                    f"{archive}: unpacking needs tarfile's data filter, which this Python lacks; "
                    "expected Python 3.10.12, 3.11.4 or later"
                )
            tar, stream = opened
            yield _within_bounds(archive, (_tar_member(tar, info) for info in stream.members(tar)))
            return
    with open_zip(archive) as pack:
        if pack is None:
            raise FetchError(f"{archive}: expected a tar archive (plain, gz, xz, bz2) or a zip archive")
        yield _within_bounds(archive, (_zip_member(pack, info) for info in pack.infolist()))


def _within_bounds(archive: Path, members: Iterable[Member]) -> list[Member]:
    """List the members; of an archive that would be too much, no further than to where it is.

    Raises:
        FetchError: There are too many, or they unpack to too much.
    """
    packed, most, total = archive.stat().st_size, UNPACKED.value, 0
    by_ratio = max(RATIO_FREE, packed * RATIO.value)
    kept: list[Member] = []
    for member in members:
        if member.size < 0:
            raise FetchError(f"{archive}: cannot be unpacked: member {member.shown} has a size below 0")
        kept.append(member)
        total += member.size
        if len(kept) > MEMBERS.value:
            raise too_much(archive, f"{MEMBERS.value:,} members", MEMBERS.remedy)
        if total > most:
            raise too_much(archive, f"{most:,} bytes unpacked", UNPACKED.remedy)
        if total > by_ratio:
            of_bytes = f"{by_ratio:,} bytes unpacked from {packed:,} bytes"
            raise too_much(archive, of_bytes, RATIO.remedy)
    return kept


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    kind: Kind = "special file"
    if info.isreg():
        kind = "file"
    elif info.isdir():
        kind = "folder"
    elif info.issym():
        kind = "symbolic link"
    elif info.islnk():
        kind = "hard link"
    return Member(
        name=info.name,
        kind=kind,
        size=info.size if kind == "file" else 0,
        target=info.linkname,
        write=partial(_write_tar_member, tar, info),
    )


def _write_tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo, folder: Path) -> None:
    tar.extract(info, folder, filter="data")


def _zip_member(pack: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = stat.S_IFMT(info.external_attr >> 16)
    kind: Kind = "folder" if info.is_dir() else "file"
    if info.flag_bits & 1:
        kind = "encrypted file"
    elif mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        kind = "special file"  # links too: zipfile would write their target as text
    return Member(name=info.filename, kind=kind, size=info.file_size, write=partial(pack.extract, info))


def _write(archive: Path, members: list[Member], folder: Path, store: Store, progress: Progress) -> None:
    """Check all members, then write them one by one."""
    if trouble := problem(members):
        raise FetchError(
            f"{archive}: refusing to unpack, nothing was written: {trouble}. Expected files, folders "
            "and links that stay inside; if you trust the archive, unpack it yourself and pass --data FOLDER"
        )
    total = sum(member.size for member in members)
    store.require_space(total, f"unpacking {archive}")
    with progress.track(f"unpack {archive.name}", total, "B") as advance:
        for member in members:
            doing = f"unpack member {member.shown} into"
            with explained(archive, doing, folder, f"member {member.shown}: "):
                member.write(folder)
            advance(member.size)
