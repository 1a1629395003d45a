"""One file out of an archive of weights (``weights.member``), within the bounds that data sets' archives have."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import LISTED, FetchError, did_you_mean, shortened
from zoo_runner.stages.fetch.archive import explained, members_of
from zoo_runner.stages.fetch.members import problem
from zoo_runner.stages.fetch.trust import Fetched, in_use
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.snapshots import used
from zoo_runner.store.store import Store, Terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.members import Member

MEMBER: Final = "weights-member"
"""What reports call the file that was taken out of an archive."""
_ITSELF: Final = "If that file is the weights themselves, leave out weights.member (--set weights.member=null)"


def with_member(recipe: Recipe, weights: Fetched, store: Store, progress: Progress) -> Fetched:
    """Return the weights with the file in them that ``weights.member`` names; as they are where it names none.

    The file is found by the hash of the archive and its name, and hashed again before it is used.

    Raises:
        ChangedError: The archive is not, or no longer, the file with that hash.
        FetchError: It is no archive, is damaged or beyond the bounds, or has no such file, or two.
    """
    name = recipe.manifest.weights.member
    if name is None:
        return weights
    where = f"{recipe.loaded.locate(('weights', 'member'))}: {recipe.loaded.shown(('weights', 'member'))}"

    def make(folder: Path) -> None:
        with used(weights.path, weights.sha256):
            _unpack(weights, name, folder, where, store, progress)

    key, terms = fingerprint(weights.sha256, name), Terms(needs=(name,), repeats="everywhere")
    with in_use(weights, last=False):
        built = store.build("member", key, make, terms)
    path, shown = built.path / name, f"{weights.origin}: {name}"
    file = Fetched(
        path=path,
        sha256=built.sha256(name),
        size=path.stat().st_size,
        reused=built.reused,
        origin=shown,
        pinned=weights.pinned,
    )
    return replace(weights, member=file)


def _unpack(weights: Fetched, name: str, folder: Path, where: str, store: Store, progress: Progress) -> None:
    wanted = Wanted(name, f"{where}: expected the file {name!r} in {weights.origin}", _ITSELF)
    unpack_one(weights.path, wanted, folder, store, progress, f"{where}: ")


@dataclass(frozen=True)
class Wanted:
    """One file of an archive.

    Attributes:
        name: Its whole name there.
        expected: The beginning of errors: that it is expected, and where.
        otherwise: What to do where it is not there, the last line of the error.
    """

    name: str
    expected: str
    otherwise: str


def unpack_one(archive: Path, wanted: Wanted, folder: Path, store: Store, progress: Progress, where: str = "") -> None:
    """Write one file of an archive below a folder, within the bounds that all archives have.

    Raises:
        FetchError: It is no archive, is damaged or beyond the bounds, or has no such file, or two.
    """
    name = wanted.name
    doing = f"unpack {name} of {archive.name} into"
    with explained(archive, doing, folder, where), members_of(archive) as members:
        member = _only(members, wanted)
        store.require_space(member.size, f"unpacking {archive}")
        with progress.track(f"unpack {name}", member.size, "B") as advance:
            member.write(folder)
            advance(member.size)


def _only(members: Sequence[Member], wanted: Wanted) -> Member:
    """Return the one file of that name."""
    name, expected = wanted.name, wanted.expected
    same = [member for member in members if posixpath.normpath(member.name) == name]
    if len(same) > 1:
        raise FetchError(f"{expected}, found {len(same)} of that name; make the archive anew, with one of them")
    if not same:
        names = [member.name for member in members if member.kind == "file"]
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        listed = ", ".join(shortened(each) for each in names[:LISTED]) or "no files"
        elsewhere = [each for each in names if posixpath.basename(each) == posixpath.basename(name)]
        near = f"; did you mean {shortened(repr(elsewhere[0]))}?" if elsewhere else did_you_mean(name, names)
        raise FetchError(f"{expected}, found {listed}{more}{near}\n{wanted.otherwise}")
    (member,) = same
    if member.kind != "file":
        raise FetchError(f"{expected}, found a {member.kind} of that name; name a file itself")
    if trouble := problem(same):
        raise FetchError(f"{expected}, found one that {trouble.removeprefix(f'member {member.shown} ')}")
    return member
