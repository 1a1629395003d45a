"""The conversion for backends that run ONNX: the normalisation goes into the graph."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PluginError
from zoo_runner.plugin.conversion import Artifact
from zoo_runner.used_code.libraries import FOLDING, versions

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.plugin.conversion import ConversionRequest, Repeats
    from zoo_runner.plugin.pixels import Normalisation

FOLDED: Final = Artifact(
    name="folded",
    file="model.onnx",
    tool="fold",
    by_batch=False,
    normalises=True,
    settings=(),  # of the section, it reads aipp only, which counts in any case
    why="AIPP's arithmetic is folded into the graph, which takes 8-bit pixels",
)


class Folding:
    """Puts a plugin's normalisation at the head of its ONNX graph."""

    makes = FOLDED

    def conversion_parts(self, request: ConversionRequest) -> dict[str, object]:
        """Return the graph's hash, the normalisation, and the versions of the libraries that fold it."""
        return {
            "model": request.sha256,
            "normalisation": asdict(_normalisation(request)),
            "libraries": dict(versions(FOLDING)),
        }

    def repeats(self, _request: ConversionRequest) -> Repeats:
        """Return ``here``."""
        return "here"

    def convert(self, request: ConversionRequest, folder: Path, _log: Path) -> None:
        """Write the folded graph.

        Raises:
            PrerequisiteError: The package onnx is missing.
            ExportError: The file is not an ONNX model, or has no such input.
        """
        from zoo_runner.aipp.fold import fold_normalisation  # noqa: PLC0415 - only runs with atc.aipp need it

        (image,) = request.inputs
        fold_normalisation(request.model, folder / FOLDED.file, image.name, _normalisation(request))


def _normalisation(request: ConversionRequest) -> Normalisation:
    if request.normalisation is None:
        raise PluginError("expected a normalisation to fold into the graph, found none; set atc.aipp: auto")
    return request.normalisation
