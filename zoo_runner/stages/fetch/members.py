"""What is in an archive, judged before anything of it is written."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal, TypeAlias

from zoo_runner.errors import shortened

Kind: TypeAlias = Literal["file", "folder", "symbolic link", "hard link", "special file", "encrypted file"]
LONGEST: Final = 1024
"""Characters of a name."""
DEEPEST: Final = 64
"""Parts of a name: what is checked of each member and each folder above it must end."""


@dataclass(frozen=True)
class Member:
    """One member of an archive, before anything of it is written.

    Attributes:
        name: Name as the archive has it.
        kind: What extracting it would make.
        size: Bytes it unpacks to.
        write: Extracts it below a folder.
        target: What a link points to.
    """

    name: str
    kind: Kind
    size: int
    write: Callable[[Path], object]
    target: str = ""

    @property
    def shown(self) -> str:
        """Its name as messages have it."""
        return shortened(repr(self.name))


def problem(members: Iterable[Member]) -> str | None:
    """Describe the first member that could do harm, judging by names alone.

    No name and no link target may lead through a link, so that what the text says is what the file
    system does; ``data_filter`` is then a second opinion rather than the only one.
    """
    if not any(member.kind == "file" for member in members):
        return "it holds no files"
    places: dict[str, Member] = {}
    for member in members:
        path = posixpath.normpath(member.name)
        trouble = _trouble(member, places)
        if not trouble and path in places and not places[path].kind == member.kind == "folder":
            trouble = "appears twice and would overwrite itself"
        if trouble:
            return f"member {member.shown} {trouble}"
        places[path] = member
    for path, member in places.items():
        through = [parent for parent in _parents(path) if parent in places and places[parent].kind != "folder"]
        if through:
            return f"member {member.shown} lies below {shortened(repr(through[0]))}, which is not a folder"
        if member.kind == "symbolic link" and not _stays_inside(path, member.target, places):
            return (
                f"member {member.shown} is a link to {shortened(repr(member.target))}: outside, or through another link"
            )
    return None


def _trouble(member: Member, earlier: Mapping[str, Member]) -> str | None:
    """Say what is wrong with a member, whatever comes after it."""
    if len(member.name) > LONGEST or member.name.count("/") > DEEPEST:
        return f"has a name of more than {LONGEST:,} characters or {DEEPEST} parts"
    if not _is_below(member.name):
        return "names a place outside the folder"
    if member.kind in {"special file", "encrypted file"}:
        return f"is a {member.kind}; devices, pipes, encryption and links in zip files are not supported"
    if member.kind == "hard link":
        linked = earlier.get(posixpath.normpath(member.target))
        if not _is_below(member.target) or linked is None or linked.kind != "file":
            return f"is a hard link to {shortened(repr(member.target))}, which is no earlier file of the archive"
    return None


def _is_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts


def _parents(path: str) -> Iterable[str]:
    return (str(parent) for parent in PurePosixPath(path).parents)


def _stays_inside(path: str, target: str, places: Mapping[str, Member]) -> bool:
    """Tell whether a symbolic link leads below the folder without passing through another link.

    ``..`` is understood at the start of the target only: after a name, its meaning would depend on
    what that name is.
    """
    if len(target) > LONGEST or target.count("/") > DEEPEST:
        return False
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
