"""A manifest of several networks that form one result (``models``), each seen as a manifest of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.expectations import Expected

if TYPE_CHECKING:
    from zoo_runner.manifest.checks import Problem
    from zoo_runner.manifest.schema import Manifest

MODELS: Final = "models"
TENSORS: Final = ("inputs", "outputs")
SECTIONS: Final = ("weights", "onnx", "atc")
"""Sections that each model has in place of the manifest."""
PIXELS: Final = ("aipp", "insert_op_conf")
"""Keys of ``atc`` by which a model takes pixels, which are made for the one network of a manifest."""
IN_PROCESS: Final = "in-process"


def model_manifest(manifest: Manifest, name: str) -> Manifest:
    """Return the manifest of one of several models, as if it stood alone; nothing is expected of it by itself.

    Args:
        manifest: The whole manifest.
        name: A key of its ``models``.
    """
    section = manifest.models[name]
    own = {key: getattr(section, key) for key in (*SECTIONS, *TENSORS)}
    benchmark = manifest.benchmark.model_copy(update={"sizes": {}})
    without = {MODELS: {}, "expected": Expected(), "subsets": {}, "waivers": (), "benchmark": benchmark}
    return manifest.model_copy(update={"name": f"{manifest.name}.{name}", **own, **without})


def contradictions(manifest: Manifest) -> Iterator[Problem]:
    """Check what stands beside ``models``, and what each of them may not say."""
    if not manifest.models:
        return
    for key in SECTIONS:
        if key in manifest.model_fields_set:
            yield (key,), f"would have no effect: each of models has its own; write it as models.NAME.{key}"
    if manifest.infer.tool != IN_PROCESS:
        text = f"{manifest.infer.tool} runs one model, and models has {len(manifest.models)}"
        yield ("infer", "tool"), f"{text}; use {IN_PROCESS}"
    if manifest.benchmark.sizes:
        yield ("benchmark", "sizes"), "would have no effect: the driver chooses the sizes of each call; remove it"
    yield from _open(manifest)
    for name, section in manifest.models.items():
        for key in PIXELS:
            if getattr(section.atc, key) is not None:
                yield (MODELS, name, "atc", key), "works in a manifest of one network only; remove it"


def _open(manifest: Manifest) -> Iterator[Problem]:
    """Check that what the driver takes and returns has fixed sizes."""
    for kind in TENSORS:
        for place, tensor in enumerate(getattr(manifest, kind)):
            if tensor.spec.axes:
                text = "open axes are those of a model: give a fixed shape here, and the open one in models.NAME"
                yield (kind, place, "shape"), f"{text}.{kind}"
