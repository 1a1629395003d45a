"""The model of a run: exported once, converted per batch size where the backend needs that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PrerequisiteError, installing
from zoo_runner.files.named_errors import naming
from zoo_runner.job.steps import EXPORT, coded
from zoo_runner.stages.export.compared_sizes import Opening
from zoo_runner.stages.export.declared import check_declared
from zoo_runner.stages.export.foreign_imports import distributions_of, importable, imports_of
from zoo_runner.stages.export.given import check_given, given_parts, take_given
from zoo_runner.stages.export.origin import network_code, options_of, origin_of
from zoo_runner.stages.export.place import place_of
from zoo_runner.stages.export.published import missing_packages, take
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import DamagedError, Terms
from zoo_runner.used_code.libraries import EXPORTING, versions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.stages.fetch.code_tree import CodeTree
    from zoo_runner.stages.fetch.trust import Fetched
    from zoo_runner.store.store import Built, Store

MODEL = "model.onnx"
PARITY = "parity.json"
"""How far torch and ONNX Runtime are apart, by output."""
NOTES = "checkpoint.json"
"""What was taken of the checkpoint, where it left a choice."""
TERMS: Final = Terms(needs=(MODEL, PARITY, NOTES), varies=(PARITY,))


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model ready to be loaded, and what it is a function of.

    Attributes:
        path: The file.
        sha256: Its hash.
        reused: Whether it was there before this run.
        differences: Largest relative difference between torch and ONNX Runtime, per output; of a published model,
            between it and a new export, and nothing where none was made.
        weights: Hash of the checkpoint.
        notes: What was taken of the checkpoint where it left a choice, and what was left out.
    """

    path: Path
    sha256: str
    reused: bool
    differences: Mapping[str, float]
    weights: str = ""
    notes: tuple[str, ...] = ()


def export_key(recipe: Recipe, weights_sha256: str, code: CodeTree | None = None) -> str:
    """Name an export by everything that shapes it, but the code; for that, see :mod:`zoo_runner.job.steps`."""
    return fingerprint(export_parts(recipe, weights_sha256, code))


def export_parts(recipe: Recipe, weights_sha256: str, code: CodeTree | None = None) -> dict[str, object]:
    """Return what :func:`export_key` is made of."""
    return {
        "weights": weights_sha256,
        "network": recipe.network,
        "onnx": options_of(recipe),
        "libraries": dict(versions(EXPORTING)),
        **({"hooks given": recipe.parts.told} if recipe.parts.told else {}),
        **({"libraries of code": distributions_of(code.path, recipe.disk)} if code else {}),
        **({"imports of scripts": imports_of(recipe.transforms, recipe.disk)} if recipe.transforms else {}),
    }


def graph_without_weights(recipe: Recipe, store: Store, warn: Callable[[str], None]) -> tuple[str, ...]:
    """Return the graph nodes of the manifest's outputs, from an export with random weights.

    The graph's shape and names do not depend on the weights.

    Raises:
        PrerequisiteError: A package that exporting needs is missing.
        ExportError: The network cannot be exported.
    """
    from zoo_runner.onnx_graph import output_nodes  # noqa: PLC0415 - loads onnx

    def make(folder: Path) -> None:
        from zoo_runner.stages.export.checked_export import export_graph  # noqa: PLC0415 - loads torch

        manifest, network = recipe.manifest, recipe.parts.network
        export_graph(network, manifest.onnx, folder / MODEL, opening=_opening(recipe))

    built = coded(EXPORT, recipe, store, warn).build(
        "graph", export_key(recipe, "without weights"), make, Terms(needs=(MODEL,))
    )
    return output_nodes(built.path / MODEL, [spec.name for spec in recipe.manifest.output_specs])


def given_nodes(recipe: Recipe, path: Path | None) -> tuple[str, ...]:
    """Return the graph nodes of the manifest's outputs, from the ONNX file that is given.

    Raises:
        PrerequisiteError: The file is not on this machine, or onnx is not installed.
        ExportError: It is no ONNX model, or lacks an output.
    """
    from zoo_runner.onnx_graph import output_nodes  # noqa: PLC0415 - loads onnx

    if path is None or not path.is_file():
        raise PrerequisiteError("the ONNX file is not on this machine yet")
    if find_spec("onnx") is None:
        raise PrerequisiteError(f"reading the ONNX file needs onnx: {installing('export')}")
    return output_nodes(path, [spec.name for spec in recipe.manifest.output_specs])


def export_model(
    recipe: Recipe, weights: Fetched, store: Store, warn: Callable[[str], None], code: CodeTree | None = None
) -> ModelFile:
    """Return the ONNX model of the weights, exporting it if this was not done before.

    ``warn`` is told when it cannot be kept for later runs.
    """

    def make(folder: Path) -> None:
        from zoo_runner.stages.export.checked_export import export  # noqa: PLC0415 - loads torch

        manifest = recipe.manifest
        network, target = recipe.parts.network, folder / MODEL
        with importable(None if code is None else code.path):
            exported = export(
                network,
                weights.file.path,
                manifest.onnx,
                target,
                opening=_opening(recipe),
                sha256=weights.file.sha256,
                place=place_of(recipe.loaded),
                metadata=origin_of(recipe, weights.sha256),
            )
        notes = (*exported.notes, *_transformed(recipe, target), *_safe_norms(recipe, target))
        if manifest.onnx.check == "none" or recipe.transforms:
            check_declared(manifest, target, "the exported model")
        _write(folder, exported.differences, notes)

    built = coded(EXPORT, recipe, store, warn).build(
        "onnx",
        export_key(recipe, weights.sha256, code),
        make,
        TERMS,
        accept=_readable,
    )
    return _model_file(built, weights.sha256)


def given_model(recipe: Recipe, weights: Fetched, store: Store, progress: Progress) -> ModelFile:
    """Return the model that is given as ONNX, checked if this was not done before.

    Raises:
        ExportError: It does not have the manifest's tensors.
    """

    def make(folder: Path) -> None:
        target = folder / MODEL
        take_given(recipe, weights, target, store, progress)
        notes = (*_transformed(recipe, target), *_safe_norms(recipe, target))
        check_given(recipe, weights.file, target)
        _write(folder, {}, notes)

    key = fingerprint(given_parts(recipe, weights.sha256))
    return _model_file(
        coded(EXPORT, recipe, store, progress.warn).build("given", key, make, TERMS, accept=_readable), weights.sha256
    )


def published_parts(
    recipe: Recipe, weights_sha256: str, published_sha256: str, exported: str | None, code: CodeTree | None = None
) -> dict[str, object]:
    """Return what the key of a published model is made of; with the hash of the export that it is compared with.

    The network's code is in it: where nothing is exported, that code is never loaded, and nothing else tells that it
    is another one than the file says.
    """
    return {
        **export_parts(recipe, weights_sha256, code),
        "network code": network_code(recipe),
        "published": published_sha256,
        "compared with": exported,
    }


def published_model(
    recipe: Recipe,
    weights: Fetched,
    published: Fetched,
    store: Store,
    warn: Callable[[str], None],
    code: CodeTree | None = None,
) -> tuple[ModelFile, dict[str, object]]:
    """Return the published ONNX model of the weights; where it can be exported here, it is compared with an export.

    Returns:
        The model, and what its key is made of.

    Raises:
        ExportError: It is of another origin, or computes something else.
    """
    exported = None if missing_packages(recipe) else export_model(recipe, weights, store, warn, code)

    def make(folder: Path) -> None:
        take(recipe, weights.sha256, published, folder / MODEL)
        if recipe.manifest.onnx.check == "none":
            check_declared(recipe.manifest, folder / MODEL, published.origin)
        differences: Mapping[str, float] = {}
        if exported is not None and recipe.manifest.onnx.check == "ort":
            from zoo_runner.stages.export.checked_export import compare_published  # noqa: PLC0415 - loads torch

            manifest, network = recipe.manifest, recipe.parts.network
            differences = compare_published(
                folder / MODEL, exported.path, network, manifest.onnx, opening=_opening(recipe)
            )
        _write(folder, differences, exported.notes if exported else ())

    parts = published_parts(recipe, weights.sha256, published.sha256, exported.sha256 if exported else None, code)
    built = coded(EXPORT, recipe, store, warn).build("published", fingerprint(parts), make, TERMS, accept=_readable)
    return _model_file(built, weights.sha256), parts


def _transformed(recipe: Recipe, model: Path) -> tuple[str, ...]:
    """Apply the manifest's scripts to a graph; afterwards it must still have the manifest's tensors."""
    if not recipe.transforms:
        return ()
    from zoo_runner.stages.export.transforms import transformed  # noqa: PLC0415 - few manifests have any

    return transformed(recipe, model)


def _safe_norms(recipe: Recipe, model: Path) -> tuple[str, ...]:
    """Change the graph's L2 norms, where the manifest asks for that; whether it is the same graph is proven later."""
    exponent = recipe.manifest.onnx.safe_l2_norm
    if exponent is None:
        return ()
    from zoo_runner.stages.export.safe_norms import make_safe  # noqa: PLC0415 - few manifests ask for it

    count = make_safe(model, exponent, recipe.loaded.locate(("onnx", "safe_l2_norm")))
    return (f"L2 norms were scaled by 2^-{exponent}: {count}",)


def _opening(recipe: Recipe) -> Opening:
    return Opening(batch=recipe.manifest.infer.batch, shapes=recipe.shapes)


def _write(folder: Path, differences: Mapping[str, float], notes: Sequence[str]) -> None:
    for name, found in ((PARITY, dict(differences)), (NOTES, notes)):
        with naming(folder / name):
            (folder / name).write_text(json.dumps(found), encoding="utf-8")


def _model_file(built: Built, weights_sha256: str) -> ModelFile:
    return ModelFile(
        path=built.path / MODEL,
        sha256=built.sha256(MODEL),
        reused=built.reused,
        differences=_differences(built.path / PARITY),
        weights=weights_sha256,
        notes=_notes(built.path / NOTES),
    )


def _readable(built: Built) -> bool:
    try:
        _differences(built.path / PARITY)
        _notes(built.path / NOTES)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DamagedError(f"{PARITY} or {NOTES} cannot be understood ({error})") from error
    return True


def _differences(path: Path) -> dict[str, float]:
    return {name: float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}


def _notes(path: Path) -> tuple[str, ...]:
    return tuple(str(note) for note in json.loads(path.read_text(encoding="utf-8")))
