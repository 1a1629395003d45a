"""What a conversion is asked for in a run, and in its plan."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.errors import StageError
from zoo_runner.manifest.open_axes import shapes_of
from zoo_runner.plugin.conversion import ConversionRequest
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import Terms

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.conversion import Artifact
    from zoo_runner.stages.fetch.given_models import GivenModels
    from zoo_runner.store.store import Store


def conversion_request(
    recipe: Recipe, makes: Artifact, store: Store, *, model: Path, sha256: str, batch: int, chip: str
) -> ConversionRequest:
    """Return the request to convert a graph of a recipe's network.

    Args:
        recipe: The run's recipe.
        makes: What the conversion makes. Unless that ``normalises``, ``model`` is the graph with the normalisation.
        store: Keeps settings that a command reads from a file.
        model: The graph.
        sha256: Its hash.
        batch: Samples per call. Where one file takes several batch sizes, the request is for the greatest of them.
        chip: The chip as the backend names it.
    """
    pixels = recipe.pixels if makes.normalises else None
    return ConversionRequest(
        model=model,
        sha256=sha256,
        inputs=recipe.manifest.input_specs if makes.normalises else recipe.host_inputs,
        outputs=recipe.manifest.output_specs,
        batch=batch_made_for(recipe, batch),
        chip=chip,
        options=recipe.manifest.atc,
        base=recipe.loaded.origin(("atc",)).folder,
        keep=partial(_kept, store),
        normalisation=None if pixels is None else pixels.normalisation,
        shapes=shapes_of(recipe.manifest),
    )


def made_for(recipe: Recipe, makes: Artifact) -> Artifact:
    """Return what a conversion makes of a recipe's network: one file for all batch sizes where that axis is open."""
    return replace(makes, by_batch=False) if _open_batches(recipe) else makes


def batch_made_for(recipe: Recipe, batch: int) -> int:
    """Return the batch size to convert for: the greatest gear where the batch axis is open."""
    return max(_open_batches(recipe), default=batch)


def _open_batches(recipe: Recipe) -> tuple[int, ...]:
    shapes = shapes_of(recipe.manifest)
    return tuple(gear[BATCH] for gear in shapes.gears) if shapes is not None and shapes.opened == "batch" else ()


def model_name(makes: Artifact, name: str, batch: int) -> str:
    """Return what a converted model is called outside the store, in packs and plans.

    Args:
        makes: What the conversion makes, as :func:`made_for` says it.
        name: The manifest's.
        batch: Samples per call.
    """
    return f"{name}{f'_bs{batch}' if makes.by_batch else ''}{Path(makes.file).suffix}"


def given_model(given: GivenModels, makes: Artifact, batch: int, recipe: Recipe | None = None) -> Path:
    """Return the model of the user's own for a batch size, of several by its name.

    Args:
        given: The file, or the folder of a pack.
        makes: What the conversion makes, as :func:`made_for` says it.
        batch: Samples per call.
        recipe: Of the network. One of several of a manifest has a file with its name: that in the manifest, or with
            the manifest's before it.

    Raises:
        StageError: Not one of them is for it.
    """
    if not given.path.is_dir():
        return given.path
    own = (recipe.name, recipe.manifest.name) if recipe is not None and recipe.name else ("*",)
    patterns = [model_name(makes, name, batch) for name in own]
    pattern = patterns[0]
    if len(found := sorted(path for each in patterns for path in given.path.glob(each))) == 1:
        return found[0]
    names = ", ".join(path.name for path in sorted(given.path.glob(f"*{Path(makes.file).suffix}"))) or "none"
    if not makes.by_batch:
        raise StageError(
            f"--om {given.shown}: expected one {pattern}, for all batch sizes, found {names}; pack again with this "
            "manifest, or give one file"
        )
    raise StageError(
        f"--om {given.shown}: expected one {pattern}, for batch {batch}, found {names}; pack again with this batch "
        "size in the manifest, or run one that is there with --batch-size"
    )


def _kept(store: Store, name: str, text: str) -> Path:
    """Keep a text file under its content, and return its absolute path."""

    def make(folder: Path) -> None:
        (folder / name).write_text(text, encoding="utf-8")

    built = store.build(Path(name).stem, fingerprint(text), make, Terms(needs=(name,), repeats="everywhere"))
    return (built.path / name).absolute()
