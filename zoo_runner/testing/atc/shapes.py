"""``--input_shape``: gives every input of the graph a static shape, in ATC's way of writing and refusing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from zoo_runner.testing.atc.errors import AtcError, invalid_value, not_found, not_simulated

if TYPE_CHECKING:
    import onnx

_SAMPLE: Final = '"input_name1:n1,c1,h1,w1;input_name2:n2,c2,h2,w2"'


def parse_shapes(text: str) -> dict[str, tuple[int, ...]]:
    """Read ``name:1,3,320,320;name2:1,4``.

    Raises:
        AtcError: E10002 for another form, E10011 for a size that is no positive integer.
    """
    return dict(_parse_entry(entry, text) for entry in text.split(";") if entry)


def _parse_entry(entry: str, text: str) -> tuple[str, tuple[int, ...]]:
    name, colon, sizes = entry.rpartition(":")
    if not colon or not name or not sizes:
        raise _malformed(text, f'["{entry}"] is not name:size,size')
    return name.strip(), tuple(_size(size.strip(), text) for size in sizes.split(","))


def _size(size: str, text: str) -> int:
    if "~" in size:
        raise not_simulated("shape ranges")
    try:
        number = int(size)
    except ValueError:
        raise _malformed(text, f"[{size}] is not an integer") from None
    if number < 1:
        message = (
            f"Value [{text}] for parameter [--input_shape] is invalid. Shape values must be positive integers. "
            f"The error value in the shape is {size}."
        )
        raise AtcError("E10011", message, "Set the shape values in --input_shape to positive integers.")
    return number


def _malformed(text: str, reason: str) -> AtcError:
    return AtcError(
        "E10002",
        f"Value [{text}] for parameter [--input_shape] is invalid. Reason: {reason}. "
        f"The value must be formatted as {_SAMPLE}.",
    )


def network_inputs(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """Return the graph's inputs that are no weights."""
    weights = {weight.name for weight in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in weights]


def set_input_shapes(model: onnx.ModelProto, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Make the inputs of ``model`` static, in place.

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


def _fix(value: onnx.ValueInfoProto, shape: tuple[int, ...] | None) -> None:
    axes = value.type.tensor_type.shape.dim
    sizes = shape or tuple(axis.dim_value or -1 for axis in axes)
    if len(sizes) != len(axes):
        text = (
            f"Dimension count [{len(sizes)}] configured in [--input_shape] does not match dimension count "
            f"[{len(axes)}] of the node."
        )
        raise AtcError("E10049", text, "Set the dimension count according to the dimension count of the node.")
    for axis, size in zip(axes, sizes, strict=True):
        if size < 1:
            reason = "maybe you should set input_shape to specify its shape."
            raise invalid_value(value.name, "-1", reason)
        if axis.dim_value not in {0, size}:
            reason = f"the model fixes this axis of [{value.name}] to {axis.dim_value}."
            raise invalid_value("--input_shape", str(size), reason)
        axis.ClearField("dim_param")
        axis.dim_value = size
