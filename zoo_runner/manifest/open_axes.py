"""What a manifest says of open axes: the sizes that a model takes, held against its tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.checks import Problem
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.shapes import Opened, Shapes

if TYPE_CHECKING:
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.plugin.shapes import Sizes

KEYS: Final[Mapping[str, Opened]] = {
    "dynamic_batch_size": "batch",
    "dynamic_image_size": "image_size",
    "dynamic_dims": "dims",
    "input_shape_range": "range",
}
"""Keys of the section ``atc``, and what each opens."""
IMAGE_LAYOUT: Final = "NCHW"
"""The one layout in which ATC takes gears of height and width of an ONNX graph."""
IMAGE_AXES: Final = (2, 3)
"""Where height and width are in it."""


def shapes_of(manifest: Manifest) -> Shapes | None:
    """Return the sizes that a manifest without contradictions lets its model take; ``None`` without open axes."""
    opened = next((kind for key, kind in KEYS.items() if getattr(manifest.atc, key)), None)
    if opened is None:
        return None
    gears = _gears(manifest, opened)
    bounds = {axis: (low, high) for axis, (low, high) in manifest.atc.input_shape_range.items()}
    sizes = {axis: [gear[axis] for gear in gears] for gear in gears[:1] for axis in gear if axis != BATCH}
    most = {axis: max(each) for axis, each in sizes.items()} | {axis: high for axis, (_, high) in bounds.items()}
    own = {axis: size for output in manifest.outputs for axis, size in output.most.items()}
    return Shapes(opened=opened, gears=gears, bounds=bounds, most=most | own)


def contradictions(manifest: Manifest) -> Iterator[Problem]:
    """Check open axes against the sizes that are given for them."""
    given = [key for key in KEYS if getattr(manifest.atc, key)]
    axes = input_axes(manifest)
    for key in given[1:]:
        yield ("atc", key), f"ATC takes either this or {given[0]}, found both; remove one"
    if len(given) > 1:
        return
    yield from _unsized(manifest, axes, given)
    for key in given:
        yield from _with_others(manifest, key)
        yield from {
            "dynamic_batch_size": _batches,
            "dynamic_image_size": _image,
            "dynamic_dims": _dims,
            "input_shape_range": _range,
        }[key](manifest)
    yield from _padded_ends(manifest)
    yield from _timed(manifest, axes)
    yield from _outputs(manifest, axes)


def input_axes(manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the open axes of the inputs, each once, in order."""
    return tuple(dict.fromkeys(axis for spec in manifest.input_specs for axis in spec.axes))


def _gears(manifest: Manifest, opened: Opened) -> tuple[Sizes, ...]:
    atc = manifest.atc
    if opened == "batch":
        return tuple({BATCH: size} for size in atc.dynamic_batch_size)
    if opened == "image_size":
        return tuple(dict(zip(input_axes(manifest), sizes, strict=True)) for sizes in atc.dynamic_image_size)
    return tuple(dict(gear) for gear in atc.dynamic_dims)


def _unsized(manifest: Manifest, axes: Sequence[str], given: Sequence[str]) -> Iterator[Problem]:
    sized = [key for key in given if key != "dynamic_batch_size"]
    if axes and not sized:
        named = next(place for place, spec in enumerate(manifest.input_specs) if spec.axes)
        text = f"expected the sizes that the open axes {', '.join(axes)} take, found none"
        remedy = "add atc.dynamic_image_size, atc.dynamic_dims or atc.input_shape_range"
        yield ("inputs", named, "shape"), f"{text}; {remedy}"
    if sized and not axes:
        text = "would have no effect: no input has an open axis; write names there, as in [batch, 3, height, width]"
        yield ("atc", sized[0]), text
    for place, tensor in enumerate(manifest.inputs):
        if tensor.pad is not None and "input_shape_range" in sized:
            yield (
                ("inputs", place, "pad"),
                "would have no effect: any size in atc.input_shape_range is taken; remove it",
            )


def _with_others(manifest: Manifest, key: str) -> Iterator[Problem]:
    atc = manifest.atc
    if atc.input_shape is not None:
        yield ("atc", "input_shape"), f"is made of inputs where {key} is given; remove it"
    for rival in ("aipp", "insert_op_conf"):
        if getattr(atc, rival) is not None and key != "dynamic_batch_size":
            yield ("atc", rival), f"cannot stand beside {key}: AIPP has fixed sizes here; remove one of the two"


def _batches(manifest: Manifest) -> Iterator[Problem]:
    sizes = manifest.atc.dynamic_batch_size
    wanted = {"infer.batch": (manifest.infer.batch,), "benchmark.batch": manifest.benchmark.batch}
    for where, batches in wanted.items():
        for batch in batches:
            if batch not in sizes:
                yield ("atc", "dynamic_batch_size"), f"expected {batch} in it, as {where} has it, found {list(sizes)}"
    if not manifest.onnx.dynamic_batch:
        yield ("atc", "dynamic_batch_size"), "expected onnx.dynamic_batch: true, which leaves the batch size open"


def _image(manifest: Manifest) -> Iterator[Problem]:
    layout = manifest.atc.input_format
    if layout != IMAGE_LAYOUT:
        text = f"expected atc.input_format {IMAGE_LAYOUT}, in which ATC takes heights and widths of ONNX"
        yield ("atc", "dynamic_image_size"), f"{text}, found {layout}; or use atc.dynamic_dims"
        return
    opened = [spec for spec in manifest.input_specs if spec.axes]
    places = [place for spec in opened for place, size in enumerate(spec.shape) if size in spec.axes]
    if opened and (len(opened) > 1 or tuple(places) != IMAGE_AXES or len(set(opened[0].axes)) < len(places)):
        text = "expected one input with two open axes, height and width, as in [batch, 3, height, width]"
        yield ("atc", "dynamic_image_size"), f"{text}; or use atc.dynamic_dims"


def _dims(manifest: Manifest) -> Iterator[Problem]:
    axes = input_axes(manifest)
    for place, gear in enumerate(manifest.atc.dynamic_dims):
        yield from _names(("atc", "dynamic_dims", place), gear, axes)


def _range(manifest: Manifest) -> Iterator[Problem]:
    bounds, infer = manifest.atc.input_shape_range, manifest.infer
    if infer.tool == "ais_bench-cli" and infer.batch != 1:
        text = "expected 1: with atc.input_shape_range ais_bench runs each file as a call of its own, found"
        yield ("infer", "batch"), f"{text} {infer.batch}; or use infer.tool: in-process"
    yield from _names(("atc", "input_shape_range"), bounds, input_axes(manifest))
    for axis, (low, high) in bounds.items():
        if low > high:
            yield (
                ("atc", "input_shape_range", axis),
                f"expected the least size before the greatest, found {[low, high]}",
            )


def _names(path: tuple[str | int, ...], given: Mapping[str, object], axes: Sequence[str]) -> Iterator[Problem]:
    if not axes:
        return  # which is said once
    for axis in given:
        if axis not in axes:
            text = f"no input has an open axis of this name{did_you_mean(axis, axes)}"
            yield (*path, axis), f"{text} (found in inputs: {', '.join(axes)})"
    if missing := [axis for axis in axes if axis not in given]:
        yield path, f"expected a size for each of {', '.join(axes)}, missing {', '.join(missing)}"


def _padded_ends(manifest: Manifest) -> Iterator[Problem]:
    """Check that inputs which share an axis are padded at the same end of it: a sample lies in one place."""
    ends: dict[str, str] = {}
    for place, tensor in enumerate(manifest.inputs):
        for axis in tensor.spec.axes if tensor.pad else ():
            if tensor.pad and ends.setdefault(axis, tensor.pad.at) != tensor.pad.at:
                text = f"expected {ends[axis]}, as another input with the axis {axis} has it, found {tensor.pad.at}"
                yield ("inputs", place, "pad", "at"), text


def _timed(manifest: Manifest, axes: Sequence[str]) -> Iterator[Problem]:
    """Check that the model takes the sizes that it is to be timed at."""
    sizes, atc, path = dict(manifest.benchmark.sizes), manifest.atc, ("benchmark", "sizes")
    if sizes and not axes:
        yield path, "would have no effect: no input has an open axis; remove it"
    if not sizes or not axes:
        return
    yield from (problems := list(_names(path, sizes, axes)))
    if problems:
        return
    for axis, (low, high) in atc.input_shape_range.items():
        if axis in sizes and not low <= sizes[axis] <= high:
            yield (*path, axis), f"expected {low} to {high}, as atc.input_shape_range has it, found {sizes[axis]}"
    opened = next((kind for key, kind in KEYS.items() if kind in {"image_size", "dims"} and getattr(atc, key)), None)
    if opened and sizes not in _gears(manifest, opened):
        text = ", ".join(f"{axis} {size}" for axis, size in sizes.items())
        yield path, f"expected one of the gears, found {text}"


def _outputs(manifest: Manifest, axes: Sequence[str]) -> Iterator[Problem]:
    most: dict[str, int] = {}
    for place, output in enumerate(manifest.outputs):
        own = [axis for axis in output.spec.axes if axis not in axes]
        if own and not axes:
            text = "expected fixed sizes, as no input has an open axis"
            yield ("outputs", place, "shape"), f"{text}, found {', '.join(own)}; make the graph pad this output"
            continue
        for axis in dict.fromkeys(own):
            if axis not in output.most:
                text = f"expected the greatest size of {axis}, which no input has: memory is reserved by it"
                yield ("outputs", place, "shape"), f"{text}; add most: {{{axis}: N}}{did_you_mean(axis, axes)}"
        if len(own) > 1 and manifest.infer.tool == "ais_bench-cli" and manifest.infer.outfmt != "NPY":
            text = f"expected NPY, whose files say how large {' and '.join(own)} of {output.name} are"
            yield ("infer", "outfmt"), f"{text}, found {manifest.infer.outfmt}"
        for axis, size in output.most.items():
            if most.setdefault(axis, size) != size:
                text = f"expected {most[axis]}, as another output with the axis {axis} has it, found {size}"
                yield ("outputs", place, "most", axis), text
            if axis not in own:
                text = "an input has it" if axis in axes else "the shape has no open axis of this name"
                yield ("outputs", place, "most", axis), f"would have no effect: {text}; remove it"
