"""The model of a run: exported once, converted per batch size where the backend needs that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.fingerprints import file_digest, fingerprint, source_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.artifacts import Store
    from zoo_runner.recipe import Recipe
    from zoo_runner.stages.source import Fetched

EXPORTERS = ("torch", "onnx", "onnxsim", "onnxscript")
"""Distributions whose version shapes the exported graph."""


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """A model ready to be loaded, and what it is a function of.

    Attributes:
        path: The file.
        sha256: Its hash.
        reused: Whether it was there before this run.
        differences: Largest relative difference between torch and ONNX Runtime, per output.
    """

    path: Path
    sha256: str
    reused: bool
    differences: Mapping[str, float]


def export_key(recipe: Recipe, weights_sha256: str) -> str:
    """Name an export by everything that shapes it."""
    return fingerprint(
        weights_sha256,
        recipe.parts.network.identity,
        recipe.manifest.onnx.model_dump(mode="json"),
        None if recipe.manifest.onnx.dynamic_batch else recipe.manifest.infer.batch,
        [_version(name) for name in EXPORTERS],
        source_fingerprint(recipe.package),
        source_fingerprint("zoo_runner"),
    )


def graph_without_weights(recipe: Recipe, store: Store) -> tuple[str, ...]:
    """Return the graph nodes of the manifest's outputs, from an export with random weights.

    The graph's shape and names do not depend on the weights.

    Raises:
        PrerequisiteError: A package that exporting needs is missing.
        ExportError: The network cannot be exported.
    """
    from zoo_runner.stages.graph import output_nodes  # noqa: PLC0415 - loads onnx

    def make(folder: Path) -> None:
        from zoo_runner.stages.export import export_graph  # noqa: PLC0415 - loads torch

        export_graph(
            recipe.parts.network, recipe.manifest.onnx, folder / "model.onnx", batch=recipe.manifest.infer.batch
        )

    built = store.build("graph", export_key(recipe, "without weights"), make)
    return output_nodes(built.path / "model.onnx", [spec.name for spec in recipe.manifest.output_specs])


def export_model(recipe: Recipe, weights: Fetched, store: Store) -> ModelFile:
    """Return the ONNX model of the weights, exporting it if this was not done before."""

    def make(folder: Path) -> None:
        from zoo_runner.stages.export import export  # noqa: PLC0415 - loads torch

        manifest = recipe.manifest
        network, target = recipe.parts.network, folder / "model.onnx"
        exported = export(network, weights.path, manifest.onnx, target, batch=manifest.infer.batch)
        (folder / "parity.json").write_text(json.dumps(dict(exported.differences)), encoding="utf-8")

    built = store.build("onnx", export_key(recipe, weights.sha256), make)
    path = built.path / "model.onnx"
    return ModelFile(
        path=path,
        sha256=file_digest(path),
        reused=built.reused,
        differences=json.loads((built.path / "parity.json").read_text(encoding="utf-8")),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
