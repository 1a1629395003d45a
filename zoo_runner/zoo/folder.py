"""Which files of a folder are manifests of models, and what the others are: nothing is left out without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zoo_runner.errors import ManifestError, UsageError, listed
from zoo_runner.manifest.schema import Manifest
from zoo_runner.manifest.source import base_of, entries, read
from zoo_runner.manifest.tree import plain
from zoo_runner.zoo.signs import SIGNS, has_sign, may_have_sign

SUFFIXES: Final = frozenset({".yaml", ".yml"})
REQUIRED: Final = tuple(name for name, each in Manifest.model_fields.items() if each.is_required())


@dataclass(kw_only=True)
class Found:
    """What a folder has.

    Attributes:
        manifests: Files that are models, also those that are wrong.
        others: What is no model, with the reason.
        errors: What cannot be read, with the error.
    """

    manifests: list[Path] = field(default_factory=list)
    others: list[tuple[Path, str]] = field(default_factory=list)
    errors: list[tuple[Path, ManifestError]] = field(default_factory=list)


def find(folder: Path, output: Path) -> Found:
    """Look for manifests in a folder and in all folders below it.

    Args:
        folder: The folder.
        output: Where runs write to; it is not looked into.

    Raises:
        UsageError: It is no folder, or has no manifest.
    """
    if not folder.is_dir():
        kind = "a file" if folder.exists() else "nothing"
        raise UsageError(f"{folder}: expected a folder with manifests, found {kind}")
    found = Found()
    files = _unlinked(list(_files(folder, output, found)), folder, found)
    extended = _extended(files)
    for path in files:
        try:
            why = _no_model(path, is_base=path.resolve() in extended)
        except ManifestError as error:
            found.errors.append((path, error))
            continue
        if why:
            found.others.append((path, why))
        else:
            found.manifests.append(path)
    if not found.manifests and not found.errors:
        there = [f"{path}: {why}" for path, why in found.others]
        held = f"\n{listed(there)}" if there else ""
        raise UsageError(
            f"{folder}: expected at least one manifest ({' or '.join(sorted(SUFFIXES))}), found none{held}"
        )
    return found


def _files(folder: Path, output: Path, found: Found) -> Iterator[Path]:
    """Yield the YAML files below a folder in alphabetical order; hidden ones are settings of other tools."""

    def failed(error: OSError) -> None:
        path = Path(error.filename or folder)
        found.errors.append((path, ManifestError(f"{path}: the folder cannot be read: {error.strerror}")))

    for where, folders, names in os.walk(folder, onerror=failed):
        kept = []
        for name in sorted(folders):
            path = Path(where, name)
            if why := _not_entered(path, output):
                found.others.append((path, why))
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            path = Path(where, name)
            if path.suffix.lower() not in SUFFIXES:
                continue
            if name.startswith("."):
                found.others.append((path, "is hidden"))
            else:
                yield path


def _not_entered(path: Path, output: Path) -> str:
    if path.name.startswith("."):
        return "is a hidden folder, which is not looked into"
    if path.is_symlink():
        return "is a link to a folder, which is not followed"
    return "has the results of runs, and is not looked into" if path.absolute() == output.absolute() else ""


def _unlinked(files: list[Path], folder: Path, found: Found) -> list[Path]:
    """Leave out links to files that are there by themselves, as a model counts once, and to files elsewhere.

    What is outside is nobody's of this folder: whoever may put a link into it could have it read, and shown in errors.
    A link to nothing stays, and is an error: its model is lost.
    """
    own = {path.resolve() for path in files if not path.is_symlink()}
    kept = []
    for path in files:
        target = path.resolve() if path.is_symlink() else None
        if target in own:
            found.others.append((path, f"is a link to {target}, which is in the folder itself"))
        elif target is not None and path.exists() and not target.is_relative_to(folder.resolve()):
            found.others.append((path, f"is a link to a file outside of the folder, {target}, which is not read"))
        else:
            kept.append(path)
    return kept


def _extended(files: list[Path]) -> set[Path]:
    """Return the files that others extend."""
    bases: set[Path] = set()
    for path in files:
        try:
            base = base_of(path)
        except ManifestError:  # said when its turn comes
            continue
        if base is not None:
            bases.add(base.resolve())
    return bases


def _no_model(path: Path, *, is_base: bool) -> str:
    """Return why a file is no model; nothing where it is one, or is meant to be.

    Raises:
        ManifestError: It cannot be read, so that nobody can tell.
    """
    try:
        is_meant = has_sign(entries(path))
    except ManifestError:
        if may_have_sign(path):
            raise
        is_meant = False  # of another tool, whose YAML has several documents, or keys that are no texts
    if not is_meant:
        return f"is no manifest: it has none of the keys {', '.join(SIGNS[:4])}, ..."
    if not is_base:
        return ""
    tree = plain(read(path).tree)
    missing = [name for name in REQUIRED if not isinstance(tree, Mapping) or tree.get(name) is None]
    return f"is only there for others to extend: it has no {', '.join(missing)}" if missing else ""
