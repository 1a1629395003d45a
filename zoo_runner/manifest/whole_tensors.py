"""Tensors without a batch axis: a table that is given with each call, or what a call returns as a whole.

Nothing says which part of such a tensor is of which sample. So a call has one sample, of which all of it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zoo_runner.manifest.open_axes import KEYS
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from zoo_runner.manifest.checks import Problem
    from zoo_runner.manifest.schema import Manifest


def contradictions(manifest: Manifest) -> Iterator[Problem]:
    """Check that calls have one sample where a tensor has no batch axis."""
    whole = [*_whole(manifest)]
    if manifest.models:
        sections = [manifest, *manifest.models.values()]
        for place, section in zip(("", *manifest.models), sections, strict=True):
            for kind, position in _whole(section):
                path = ("models", place, kind) if place else (kind,)
                yield (*path, position, "shape"), f"expected {BATCH!r} first, as in every tensor beside models"
        return
    if not whole:
        return
    kind, position = whole[0]
    shape = list(getattr(manifest, kind)[position].shape)
    why = f"as {kind}.{position} has no batch axis ({shape}): nothing says which part of it is of which sample"
    if manifest.infer.batch != 1:
        yield ("infer", "batch"), f"expected 1, {why}, found {manifest.infer.batch}"
    if manifest.benchmark.batch != (1,):
        yield ("benchmark", "batch"), f"expected [1], {why}, found {list(manifest.benchmark.batch)}"
    if manifest.onnx.dynamic_batch:
        yield ("onnx", "dynamic_batch"), f"expected false, {why}, found true"
    if any(getattr(manifest.atc, key) for key in KEYS):
        yield (kind, position, "shape"), f"expected {BATCH!r} first, as sizes are open, found {shape}"


def whole_tensors(manifest: Manifest) -> frozenset[str]:
    """Return the names of the tensors without a batch axis."""
    return frozenset(getattr(manifest, kind)[position].name for kind, position in _whole(manifest))


def _whole(section: object) -> Iterator[tuple[str, int]]:
    """Yield the places of tensors without a batch axis."""
    for kind in ("inputs", "outputs"):
        for position, tensor in enumerate(getattr(section, kind)):
            if BATCH not in tensor.shape:
                yield kind, position
