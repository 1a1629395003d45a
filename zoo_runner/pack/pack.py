"""``zoo-run pack``: everything up to the conversion, and what came of it in one place; nothing is scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError, UsageError, distribution
from zoo_runner.job.journal import Journal
from zoo_runner.job.recipe import resolve
from zoo_runner.output.names import SUMS
from zoo_runner.pack.checksums import sums_text
from zoo_runner.pack.files import PackedFile, check_names, copy, model_files, script_files, side_files, weights_file
from zoo_runner.pack.manifest_text import check_confirmations, manifest_text, packed_manifest
from zoo_runner.pack.placing import README, check_target, placed
from zoo_runner.pack.readme import readme
from zoo_runner.report.characters import visible
from zoo_runner.runner import open_job
from zoo_runner.stages.convert.stage import convert, engine_of
from zoo_runner.stages.export.stage import export
from zoo_runner.stages.fetch.stage import fetch
from zoo_runner.store.fingerprints import file_digest

if TYPE_CHECKING:
    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.convert.engine import Engine
    from zoo_runner.stages.fetch.trust import Fetched
    from zoo_runner.store.store import Store

MANIFEST: Final = "manifest.yaml"


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What was packed: ``sizes`` has the bytes of each file by its name in the pack."""

    target: Path
    sizes: dict[str, int]


def pack(
    loaded: LoadedManifest,
    options: RunOptions,
    target: Path,
    *,
    store: Store,
    progress: Progress,
    anew: bool = False,
) -> Packed:
    """Fetch, export and convert as a run would, and put what came of it into a folder or an archive.

    Args:
        loaded: The manifest.
        options: Of the run that is meant, until the conversion. Logs of the converter go to its ``output``.
        target: A folder, or a file that ends in ``.zip``; a pack that is there as it was made is replaced.
        store: Has what was made before.
        progress: Is told what happens.
        anew: Export also where the manifest names a published ONNX.

    Raises:
        UsageError: Something else is at ``target``.
        ManifestError: The manifest names what cannot be packed.
        ZooError: As the run itself would be refused, or could not convert the model.
    """
    check_target(target)  # before hours of work
    check_confirmations(loaded)
    recipe = resolve(loaded, options)
    job = open_job(recipe, options, store, Journal(loaded=recipe.loaded, progress=progress))
    weights, engine = _made(job, anew=anew)
    batches = sorted({recipe.manifest.infer.batch, *recipe.manifest.benchmark.batch})
    files = [weights_file(weights), *model_files(engine, batches), *side_files(engine, batches), *script_files(recipe)]
    check_names(files, (MANIFEST, README, SUMS))
    texts = _texts(recipe, engine, files)
    with placed(target, recipe.manifest.name) as folder:
        for file in files:
            copy(file, folder)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        digests = {**{file.name: file.sha256 for file in files}, **{name: file_digest(folder / name) for name in texts}}
        (folder / SUMS).write_text(sums_text(digests), encoding="utf-8")
        sizes = {name: (folder / name).stat().st_size for name in sorted([*digests, SUMS])}
    return Packed(target=target, sizes=sizes)


def _made(job: Job, *, anew: bool) -> tuple[Fetched, Engine]:
    """Make what is packed, or find it in the store."""
    if several := job.recipe.manifest.models:
        raise UsageError(f"{job.recipe.manifest.name}: expected one network to pack, found models {', '.join(several)}")
    if job.recipe.manifest.code is not None:
        raise UsageError(
            f"{job.recipe.manifest.name}: expected a manifest without foreign code to pack, found code; give the "
            "exported network as onnx.url, or as the weights, in a manifest of its own"
        )
    inputs = fetch(job)
    if not inputs.models or job.backend is None:
        raise StageError("expected weights and a backend to pack a model, found none")
    ((name, files),) = inputs.models.items()
    weights = files.weights
    pinned = job.recipe.manifest.weights.sha256
    if pinned is not None and weights.sha256 != pinned:
        where = job.recipe.loaded.locate(("weights", "sha256"))
        raise UsageError(
            f"--weights: expected the manifest's own, with sha256 {pinned} ({where}), found {weights.sha256}: whoever "
            "runs a pack takes its weights for those that the figures are of; to pack others, write a manifest that "
            "extends this one and names them"
        )
    packed = {name: replace(files, published=None) if anew else files}
    engine = engine_of(job, job.backend, export(job, packed))
    convert(job, engine)
    return weights, engine


def _texts(recipe: Recipe, engine: Engine, files: list[PackedFile]) -> dict[str, str]:
    """Return the files of a pack that are written for it."""
    manifest = recipe.manifest
    source = visible(" ".join(recipe.loaded.path.name.split()))  # a name may have line ends in it
    made = f"Made by zoo-run {metadata.version(distribution())} of `{source}`."
    weights, onnx = files[:2]
    packed = packed_manifest(manifest, weights, None if recipe.given_onnx else onnx)
    return {
        MANIFEST: manifest_text(packed, f"Packed by zoo-run {metadata.version(distribution())} from {source}."),
        README: readme(manifest, files, engine.backend, made=made, name=MANIFEST),
    }
