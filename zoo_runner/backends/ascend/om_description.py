"""What a loaded .om says of its inputs and outputs, held against what is to be loaded."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from zoo_runner.backends.ascend.om_stamp import read_stamp
from zoo_runner.backends.ascend.open_models import is_open
from zoo_runner.backends.devices.call_sizes import shape_texts
from zoo_runner.backends.devices.shared_arrays import spec_bytes
from zoo_runner.errors import InferenceError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_runner.plugin.interfaces import SessionRequest, TensorSpec

# ACL's data types by number (aclruntime's dtype enumeration has the same names).
_DTYPES = {
    0: "float32",
    1: "float16",
    2: "int8",
    3: "int32",
    4: "uint8",
    6: "int16",
    7: "uint16",
    8: "uint32",
    9: "int64",
    10: "uint64",
    11: "float64",
    12: "bool",
}
_OPEN = -1


def check_inputs(request: SessionRequest, found: Sequence[Any]) -> list[str]:
    """Return the names of the inputs in the model's order.

    Raises:
        InferenceError: They are not those of the request, or other axes are open.
    """
    wanted = [_wanted_input(request, spec) for spec in request.inputs]
    described = [f"{_text(each)} of {each.realsize} bytes" for each in found]
    if {key for key, _ in wanted} != {_found_input(request, each) for each in found}:
        other = "other sizes, another batch size" if is_open(request.shapes) else "another batch size"
        remedy = f"the .om was made for {other} or network: convert again"
        raise InferenceError(mismatch("the model's inputs", [text for _, text in wanted], described, remedy))
    return [str(each.name) for each in found]


def _wanted_input(request: SessionRequest, spec: TensorSpec) -> tuple[Hashable, str]:
    """Return what an input is compared by, and its text.

    Of fixed sizes the bytes are compared and not the shape: layouts are written in several ways. Within bounds nobody
    knows what bytes a model says.
    """
    shape, shapes, size = _open_shape(request, spec), request.shapes, _greatest_bytes(request, spec)
    layout = shape if _has_layout(request) else tuple(place for place, each in enumerate(shape) if each == _OPEN)
    (text,) = shape_texts([spec], request) if shapes is None else [tensor_text(spec.name, spec.dtype, shape)]
    return (spec.name, spec.dtype, size, layout), text if size is None else f"{text} of {size} bytes"


def _found_input(request: SessionRequest, each: Any) -> Hashable:
    shape = tuple(_OPEN if size < 1 else int(size) for size in each.shape)
    layout = shape if _has_layout(request) else tuple(place for place, size in enumerate(shape) if size == _OPEN)
    bytes_matter = request.shapes is None or request.shapes.opened != "range"
    return (str(each.name), _dtype(each), int(each.realsize) if bytes_matter else None, layout)


def _has_layout(request: SessionRequest) -> bool:
    """Say whether shapes can be compared: with AIPP, which takes fixed sizes, an input's may be written otherwise."""
    return request.shapes is not None and request.shapes.opened != "batch"


def _open_shape(request: SessionRequest, spec: TensorSpec) -> tuple[int, ...]:
    """Return the shape as an .om says it, with -1 where it is open."""
    shapes = request.shapes
    if shapes is None:
        return spec.sized(request.batch)
    fixed = {axis: low for axis, (low, high) in shapes.bounds.items() if low == high}
    sizes = [fixed.get(str(size), _OPEN) if size in spec.axes else size for size in spec.shape]
    batch = _OPEN if shapes.opened == "batch" else request.batch
    return tuple(batch if size == BATCH else int(size) for size in sizes)


def _greatest_bytes(request: SessionRequest, spec: TensorSpec) -> int | None:
    shapes = request.shapes
    if shapes is None:
        return spec_bytes(spec, request.batch)
    if shapes.opened == "range":
        return None
    if shapes.opened == "batch":
        return spec_bytes(spec, max(gear[BATCH] for gear in shapes.gears))
    return max(spec_bytes(spec.at(gear), request.batch) for gear in shapes.gears)


def check_outputs(request: SessionRequest, found: Sequence[Any]) -> None:
    """Check number, names, shapes and order of the outputs.

    Of an open size, a model says -1, 0 or that of a gear. What a call returns is checked anyway.

    Raises:
        InferenceError: They are not those of the request.
    """
    specs = request.outputs
    if len(found) != len(specs):
        expected, remedy = shape_texts(specs, request), "check atc.out_nodes, and convert again"
        raise InferenceError(mismatch("the model's outputs", expected, [_text(each) for each in found], remedy))
    names = [str(each.name) for each in found]
    if len(set(names)) < len(names):
        raise InferenceError(
            f"expected outputs with different names, found {', '.join(names)}: ais_bench fetches outputs by name "
            "and would return one of them twice; check atc.out_nodes"
        )
    for position, (spec, each) in enumerate(zip(specs, found, strict=True)):
        if not _is_output(request, spec, tuple(each.shape)):
            where = f"output {position} of the model"
            remedy = "the outputs' order or the batch size is another one: check both, and convert again"
            raise InferenceError(mismatch(where, shape_texts([spec], request), [_text(each)], remedy))
    check_order(request.model, [spec.name for spec in specs], names)


def _is_output(request: SessionRequest, spec: TensorSpec, shape: tuple[int, ...]) -> bool:
    shapes = request.shapes
    if shapes is None:
        return shape == spec.sized(request.batch)
    if len(shape) != len(spec.shape):
        return shapes.opened == "range" and min(shape, default=0) < _OPEN  # -2: not even the number of axes is known
    for size, found in zip(spec.shape, shape, strict=True):
        if found < 1:
            continue
        if size == BATCH and shapes.opened == "batch":
            most = max(gear[BATCH] for gear in shapes.gears)
        elif size == BATCH or size not in spec.axes:
            if found != (request.batch if size == BATCH else size):
                return False
            continue
        else:
            most = shapes.most.get(str(size), 0)
        if found > most:
            return False
    return True


def check_order(om: Path, wanted: Sequence[str], names: Sequence[str]) -> None:
    """Hold the order against the stamp: equal shapes would let a swap pass, and ruin the accuracy.

    Args:
        om: The model, beside which the stamp is.
        wanted: Logical names of the outputs, in order.
        names: What the model calls its outputs, in order.

    Raises:
        InferenceError: The stamp says another order, or the model has another one than the stamp says.
    """
    stamp = read_stamp(om)
    if stamp is None:
        return
    if stamp.outputs != tuple(wanted):
        raise InferenceError(mismatch("order of the .om's outputs", wanted, stamp.outputs, "convert again"))
    for position, name in enumerate(names):
        # ATC calls an output node:index, in newer releases node:index:graph_output.
        places = [
            other
            for other, (node, logical) in enumerate(zip(stamp.out_nodes, stamp.outputs, strict=False))
            if name == node or name.startswith(f"{node}:") or name.endswith(f":{logical}")
        ]
        if places and position not in places:
            expected = [f"{stamp.out_nodes[position]} ({stamp.outputs[position]})"]
            remedy = "the outputs are in another order than the stamp says: convert again"
            raise InferenceError(mismatch(f"output {position} of the model", expected, [name], remedy))


def _dtype(description: Any) -> str:
    value = description.datatype
    name = getattr(value, "name", None)
    if isinstance(name, str):
        return {"double": "float64"}.get(name, name)
    return _DTYPES.get(int(value), f"data type {value}")


def _text(description: Any) -> str:
    return tensor_text(description.name, _dtype(description), description.shape)
