"""The inventory ``.zoo-run.json`` of an output folder: the files and folders that zoo-run wrote, with digests.

The digest of a file is the SHA-256 of its content. A folder has two: one over the names, sizes and times of the files
in it, and one over their names and contents.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from zoo_runner.files.new_file import new_file
from zoo_runner.output.names import INVENTORY
from zoo_runner.store.durable import sync
from zoo_runner.store.fingerprints import file_digest

SCHEMA_VERSION: Final = 1
ABOUT: Final = "What zoo-run wrote into this folder, by SHA-256. It replaces and removes nothing else here."
LONGEST: Final = 16 << 20
"""Largest inventory that is read, in bytes."""
_BY_STAT: Final = "stat:"
"""The digest over sizes and times begins with this."""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What zoo-run wrote into a folder.

    Attributes:
        manifest: The manifest of the latest run, as an absolute path.
        files: The digests of each file or folder, by name. While one is being replaced, the digests of the old and of
            the new one are listed.
        readable: Whether the inventory could be read. A file of that name that cannot be read is not zoo-run's.
    """

    manifest: str = ""
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    readable: bool = True

    def lists(self, path: Path) -> bool:
        """Say whether the file or folder at ``path`` has a digest that is listed under its name."""
        marks = self.files.get(path.name, ())
        return bool(marks) and any(mark in marks for mark in _marks(path))


def read_inventory(folder: Path) -> Inventory:
    """Read the inventory of a folder; where there is none, return an empty one."""
    path = folder / INVENTORY
    try:
        found = path.lstat()
    except OSError:
        return Inventory()
    try:
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST:
            return Inventory(readable=False)
        return _parsed(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Inventory(readable=False)


def _parsed(content: Any) -> Inventory:
    if not isinstance(content["schema_version"], int):
        raise TypeError
    files = {str(name): tuple(map(str, marks)) for name, marks in content["files"].items()}
    return Inventory(manifest=str(content.get("manifest", "")), files=files)


def expect(path: Path, fresh: Path) -> tuple[str, ...]:
    """List the digests of ``fresh``, which is about to replace ``path``, beside those of ``path``.

    A run that is killed leaves the old one or the new one; both are then listed.

    Returns:
        The digests of ``fresh``, for :func:`settle`.

    Raises:
        OSError: The inventory cannot be written.
    """
    inventory, marks = read_inventory(path.parent), tuple(_marks(fresh))
    both = tuple(dict.fromkeys((*inventory.files.get(path.name, ()), *marks)))
    _write(path.parent, replace(inventory, files={**inventory.files, path.name: both}))
    return marks


def settle(path: Path, marks: tuple[str, ...] = ()) -> None:
    """List only these digests under the name of ``path``; without digests, take the name off the list.

    Raises:
        OSError: The inventory cannot be written.
    """
    inventory = read_inventory(path.parent)
    files = {name: found for name, found in inventory.files.items() if name != path.name}
    if marks:
        files[path.name] = marks
    if files != inventory.files:
        _write(path.parent, replace(inventory, files=files))


def marks_of(path: Path) -> tuple[str, ...]:
    """Return the digests of a file or folder; an empty tuple if ``path`` is absent or anything else."""
    return tuple(_marks(path))


def name_manifest(folder: Path, manifest: Path) -> None:
    """Record in the inventory which manifest the results in the folder are of.

    Raises:
        OSError: The inventory cannot be written.
    """
    inventory = read_inventory(folder)
    if inventory.manifest != str(manifest.absolute()):
        _write(folder, replace(inventory, manifest=str(manifest.absolute())))


def _write(folder: Path, inventory: Inventory) -> None:
    """Write the inventory. A foreign file of its name stays; zoo-run's files are then recognised by their content."""
    if not inventory.readable:
        return
    files = {name: list(marks) for name, marks in sorted(inventory.files.items())}
    content = {"schema_version": SCHEMA_VERSION, "about": ABOUT, "manifest": inventory.manifest, "files": files}
    with new_file(folder / INVENTORY) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        sync(temporary)
        temporary.replace(folder / INVENTORY)


def _marks(path: Path) -> Iterator[str]:
    """Yield the digests of a file or folder, the one that costs less first; none if ``path`` is anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(mode):
        yield file_digest(path)
    elif stat.S_ISDIR(mode):
        files = sorted(_walk(path))
        if all(stat.S_ISREG(found.st_mode) for _, found in files):
            rows = [(name, found.st_size, found.st_mtime_ns) for name, found in files]
            yield f"{_BY_STAT}{_digest(rows)}"
            yield _digest([(name, file_digest(path / name)) for name, _ in files])


def _walk(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files and links below a folder, by relative path; links are not followed."""
    for parent, folders, names in os.walk(folder):
        links = [name for name in folders if Path(parent, name).is_symlink()]
        for name in (*names, *links):
            path = Path(parent, name)
            yield path.relative_to(folder).as_posix(), path.lstat()


def _digest(rows: object) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
