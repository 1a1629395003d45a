"""Files that were downloaded before, in a folder for hosts without internet: found by name, believed by hash."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import FetchError, UsageError, shortened
from zoo_runner.manifest.wheel_address import SCHEME
from zoo_runner.stages.fetch.names import file_name
from zoo_runner.stages.fetch.source import mismatch
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.stages.fetch.source import FileSource

VARIABLE: Final = "ZOO_RUNNER_DOWNLOADS"
OPTION: Final = "--downloads"
_DIGITS: Final = 12
"""Digits of the hash in a name that two files would have."""
_NETWORK: Final = ("http:", "https:", f"{SCHEME}:")


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to put into the folder.

    Attributes:
        name: Under which a run looks for it.
        source: Where it is to be had, and how to know it.
        purposes: What it is, as in ``weights of NAME``.
    """

    name: str
    source: FileSource
    purposes: tuple[str, ...]

    def fault(self, folder: Path) -> str:
        """Say why a run would not take the file from the folder; nothing when it would.

        Raises:
            FetchError: There is no such folder, or the file cannot be read.
        """
        path = found(self.source, folder)
        if path is None:
            return "missing"
        try:
            wrong = mismatch(self.source, path, file_digest(path))
        except OSError as why:
            return f"cannot be read: {why.strerror or why}"
        return f"{path.name} is another file:{wrong}" if wrong else ""


def network(source: FileSource) -> tuple[str, ...]:
    """Return the addresses of a source that need a network."""
    return tuple(each.url for each in source.each() if each.url.lower().startswith(_NETWORK))


def names(source: FileSource) -> tuple[str, ...]:
    """Return the names under which a file is looked for: with its hash in front, then without.

    The former are for files of several recipes that are called alike.
    """
    plain = tuple(dict.fromkeys(map(file_name, network(source))))
    return (*(_told_apart(source, name) for name in plain if source.hashed), *plain)


def found(source: FileSource, folder: Path) -> Path | None:
    """Return the file of that name in the folder, right or wrong; ``None`` where there is none or none is needed.

    Raises:
        FetchError: There is no such folder.
    """
    wanted = names(source)
    if not wanted:
        return None
    if not folder.is_dir():
        raise FetchError(
            f"{OPTION} (or ${VARIABLE}): expected a folder of downloaded files, found no folder "
            f"{shortened(str(folder))}; make it, or leave the option out"
        )
    return next((path for path in (folder / name for name in wanted) if os.path.lexists(path)), None)


def listing(sources: Sequence[tuple[str, FileSource]]) -> tuple[Download, ...]:
    """Return what to put into the folder: each file once, and of those that are called alike each by a name of its own.

    Args:
        sources: What each file is, and where it comes from.

    Raises:
        UsageError: Files that are called alike cannot be told apart, as one of them has no hash.
    """
    files: dict[tuple[str, str], Download] = {}
    for purpose, source in sources:
        if addresses := network(source):
            key = file_name(addresses[0]), (_digest(source) or addresses[0])
            before = files.get(key)
            purposes = (*(before.purposes if before else ()), purpose)
            merged = _merged(before.source, source) if before else source
            files[key] = Download(name=key[0], source=merged, purposes=tuple(dict.fromkeys(purposes)))
    alike: dict[str, list[Download]] = {}
    for each in files.values():
        alike.setdefault(each.name, []).append(each)
    _check_alike(alike)
    return tuple(
        replace(each, name=_told_apart(each.source, each.name))
        if len(alike[each.name]) > 1 and each.source.hashed
        else each
        for each in files.values()
    )


def _check_alike(alike: Mapping[str, Sequence[Download]]) -> None:
    for name, several in alike.items():
        unknown = [each for each in several if not each.source.hashed]
        if len(unknown) > 1:
            what = " and ".join(purpose for each in unknown for purpose in each.purposes)
            raise UsageError(f"{what}: expected a sha256, as these files are all called {name}, found none")


def _merged(one: FileSource, other: FileSource) -> FileSource:
    """Return the same file with the addresses of both."""
    url, *mirrors = dict.fromkeys((one.url, *one.mirrors, other.url, *other.mirrors))
    return replace(one, url=url, mirrors=tuple(mirrors), size=one.size or other.size)


def _digest(source: FileSource) -> str:
    return (source.sha256 or source.md5 or "").lower()


def _told_apart(source: FileSource, name: str) -> str:
    return f"{_digest(source)[:_DIGITS]}-{name}"
