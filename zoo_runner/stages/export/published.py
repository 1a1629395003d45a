"""A published ONNX file in the place of an export: it must say that it is of these weights and of this code."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ExportError, installing, shortened
from zoo_runner.stages.export.exporters import packages
from zoo_runner.stages.export.external_data import has_external_data
from zoo_runner.stages.export.metadata import model_metadata
from zoo_runner.stages.export.origin import differences, origin_of
from zoo_runner.store.snapshots import changed

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.stages.fetch.trust import Fetched

NOT_COMPARED: Final = "the published ONNX was not compared with the weights"
"""What stands beside the verdict of a run that had nothing to export with."""
_SHOWN: Final = 200
_PIECE: Final = 1 << 20


def missing_packages(recipe: Recipe) -> tuple[str, ...]:
    """Return the packages that an export needs and that are not installed."""
    return tuple(name for name in packages(recipe.manifest.onnx) if find_spec(name) is None)


def not_compared(missing: tuple[str, ...]) -> str:
    """Say that a published file was believed, and how to have it compared."""
    return (
        "the published ONNX says that it is of these weights and this network; it was not compared with them, which "
        f"needs {', '.join(missing)}: {installing('export')}"
    )


def copy_checked(file: Fetched, target: Path) -> None:
    """Copy a file, hashing what is copied.

    Raises:
        ChangedError: It is not what it was when it was hashed before.
    """
    digest = hashlib.sha256()
    with file.path.open("rb") as source, target.open("xb") as copy:
        while piece := source.read(_PIECE):
            digest.update(piece)
            copy.write(piece)
    if digest.hexdigest() != file.sha256:
        raise changed(file.path, file.sha256, digest.hexdigest())


def take(recipe: Recipe, weights_sha256: str, published: Fetched, target: Path) -> None:
    """Copy a published file, and check what it says of its origin.

    Args:
        recipe: The run's recipe.
        weights_sha256: Of the weights that the run scores.
        published: The file.
        target: Where the copy goes: alone, so that nothing beside it takes part.

    Raises:
        ChangedError: It is not what it was when it was hashed.
        ExportError: It is no model, keeps tensors in other files, or is of another origin.
    """
    copy_checked(published, target)
    where = published.origin
    if recipe.manifest.onnx.sha256 == published.sha256:
        where = f"{recipe.loaded.locate(('onnx', 'url'))}: onnx.url: {where}"
    if has_external_data(target):
        raise ExportError(f"{where}: expected a model in one file, found one that keeps tensors in other files")
    wrong = list(differences(origin_of(recipe, weights_sha256), model_metadata(target, where)))
    if wrong:
        lines = "\n  ".join(shortened(line, _SHOWN + 100) for line in wrong)
        raise ExportError(
            f"{where}: expected an export of these weights by this code, found another:\n  {lines}\n"
            "publish a new export (zoo-run pack MANIFEST --export writes one), or leave out onnx.url: then the run "
            "exports by itself"
        )
