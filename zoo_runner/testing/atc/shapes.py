"""``--input_shape``: gives every input of the graph its shape, in ATC's way of writing and refusing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from zoo_runner.testing.atc.errors import AtcError, invalid_value, not_found
from zoo_runner.testing.om_file import BATCH_GEARS, DIMS_GEARS, IMAGE_GEARS, OPEN

if TYPE_CHECKING:
    import onnx

    from zoo_runner.testing.atc.gears import Gears

_SAMPLE: Final = '"input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2"'
_HEIGHT_AND_WIDTH: Final = (2, 3)
"""Where they are in NCHW."""
Size: TypeAlias = "int | tuple[int, int]"
"""A size, :data:`OPEN`, or the least and the greatest one."""
Shapes: TypeAlias = "dict[str, tuple[Size, ...]]"


def parse_shapes(text: str, gears: Gears | None = None) -> Shapes:
    """Read ``name:1,3,320,320;name2:1,4``, with -1 where gears give the size, or ``128~512`` for a range.

    Raises:
        AtcError: E10002 for another form, E10011 for a size that is no positive integer, E10040 where gears have
            nothing to give a size to, and other codes for a -1 where the kind of gears allows none.
    """
    shapes = dict(_parse_entry(entry, text, gears) for entry in text.split(";") if entry)
    if gears is not None:
        _check_open(shapes, gears)
    return shapes


def _parse_entry(entry: str, text: str, gears: Gears | None) -> tuple[str, tuple[Size, ...]]:
    name, colon, sizes = entry.rpartition(":")
    if not colon or not name or not sizes:
        raise _malformed(text, f'["{entry}"] is not name:size,size')
    return name.strip(), tuple(_size(size.strip(), text, gears) for size in sizes.split(","))


def _size(size: str, text: str, gears: Gears | None) -> Size:
    if "~" in size:
        if gears is not None:
            raise _no_place_for(gears)
        low, high = (_number(part, text) for part in size.split("~", 1))
        if not 1 <= low <= high:
            raise invalid_value("--input_shape", size, "the range must begin with its least size, which is positive.")
        return low, high
    number = _number(size, text)
    if number < 1 and not (gears is not None and number == OPEN):
        message = (
            f"Value [{text}] for parameter [--input_shape] is invalid. Shape values must be positive integers. "
            f"The error value in the shape is {size}."
        )
        raise AtcError("E10011", message, "Set the shape values in --input_shape to positive integers.")
    return number


def _number(size: str, text: str) -> int:
    try:
        return int(size)
    except ValueError:
        raise _malformed(text, f"[{size}] is not an integer") from None


def _malformed(text: str, reason: str) -> AtcError:
    return AtcError(
        "E10002",
        f"Value [{text}] for parameter [--input_shape] is invalid. Reason: {reason}. "
        f"The value must be formatted as {_SAMPLE}.",
    )


def _check_open(shapes: Shapes, gears: Gears) -> None:
    """Check that gears give sizes to just what is open."""
    places = list(_open_places(shapes))
    if not places:
        raise _no_place_for(gears)
    if gears.flag == BATCH_GEARS and any(place for _, place in places):
        text = "When [--dynamic_batch_size] is included, only batch size N can be -1 in [--input_shape]."
        raise AtcError("E10018", text)
    if gears.flag == IMAGE_GEARS:
        for name in shapes:
            if tuple(place for of, place in places if of == name) not in {(), _HEIGHT_AND_WIDTH}:
                text = (
                    "When [--dynamic_image_size] is included, only the height and width axes can be -1 in "
                    "[--input_shape]."
                )
                raise AtcError("E10019", text)
    if gears.flag == DIMS_GEARS and len(places) != (wanted := len(gears.values[0])):
        more = len(places) > wanted
        text = "exceeds" if more else "is less than"
        raise AtcError(
            "E10045" if more else "E10046",
            f"The number of -1 axes in the [--input_shape] argument {text} the dimension count per profile in "
            "[--dynamic_dims].",
        )


def _open_places(shapes: Mapping[str, tuple[Size, ...]]) -> Iterator[tuple[str, int]]:
    for name, sizes in shapes.items():
        yield from ((name, place) for place, size in enumerate(sizes) if size == OPEN)


def _no_place_for(gears: Gears) -> AtcError:
    if gears.flag == BATCH_GEARS:
        text = "[--dynamic_batch_size] is included, but none of the nodes specified in [--input_shape] has a batch size"
        return AtcError("E10031", f"{text} equaling -1.")
    text = f"As the [--{gears.flag}] argument is included, the corresponding nodes specified in [--input_shape] must"
    return AtcError("E10040", f"{text} have -1 axes and cannot have '~'.")


def network_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the graph's inputs that are no weights."""
    weights = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def set_input_shapes(model: onnx.ModelProto, shapes: Mapping[str, tuple[Size, ...]]) -> None:
    """Give the inputs of ``model`` their shapes, in place; what is open gets a name of its own.

    Raises:
        AtcError: E10016 for a name that is no input, E10049 for another number of axes, E10001 for an axis
            that stays dynamic or that the model has fixed to another size.
    """
    inputs = {value.name: value for value in network_inputs(model)}
    for name in shapes:
        if name not in inputs:
            raise not_found(name, "input_shape")
    for name, value in inputs.items():
        _fix(value, shapes.get(name))


def _fix(value: onnx.ValueInfoProto, shape: tuple[Size, ...] | None) -> None:
    axes = value.type.tensor_type.shape.dim
    sizes = shape or tuple(axis.dim_value or OPEN for axis in axes)
    if len(sizes) != len(axes):
        text = (
            f"Dimension count [{len(sizes)}] configured in [--input_shape] does not match dimension count "
            f"[{len(axes)}] of the node."
        )
        raise AtcError("E10049", text, "Set the dimension count according to the dimension count of the node.")
    for place, (axis, size) in enumerate(zip(axes, sizes, strict=True)):
        if shape is None and size == OPEN:
            reason = "maybe you should set input_shape to specify its shape."
            raise invalid_value(value.name, "-1", reason)
        opened = size == OPEN or not isinstance(size, int)
        if axis.dim_value and (opened or axis.dim_value != size):
            reason = f"the model fixes this axis of [{value.name}] to {axis.dim_value}."
            raise invalid_value("--input_shape", str(size), reason)
        if opened:
            axis.dim_param = f"{value.name}/{place}"
        elif isinstance(size, int):
            axis.dim_value = size
