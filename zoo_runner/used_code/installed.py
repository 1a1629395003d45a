"""Installed distributions: which one a file belongs to, and the facts that identify them."""

from __future__ import annotations

import csv
import json
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Final

from zoo_runner.store.fingerprints import fingerprint

RUNNER: Final = "zoo_runner/"
"""Files below this are left out of their distribution: of the runner, only a step's own modules count."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def normalised(name: str) -> str:
    """Return a distribution's name in its normalised spelling: lower case, with single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


def rows_of(record: str) -> list[list[str]]:
    """Return those rows of a RECORD file that are the same for every installation of one wheel, sorted.

    Bytecode, scripts and the installers' own files differ between machines, and are left out.
    """
    rows = [row for row in csv.reader(record.splitlines()) if row and not row[0].startswith(("..", "/", RUNNER))]
    return sorted(row for row in rows if not row[0].endswith(".pyc") and ".dist-info/" not in row[0])


@dataclass(frozen=True)
class Installed:
    """An installed distribution.

    Attributes:
        name: Its normalised name.
        base: The folder in which it is installed, such as ``site-packages``.
        record: Its RECORD file, the list of its files; ``None`` if it has none.
    """

    name: str
    base: Path
    record: Path | None
    _distribution: metadata.Distribution = field(repr=False, compare=False)

    @cached_property
    def version(self) -> str:
        """Its version, from its metadata."""
        return self._distribution.version

    @cached_property
    def rows(self) -> str:
        """Fingerprint of :func:`rows_of` its RECORD."""
        return fingerprint(rows_of(self._distribution.read_text("RECORD") or ""))

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Name of its metadata folder, and size and mtime (ns) of its RECORD; equal stamps save reading it again."""
        if self.record is None:
            return "", 0, 0
        found = self.record.stat()
        return self.record.parent.name, found.st_size, found.st_mtime_ns


@dataclass(frozen=True)
class _Owner:
    """A distribution, whose name and list of files are read only when they are needed."""

    distribution: metadata.Distribution

    @cached_property
    def name(self) -> str:
        return self.distribution.name

    @cached_property
    def files(self) -> frozenset[str]:
        rows = csv.reader((self.distribution.read_text("RECORD") or "").splitlines())
        return frozenset(row[0] for row in rows if row)


@dataclass
class Installations:
    """The installed distributions on the import path. Each is read once."""

    _known: dict[str, Installed | None] = field(default_factory=dict, repr=False)
    _owners: dict[tuple[str, str], list[_Owner]] = field(default_factory=dict, repr=False)
    _bases: list[str] = field(default_factory=list, repr=False)
    _read: list[bool] = field(default_factory=list, repr=False)

    def find(self, name: str) -> Installed | None:
        """Return a distribution by its name; ``None`` if it is not installed, or its installation is editable."""
        name = normalised(name)
        if name not in self._known:
            self._known[name] = _find(name)
        return self._known[name]

    def owner(self, path: Path) -> Installed | None:
        """Return the distribution that a file belongs to, or ``None``."""
        self._index()
        text = str(path)
        for base in self._bases:
            inside = text.removeprefix(base)
            owners = self._owners.get((base, inside.partition(os.sep)[0].partition(".")[0])) if inside != text else None
            if owners:
                if len(owners) > 1:
                    owners = [each for each in owners if inside in each.files]
                found = self.find(owners[0].name) if owners else None
                # Another distribution of that name may come first on the import path. Then the file belongs to none.
                return found if found is not None and str(found.base) == base.rstrip(os.sep) else None
        return None

    def is_reference(self, path: Path) -> bool:
        """Say whether a file only points to a source folder, as the import hooks of editable installations do."""
        return path.name.startswith("__editable__")

    def requirements(self, name: str) -> set[str]:
        """Return the names of a distribution's requirements, whatever the conditions on them are."""
        try:
            texts = metadata.distribution(name).requires or []
        except metadata.PackageNotFoundError:
            return set()
        return {normalised(found[0]) for text in texts if (found := _NAME.match(text))}

    def _index(self) -> None:
        """List the distributions by the folder that they are in, and by the first part of their files' names."""
        if self._read:
            return
        self._read.append(True)
        for each in metadata.distributions():
            base = os.path.join(str(each.locate_file("")), "")  # noqa: PTH118 - ends in a separator
            if base not in self._bases:
                self._bases.append(base)
            owner = _Owner(each)
            lines = (each.read_text("RECORD") or "").splitlines()
            for top in {line.partition("/")[0].partition(",")[0].partition(".")[0] for line in lines}:
                if top and not _is_editable(each):
                    self._owners.setdefault((base, top), []).append(owner)


def _find(name: str) -> Installed | None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    if _is_editable(found):
        return None
    folder = getattr(found, "_path", None)  # the metadata folder; no public attribute has it
    record = folder / "RECORD" if isinstance(folder, Path) and (folder / "RECORD").is_file() else None
    return Installed(name, Path(str(found.locate_file(""))), record, found)


def _is_editable(distribution: metadata.Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return bool(origin.get("dir_info", {}).get("editable"))
    except (ValueError, AttributeError):
        return False
