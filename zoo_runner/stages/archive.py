"""Unpack a data set's archive once, without letting it write anywhere else."""

from __future__ import annotations

import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Literal

from zoo_runner.artifacts import Store
from zoo_runner.errors import FetchError
from zoo_runner.interfaces import Progress

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)
_Kind = Literal["file", "folder", "symbolic link", "hard link", "special file", "encrypted file"]


@dataclass(frozen=True)
class _Member:
    """One member of an archive, before anything of it is written.

    Attributes:
        name: Name as the archive has it.
        kind: What extracting it would make.
        size: Bytes it unpacks to.
        target: What a link points to.
        write: Extracts it below a folder.
    """

    name: str
    kind: _Kind
    size: int
    write: Callable[[Path], object]
    target: str = ""


def extract(archive: Path, digest: str, store: Store, progress: Progress) -> Path:
    """Return the folder with the archive's content, unpacking it when that was not done before.

    Reuse is checked by the names and sizes of the files only: the archive as a whole was verified
    before, and a data set has thousands of files.

    Args:
        archive: A tar file (plain, gzip, xz or bzip2) or a zip file.
        digest: SHA-256 of the archive; the folder is found by it.
        store: Where the folder is kept.
        progress: Shown in unpacked bytes.

    Raises:
        FetchError: The archive is damaged, does not fit on the disk, or holds a member that does not
            belong in a data set: outside the folder, doubled, encrypted, a device, or a link to outside.
    """

    def make(folder: Path) -> None:
        try:
            _unpack(archive, folder, store, progress)
        except _BROKEN as problem:
            raise FetchError(
                f"{archive}: cannot be unpacked: {problem}. Expected an intact tar or zip archive; "
                "delete it and fetch it again"
            ) from problem

    def wait() -> None:
        progress.note(f"{archive}: waiting for another process that unpacks it")

    return store.build("dataset", digest, make, verify="size", on_wait=wait).path


def _unpack(archive: Path, folder: Path, store: Store, progress: Progress) -> None:
    if tarfile.is_tarfile(archive):  # asked first: a tar file can end in a stored zip file
        if not hasattr(tarfile, "data_filter"):
            raise FetchError(
                f"{archive}: unpacking needs tarfile's data filter, which this Python lacks; "
                "expected Python 3.10.12, 3.11.4 or later"
            )
        with tarfile.open(archive) as tar:
            _write(archive, [_tar_member(tar, info) for info in tar], folder, store, progress)
    elif zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as pack:
            _write(archive, [_zip_member(pack, info) for info in pack.infolist()], folder, store, progress)
    else:
        raise FetchError(f"{archive}: expected a tar archive (plain, gz, xz, bz2) or a zip archive")


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    kind: _Kind = "special file"
    if info.isreg():
        kind = "file"
    elif info.isdir():
        kind = "folder"
    elif info.issym():
        kind = "symbolic link"
    elif info.islnk():
        kind = "hard link"
    return _Member(
        name=info.name,
        kind=kind,
        size=info.size if kind == "file" else 0,
        target=info.linkname,
        write=lambda folder: tar.extract(info, folder, filter="data"),
    )


def _zip_member(pack: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    mode = stat.S_IFMT(info.external_attr >> 16)
    kind: _Kind = "folder" if info.is_dir() else "file"
    if info.flag_bits & 1:
        kind = "encrypted file"
    elif mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        kind = "special file"  # links too: zipfile would write their target as text
    return _Member(name=info.filename, kind=kind, size=info.file_size, write=lambda folder: pack.extract(info, folder))


def _write(archive: Path, members: list[_Member], folder: Path, store: Store, progress: Progress) -> None:
    """Check all members, then write them one by one."""
    if problem := _problem(members):
        raise FetchError(
            f"{archive}: refusing to unpack, nothing was written: {problem}. Expected files, folders "
            "and links that stay inside; if you trust the archive, unpack it yourself and pass --data FOLDER"
        )
    total = sum(member.size for member in members)
    store.require_space(total, f"unpacking {archive}")
    with progress.track(f"unpack {archive.name}", total, "B") as advance:
        for member in members:
            member.write(folder)
            advance(member.size)


def _problem(members: list[_Member]) -> str | None:
    """Describe the first member that could do harm, judging by names alone.

    No name and no link target may lead through a link, so that what the text says is what the file
    system does; ``data_filter`` is then a second opinion rather than the only one.
    """
    if not any(member.kind == "file" for member in members):
        return "it holds no files"
    places: dict[str, _Member] = {}
    for member in members:
        path = posixpath.normpath(member.name)
        trouble = _trouble(member, places)
        if not trouble and path in places and not places[path].kind == member.kind == "folder":
            trouble = "appears twice and would overwrite itself"
        if trouble:
            return f"member {member.name!r} {trouble}"
        places[path] = member
    for path, member in places.items():
        through = [parent for parent in _parents(path) if parent in places and places[parent].kind != "folder"]
        if through:
            return f"member {member.name!r} lies below {through[0]!r}, which is not a folder"
        if member.kind == "symbolic link" and not _stays_inside(path, member.target, places):
            return f"member {member.name!r} is a link to {member.target!r}: outside, or through another link"
    return None


def _trouble(member: _Member, earlier: Mapping[str, _Member]) -> str | None:
    """Say what is wrong with a member, whatever comes after it."""
    if not _is_below(member.name):
        return "names a place outside the folder"
    if member.kind in {"special file", "encrypted file"}:
        return f"is a {member.kind}; devices, pipes, encryption and links in zip files are not supported"
    if member.kind == "hard link":
        linked = earlier.get(posixpath.normpath(member.target))
        if not _is_below(member.target) or linked is None or linked.kind != "file":
            return f"is a hard link to {member.target!r}, which is no earlier file of the archive"
    return None


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _parents(path: str) -> Iterable[str]:
    return (str(parent) for parent in PurePosixPath(path).parents)


def _stays_inside(path: str, target: str, places: Mapping[str, _Member]) -> bool:
    """Tell whether a symbolic link leads below the folder without passing through another link.

    ``..`` is understood at the start of the target only: after a name, its meaning would depend on
    what that name is.
    """
    parts = list(PurePosixPath(target).parts)
    folder = PurePosixPath(path).parent
    while parts and parts[0] == "..":
        if folder == PurePosixPath():
            return False
        folder, parts = folder.parent, parts[1:]
    if not target or ".." in parts or PurePosixPath(target).is_absolute():
        return False
    return not any(
        parent in places and places[parent].kind != "folder" for parent in _parents(str(folder.joinpath(*parts)))
    )
