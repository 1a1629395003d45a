"""The record of the code that a step used, and how it is compared with the disk."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.used_code.executed import is_installed
from zoo_runner.used_code.finding import Finder
from zoo_runner.used_code.installed import Installations

LARGE: Final = 1 << 20
"""A file of this many bytes or more is read again only if its size or mtime has changed."""
IGNORED: Final = (".pyc", ".pyi", ".md", ".rst")
"""Suffixes of files in a package that its code does not read."""


@dataclass(frozen=True, slots=True)
class FileFact:
    """A file as it was when it was used.

    Attributes:
        size: Size in bytes.
        mtime_ns: Time of its last change, in ns since 1970; not part of the record's digest.
        sha256: Hash of its content.
        at: Portable name of its place, if an import would not find it by its module's name; otherwise empty.
    """

    size: int
    mtime_ns: int
    sha256: str
    at: str = ""


@dataclass(frozen=True, slots=True)
class DistributionFact:
    """An installed distribution as it was when it was used.

    Attributes:
        version: Its version, from its metadata.
        rows: Fingerprint of its list of files.
        stamp: Name of its metadata folder, and size and mtime (ns) of that list; not part of the record's digest.
        files: Those of its files that were loaded, by path below the folder in which it is installed.
    """

    version: str
    rows: str
    stamp: tuple[str, int, int]
    files: Mapping[str, FileFact]


@dataclass(frozen=True, kw_only=True)
class Record:
    """All code that a step used.

    Attributes:
        python: Version of Python.
        modules: Files of modules, by dotted name.
        files: Files that were run otherwise than as a module, or that the code opened, by portable name.
        trees: Files of packages that are not modules, by the package's name and then by path below its folder. If the
            plugin declares the package, all its files.
        distributions: Installed distributions that the modules import, by name.
        absent: Top-level names that the modules import, and that are not installed.
    """

    python: str = field(default_factory=platform.python_version)
    modules: Mapping[str, FileFact] = field(default_factory=dict)
    files: Mapping[str, FileFact] = field(default_factory=dict)
    trees: Mapping[str, Mapping[str, FileFact]] = field(default_factory=dict)
    distributions: Mapping[str, DistributionFact] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The record's name: a hash that is the same in every clone and environment with the same code."""
        return fingerprint(
            self.python,
            {name: (fact.sha256, fact.at) for name, fact in self.modules.items()},
            {place: fact.sha256 for place, fact in self.files.items()},
            {name: {inside: fact.sha256 for inside, fact in tree.items()} for name, tree in self.trees.items()},
            {
                name: (fact.version, fact.rows, {inside: each.sha256 for inside, each in fact.files.items()})
                for name, fact in self.distributions.items()
            },
            sorted(self.absent),
        )

    def encoded(self) -> bytes:
        """Return the record as JSON, after a line with its digest and the SHA-256 of the JSON."""
        body = json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()
        return f"{self.digest} {hashlib.sha256(body).hexdigest()}\n".encode() + body

    @classmethod
    def decoded(cls, data: bytes, digest: str) -> Record:
        """Return the record from what :meth:`encoded` returned.

        Args:
            data: The bytes.
            digest: The digest that the record must have.

        Raises:
            ValueError: The bytes are damaged, or are another record.
        """
        line, _, body = data.partition(b"\n")
        if line != f"{digest} {hashlib.sha256(body).hexdigest()}".encode():
            raise ValueError(f"not the record {digest}")
        try:
            found = json.loads(body)
            return cls(
                python=found["python"],
                modules=_facts(found["modules"]),
                files=_facts(found["files"]),
                trees={name: _facts(tree) for name, tree in found["trees"].items()},
                distributions={
                    name: DistributionFact(**{**fact, "stamp": tuple(fact["stamp"]), "files": _facts(fact["files"])})
                    for name, fact in found["distributions"].items()
                },
                absent=tuple(found["absent"]),
            )
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"not a record of code: {error}") from error


def _facts(found: Mapping[str, Any]) -> dict[str, FileFact]:
    return {name: FileFact(**fact) for name, fact in found.items()}


@dataclass
class Disk:
    """The files on the disk as they are now. Every file is read at most once.

    Attributes:
        by_content: Whether files are read even if their size and mtime are the same.
        finder: Finds modules.
        installations: Finds installed distributions.
    """

    by_content: bool = False
    finder: Finder = field(default_factory=Finder)
    installations: Installations = field(default_factory=Installations)
    _hashes: dict[Path, str | None] = field(default_factory=dict, repr=False)
    _stats: dict[str, os.stat_result | None] = field(default_factory=dict, repr=False)

    def differences(self, record: Record, *, loaded: bool = True) -> Iterator[str]:
        """Yield one text for each difference from the record; none if the code is the same.

        Args:
            record: What was used.
            loaded: Whether modules that this process has loaded, and the record lacks, count. They do not in a process
                that only looks, if the record has all files of the packages in question.
        """
        if record.python != platform.python_version():
            yield f"Python was {record.python}, is {platform.python_version()}"
        for name, fact in record.modules.items():
            yield from self._file(name, self.finder.file_named(fact.at) if fact.at else self.finder.module(name), fact)
        for place, fact in record.files.items():
            yield from self._file(place, self.finder.file_named(place), fact)
        for package, tree in record.trees.items():
            yield from self._tree(package, tree)
        for name, distribution in record.distributions.items():
            yield from self._distribution(name, distribution)
        yield from (f"{name} was not there, and is now" for name in record.absent if self.finder.spec(name))
        if loaded:
            yield from (f"{name} was not loaded, and is now" for name in _newly_loaded(record))

    def fact(self, path: Path, at: str = "") -> FileFact:
        """Describe a file as it is now.

        Args:
            path: The file.
            at: Portable name of its place, if the fact has to say it.

        Raises:
            OSError: It cannot be read.
        """
        found = path.stat()
        sha256 = self.sha256(path)
        if sha256 is None:
            raise FileNotFoundError(path)
        return FileFact(found.st_size, found.st_mtime_ns, sha256, at)

    def sha256(self, path: Path) -> str | None:
        """Return the hash of a file, or ``None`` if it cannot be read."""
        if path not in self._hashes:
            try:
                self._hashes[path] = hashlib.sha256(path.read_bytes()).hexdigest()
            except OSError:
                self._hashes[path] = None
        return self._hashes[path]

    def tree(self, package: str, *, whole: bool) -> dict[str, Path]:
        """Return the files of a package, relative to its folder: all of them, or those beside its modules.

        A package that is one file is that file.
        """
        found = {
            inside: path
            for folder in self.finder.folders(package)
            for inside, path in _below(folder, deep=whole)
            if whole or path.suffix != ".py"
        }
        alone = self.finder.module(package) if whole and not found else None
        return found if alone is None else {alone.name: alone}

    def _file(self, name: str, path: Path | None, fact: FileFact) -> Iterator[str]:
        if path is None:
            yield f"{name} is not there any more"
        elif not self._same(path, fact):
            yield f"{name} changed ({path})"

    def _same(self, path: Path, fact: FileFact) -> bool:
        found = self._stat(str(path))
        if found is None or found.st_size != fact.size:
            return False
        trusted = is_installed(str(path)) or fact.size >= LARGE
        if trusted and not self.by_content and found.st_mtime_ns == fact.mtime_ns:
            return True
        return self.sha256(path) == fact.sha256

    def _tree(self, package: str, tree: Mapping[str, FileFact]) -> Iterator[str]:
        name = package.removesuffix(WHOLE)
        found = self.tree(name, whole=name != package)
        if not found and not self.finder.spec(name):
            yield f"{name} is not there any more"
            return
        yield from (f"{name}: {inside} is new" for inside in found.keys() - tree.keys())
        for inside, fact in tree.items():
            yield from self._file(f"{name}: {inside}", found.get(inside), fact)

    def _distribution(self, name: str, fact: DistributionFact) -> Iterator[str]:
        found = self.installations.find(name)
        if found is None:
            yield f"{name} {fact.version} is not installed any more"
            return
        if self.by_content or not found.stamp[0] or found.stamp != fact.stamp:
            if found.version != fact.version:
                yield f"{name} was {fact.version}, is {found.version}"
                return
            if found.rows != fact.rows:
                yield f"{name} {fact.version} is another build (its RECORD differs)"
        base = f"{found.base}{os.sep}"
        for inside, each in fact.files.items():
            now = self._stat(base + inside)
            if self.by_content or now is None or (now.st_size, now.st_mtime_ns) != (each.size, each.mtime_ns):
                yield from self._file(f"{name}: {inside}", found.base / inside, each)

    def _stat(self, path: str) -> os.stat_result | None:
        if path not in self._stats:
            try:
                self._stats[path] = os.stat(path)  # noqa: PTH116 - there are thousands, and Path's costs twice as much
            except OSError:
                self._stats[path] = None
        return self._stats[path]


WHOLE: Final = " (declared)"
"""In :attr:`Record.trees`, stands after the name of a package of which all files count."""


def _newly_loaded(record: Record) -> list[str]:
    """Return loaded modules of recorded packages that the record lacks: a package may load all files in its folder."""
    tops = {name.partition(".")[0] for name in record.modules} - {"zoo_runner"}
    return [
        name
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in tops and name not in record.modules and file_of(module)
    ]


def file_of(module: object) -> str:
    """Return the path of the file that a module was loaded from; an empty text if there is none."""
    try:
        members = vars(module)
    except TypeError:
        return ""
    spec = members.get("__spec__")
    origin = spec.origin if spec is not None and getattr(spec, "has_location", False) else members.get("__file__")
    return origin if isinstance(origin, str) else ""


def _below(folder: Path, *, deep: bool) -> Iterator[tuple[str, Path]]:
    """Yield the files in a folder that may count, with their relative paths; if ``deep``, also those in subfolders."""
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and name != "__pycache__" and not name.startswith("."))
        for name in sorted(names):
            path = Path(where, name)
            if not name.startswith(".") and path.suffix not in IGNORED and path.is_file():
                yield path.relative_to(folder).as_posix(), path
