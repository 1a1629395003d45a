"""What sections of a manifest say against each other: what can never be met, or would never have an effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest import models, open_axes, whole_tensors
from zoo_runner.manifest.accuracies import subset_problems
from zoo_runner.manifest.checks import Problem, repeated
from zoo_runner.manifest.gated import expected_lines
from zoo_runner.manifest.slips import slips
from zoo_runner.manifest.wording import found
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import declared_texts, mismatch, tensor_text

if TYPE_CHECKING:
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.slips import Older
    from zoo_runner.plugin.interfaces import TensorSpec

_IMAGE_AXES: Final = 4
_CHANNELS: Final = 3
_AIPP_SIDE: Final = 4096
_AIPP_LEAST_WIDTH: Final = 2
"""Limits of src_image_size_w and src_image_size_h in ATC's documentation of AIPP."""


def contradictions(manifest: Manifest, older: Older) -> Iterator[Problem]:
    """Check sections against each other; each of them is right by itself.

    Args:
        manifest: The manifest.
        older: Says where a confirmation is older than what it would confirm; see :func:`~.slips.slips`.
    """
    yield from models.contradictions(manifest)
    yield from whole_tensors.contradictions(manifest)
    yield from _tensors(manifest)
    if not manifest.models:
        yield from open_axes.contradictions(manifest)
    for name in manifest.models:
        alone = models.model_manifest(manifest, name)
        for path, text in (*_tensors(alone), *open_axes.contradictions(alone)):
            yield (models.MODELS, name, *path), text
    yield from _timed(manifest)
    yield from _subsets(manifest)
    yield from _rules(manifest)
    yield from _waivers(manifest)
    yield from slips(manifest, older=older)


def _tensors(manifest: Manifest) -> Iterator[Problem]:
    for kind, tensors in (("inputs", manifest.inputs), ("outputs", manifest.outputs)):
        names = [tensor.name for tensor in tensors]
        for (position,), problem in repeated(names):
            yield (kind, position, "name"), problem
    atc_options = manifest.atc
    if atc_options.out_nodes is not None and len(atc_options.out_nodes) != len(manifest.outputs):
        text = f"expected {len(manifest.outputs)} nodes, one for each of outputs in their order"
        yield ("atc", "out_nodes"), f"{text}, found {len(atc_options.out_nodes)}"
    if atc_options.input_shape is not None:
        names = [part.rpartition(":")[0] for part in atc_options.input_shape.split(";")]
        wanted = [tensor.name for tensor in manifest.inputs]
        if sorted(names) != sorted(wanted):
            form = ";".join(f"{name}:..." for name in wanted)
            yield ("atc", "input_shape"), f"expected {form}, naming inputs, found {atc_options.input_shape!r}"
    if atc_options.aipp is not None and (problem := _no_image(manifest.input_specs)):
        yield ("atc", "aipp"), problem


def _no_image(inputs: Sequence[TensorSpec]) -> str:
    """Say why AIPP cannot make these inputs; empty when it can."""
    fits = len(inputs) == 1 and inputs[0].dtype == "float32" and len(inputs[0].shape) == _IMAGE_AXES
    if not fits or inputs[0].shape[1] != _CHANNELS or inputs[0].axes:
        wanted = tensor_text("one input", "float32", (BATCH, _CHANNELS, "height", "width"))
        return mismatch("inputs", [wanted], declared_texts(inputs), "remove atc.aipp")
    height, width = inputs[0].sample_shape()[1:]
    if height > _AIPP_SIDE or not _AIPP_LEAST_WIDTH <= width <= _AIPP_SIDE:
        limits = f"a height up to {_AIPP_SIDE} and a width of {_AIPP_LEAST_WIDTH} to {_AIPP_SIDE}"
        return f"AIPP takes {limits}, found {height} x {width}"
    return ""


def _timed(manifest: Manifest) -> Iterator[Problem]:
    batches = manifest.benchmark.batch
    for chip, figures in manifest.expected.chips.items():
        for batch in figures.throughput:
            if batch not in batches:
                text = f"would never be compared: benchmark.batch is {list(batches)}; add {batch} there"
                yield ("expected", "chips", chip, "throughput", batch), text


def _subsets(manifest: Manifest) -> Iterator[Problem]:
    known, samples = manifest.expected.accuracies, manifest.dataset.samples
    for name, section in manifest.subsets.items():
        path = ("subsets", name)
        if section.size(samples) == 0:
            yield (*path, "offset"), f"expected a position below dataset.samples ({samples}), found {section.offset}"
        yield from subset_problems(name, section, known)


def _rules(manifest: Manifest) -> Iterator[Problem]:
    if manifest.uncertainty.resamples == 0:
        for line in expected_lines(manifest).values():
            if line.rule != "point":
                yield (*line.path, "rule"), f"expected uncertainty.resamples, which {line.rule} rests on, found 0"


def _waivers(manifest: Manifest) -> Iterator[Problem]:
    known = expected_lines(manifest)
    seen: set[str] = set()
    for position, waiver in enumerate(manifest.waivers):
        path = ("waivers", position)
        if waiver.line not in known:
            hint = did_you_mean(waiver.line, known) or f"; known here: {', '.join(known) or 'none'}"
            yield (*path, "line"), f"expected the id of a line that is gated, found {found(waiver.line)}{hint}"
        elif waiver.line in seen:
            yield (*path, "line"), f"expected one waiver a line, found a second one of {waiver.line!r}; remove one"
        elif known[waiver.line].rule != "paired" and known[waiver.line].passes(waiver.floor):
            text = "expected a figure that fails without the waiver"
            yield (*path, "floor"), f"{text}, found {found(waiver.floor)}"
        seen.add(waiver.line)
