"""What an exported file says of its origin: the weights, the network and its code, and how it was exported.

It stands in the model's metadata. A published file is what a manifest means only if it says the same as a new export.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.interfaces import SourcedNetwork
from zoo_runner.stages.export.compared_sizes import FIXED, compared_sizes
from zoo_runner.used_code.static import closure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from zoo_runner.job.recipe import Recipe

WEIGHTS: Final = "zoo_runner.weights_sha256"
NETWORK: Final = "zoo_runner.network"
CODE: Final = "zoo_runner.network_code_sha256"
OPTIONS: Final = "zoo_runner.onnx"
MEANINGS: Final[Mapping[str, str]] = {
    WEIGHTS: "the weights' sha256",
    NETWORK: "what plugin.config says of the network",
    CODE: "the sha256 of the code of the network",
    OPTIONS: "the section onnx",
}


def origin_of(recipe: Recipe, weights_sha256: str) -> dict[str, str]:
    """Return the metadata of an export of these weights, by the names above."""
    return {
        WEIGHTS: weights_sha256,
        NETWORK: recipe.network,
        CODE: network_code(recipe),
        OPTIONS: json.dumps(options_of(recipe), sort_keys=True),
    }


def options_of(recipe: Recipe) -> dict[str, object]:
    """Return how the manifest exports: its section ``onnx`` without a published file, with a fixed batch size.

    The sizes of open axes at which it is made and compared are in it, too, and the scripts that change it afterwards.
    """
    onnx = recipe.manifest.onnx
    options = onnx.model_dump(mode="json", include={"opset", "simplify", "dynamic_batch", "exporter"})
    if onnx.check != "ort":  # what nobody checked is never taken for what was
        options["check"] = onnx.check
    if onnx.safe_l2_norm is not None:
        options["safe_l2_norm"] = onnx.safe_l2_norm
    if not onnx.dynamic_batch:
        options["batch"] = recipe.manifest.infer.batch
    if recipe.foreign.source is not None:
        options["code"] = recipe.foreign.source.sha256
    if recipe.transforms:
        options["transforms"] = [script.sha256 for script in recipe.transforms]
    if (sizes := compared_sizes(recipe.shapes)) != (FIXED,):
        options["sizes"] = [dict(each) for each in sizes]
        options["most"] = dict(recipe.shapes.most) if recipe.shapes else {}
    return options


def network_code(recipe: Recipe) -> str:
    """Return the SHA-256 of the code that makes the network.

    It is that of the modules which the network names (:class:`~zoo_runner.plugin.interfaces.SourcedNetwork`), or else
    of the one that defines it, and of what they import of the plugin's packages. Nothing is imported for that.
    """
    network = recipe.parts.network
    entries = network.modules if isinstance(network, SourcedNetwork) else (type(network).__module__,)
    tops = {recipe.package, *recipe.declared}

    def find(name: str) -> Path | None:
        return recipe.disk.finder.module(name) if name.partition(".")[0] in tops else None

    found = {name: path.read_bytes() for name, path in closure(entries, find).items()}
    rows = [[name, hashlib.sha256(content).hexdigest()] for name, content in sorted(found.items())]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[str]:
    """Yield what a file says otherwise of its origin, in words."""
    for name, meaning in MEANINGS.items():
        if found.get(name) != expected[name]:
            yield f"{meaning}: expected {expected[name]}, found {found.get(name, 'nothing')}"
