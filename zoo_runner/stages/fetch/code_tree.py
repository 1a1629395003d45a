"""Foreign code that a network is made with: fetched, unpacked and patched. Nothing of it runs here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ManifestError, PrerequisiteError, StageError, installing
from zoo_runner.job.options import Stage
from zoo_runner.stages.fetch.archive import extract
from zoo_runner.stages.fetch.locate import fetch_code, manifest_code
from zoo_runner.stages.fetch.patches import apply_patch
from zoo_runner.stages.fetch.trust import in_use
from zoo_runner.store.store import Terms

if TYPE_CHECKING:
    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.stages.fetch.trust import Fetched

KIND: Final = "source"
"""Folder of the store with patched code."""


@dataclass(frozen=True)
class CodeTree:
    """Foreign code as it is to be imported.

    Attributes:
        path: The folder that goes onto the import path; nothing is ever run in it, only in copies of it.
        archive: What it was unpacked from.
    """

    path: Path
    archive: Fetched


def code_tree(job: Job) -> CodeTree | None:
    """Fetch, unpack and patch the code that the manifest names; ``None`` where it names none.

    Raises:
        PrerequisiteError: What it requires is not installed.
        StageError: It cannot be had, or a patch does not fit.
        ManifestError: A requirement cannot be understood.
    """
    recipe, options = job.recipe, job.options
    source, section = manifest_code(recipe.loaded), recipe.manifest.code
    if source is None or section is None or recipe.foreign.source is None:
        return None
    _require_installed(recipe)
    store = job.store_for(Stage.FETCH)
    archive = fetch_code(source, options, store, job.journal)
    with in_use(archive):
        unpacked = extract(archive.path, archive.sha256, store, job.journal)

        def make(folder: Path) -> None:
            target = folder / "code"
            shutil.copytree(_top(unpacked), target, symlinks=True)
            for patch in recipe.foreign.patches:
                apply_patch(patch, target)

        built = store.build(KIND, recipe.foreign.source.sha256, make, Terms(repeats="everywhere"))
    tree = built.path / "code" / section.subdir
    if not tree.is_dir():
        where = recipe.loaded.locate(("code", "subdir"))
        raise StageError(
            f"{where}: code.subdir: expected a folder of {archive.origin}, found no {section.subdir!r} in it"
        )
    return CodeTree(path=tree, archive=archive)


def _top(unpacked: Path) -> Path:
    """Return the only folder at the top of an archive, as hosts of repositories make it; else the top itself."""
    inside = list(unpacked.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not inside[0].is_symlink() else unpacked


def _require_installed(recipe: Recipe) -> None:
    section = recipe.manifest.code
    if section is None or not section.requires:
        return
    try:
        from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415 - of an optional extra
    except ImportError as error:
        raise PrerequisiteError(f"code.requires needs packaging: {installing('export')}") from error
    lacking = []
    for place, text in enumerate(section.requires):
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            where = recipe.loaded.locate(("code", "requires", place))
            raise ManifestError(
                f"{where}: code.requires.{place}: {str(error).splitlines()[0]}, found {text!r}"
            ) from error
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        try:
            found = metadata.version(wanted.name)
        except metadata.PackageNotFoundError:
            lacking.append((text, "not installed"))
            continue
        if not wanted.specifier.contains(found, prereleases=True):
            lacking.append((text, found))
    if lacking:
        listed = "; ".join(f"expected {text}, found {found}" for text, found in lacking)
        names = " ".join(f"'{text}'" for text, _ in lacking)
        raise PrerequisiteError(f"the code of {section.urls[0]} lacks what it requires: {listed}; pip install {names}")
