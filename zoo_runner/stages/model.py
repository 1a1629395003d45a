"""The model of a run: exported once, converted per batch size where the backend needs that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.artifacts import file_digest, fingerprint, source_fingerprint
from zoo_runner.interfaces import SessionRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Backend, Session
    from zoo_runner.recipe import Recipe
    from zoo_runner.stages.fetch import Fetched

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
        [_version(name) for name in EXPORTERS],
        source_fingerprint(recipe.package),
        source_fingerprint("zoo_runner"),
    )


def export_model(recipe: Recipe, weights: Fetched, store: Store) -> ModelFile:
    """Return the ONNX model of the weights, exporting it if this was not done before."""

    def make(folder: Path) -> None:
        from zoo_runner.stages.export import export  # noqa: PLC0415 - loads torch

        exported = export(recipe.parts.network, weights.path, recipe.manifest.onnx, folder / "model.onnx")
        (folder / "parity.json").write_text(json.dumps(dict(exported.differences)), encoding="utf-8")

    built = store.build("onnx", export_key(recipe, weights.sha256), make)
    path = built.path / "model.onnx"
    return ModelFile(
        path=path,
        sha256=file_digest(path),
        reused=built.reused,
        differences=json.loads((built.path / "parity.json").read_text(encoding="utf-8")),
    )


def model_key(recipe: Recipe, backend: Backend, model: ModelFile) -> str:
    """Name the model's outputs by the model, what runs it and the code around it."""
    return fingerprint(
        model.sha256,
        backend.name,
        backend.version(),
        source_fingerprint(recipe.package),
        source_fingerprint("zoo_runner"),
    )


@dataclass
class SessionHolder:
    """Opens the model for one batch size when it is first needed, and closes it at the end.

    A run whose predictions are all in the store never loads the model.
    """

    recipe: Recipe
    backend: Backend
    model: ModelFile
    batch: int
    devices: tuple[int, ...]
    _session: Session | None = None

    def __call__(self) -> Session:
        """Return the session, opening it the first time."""
        if self._session is None:
            self._session = self.backend.open(
                SessionRequest(
                    model=self.model.path,
                    inputs=self.recipe.manifest.input_specs,
                    outputs=self.recipe.manifest.output_specs,
                    batch=self.batch,
                    devices=self.devices,
                    threads=self.recipe.manifest.infer.threads,
                )
            )
        return self._session

    def close(self) -> None:
        """Close the session if it was opened."""
        if self._session is not None:
            self._session.close()
            self._session = None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
