"""The AIPP file that ATC is given when the manifest says ``atc.aipp: auto``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.aipp import aipp_text
from zoo_runner.errors import PluginError
from zoo_runner.fingerprints import fingerprint

if TYPE_CHECKING:
    from zoo_runner.artifacts import Store
    from zoo_runner.manifest.schema import AtcOptions
    from zoo_runner.recipe import Recipe

FILE_NAME: Final = "aipp.cfg"


def aipp_file(recipe: Recipe, folder: Path) -> Path:
    """Write the file for a recipe with ``atc.aipp`` into a folder and return its path.

    Raises:
        PluginError: The recipe has no ``atc.aipp``, or AIPP cannot do what the plugin declares.
    """
    if recipe.pixels is None:
        raise PluginError(f"{recipe.manifest.name}: expected atc.aipp: auto, found none; there is no AIPP file to make")
    path = folder / FILE_NAME
    path.write_text(aipp_text(recipe.pixels.normalisation), encoding="utf-8")
    return path


def atc_options(recipe: Recipe, store: Store) -> AtcOptions:
    """Return the options to convert with; for ``aipp: auto`` they name the file, which is kept in the store.

    Raises:
        PluginError: AIPP cannot do what the plugin declares.
    """
    options = recipe.manifest.atc
    if recipe.pixels is None:
        return options

    def make(folder: Path) -> None:
        aipp_file(recipe, folder)

    text = aipp_text(recipe.pixels.normalisation)
    built = store.build("aipp", fingerprint(text), make)
    return options.model_copy(update={"aipp": None, "insert_op_conf": str((built.path / FILE_NAME).absolute())})
