"""From ATC's flags to a compiled model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import installing
from zoo_runner.testing.atc.aipp import Aipp, build_in, read_aipp
from zoo_runner.testing.atc.errors import AtcError
from zoo_runner.testing.atc.flags import split_nodes
from zoo_runner.testing.atc.gears import read_gears
from zoo_runner.testing.atc.outputs import Output, choose_outputs, keep_outputs
from zoo_runner.testing.atc.shapes import Shapes, parse_shapes, set_input_shapes
from zoo_runner.testing.machine import STAND_IN
from zoo_runner.testing.om_file import DIMS_GEARS, FORMAT_NCHW, FORMAT_ND, FORMAT_NHWC, OPEN, RANGES, OmModel, OmTensor

if TYPE_CHECKING:
    import onnx
    import onnxruntime

_IMAGE_AXES: Final = 4
_ORT_DTYPES: Final = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    **{f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}


def compile_model(flags: Mapping[str, str], *, cann: str) -> OmModel:
    """Compile the model that checked flags describe.

    Raises:
        AtcError: With the code ATC gives for what is wrong with model, shapes, nodes or AIPP file.
    """
    model = _load(Path(flags["model"]))
    outputs = choose_outputs(model, split_nodes(flags))
    gears = read_gears(flags)
    shapes = parse_shapes(flags.get("input_shape", ""), gears)
    set_input_shapes(model, shapes)
    aipp = read_aipp(Path(flags["insert_op_conf"])) if "insert_op_conf" in flags else None
    keep_outputs(model, outputs)
    image = build_in(model, aipp) if aipp else None
    if flags.get("output_type") == "FP16":
        _halve_outputs(model)
    made = _described(model, outputs, flags=flags, cann=cann, image=image, aipp=aipp)
    if gears is not None:
        values = tuple(
            _in_graph_order(gear, shapes, made) if gears.flag == DIMS_GEARS else gear for gear in gears.values
        )
        return _at_gears(replace(made, opened=gears.flag, gears=values))
    return replace(made, opened=RANGES, bounds=_bounds(shapes)) if _has_ranges(shapes) else made


def _has_ranges(shapes: Shapes) -> bool:
    return any(isinstance(size, tuple) for sizes in shapes.values() for size in sizes)


def _bounds(shapes: Shapes) -> dict[str, tuple[tuple[int, int], ...]]:
    return {
        name: tuple(size if isinstance(size, tuple) else (size, size) for size in sizes)
        for name, sizes in shapes.items()
    }


def _in_graph_order(gear: Sequence[int], shapes: Shapes, model: OmModel) -> tuple[int, ...]:
    """Return the values of a gear, which come in the order of ``--input_shape``, in the order of the graph's inputs."""
    values = iter(gear)
    by_input = {name: [next(values) for size in sizes if size == OPEN] for name, sizes in shapes.items()}
    return tuple(value for tensor in model.inputs for value in by_input.get(tensor.tensor, ()))


def _at_gears(model: OmModel) -> OmModel:
    """Build the graph at each gear, as ATC does, and describe the outputs at the greatest one.

    A size that depends on the numbers in the inputs is open.
    """
    session, greatest = _session(model.onnx), model.greatest_gear()
    found = {gear: _output_shapes(session, _at(model, gear)) for gear in model.gears}
    others = _output_shapes(session, _at(model, greatest), number=1)
    shapes = [
        tuple(size if size == other else OPEN for size, other in zip(*each, strict=True))
        for each in zip(found[greatest], others, strict=True)
    ]
    outputs = tuple(replace(tensor, shape=shape) for tensor, shape in zip(model.outputs, shapes, strict=True))
    return replace(model, outputs=outputs)


def _at(model: OmModel, gear: tuple[int, ...]) -> list[OmTensor]:
    shapes = model.shapes_at(gear)
    return [replace(tensor, shape=shape) for tensor, shape in zip(model.inputs, shapes, strict=True)]


def _load(path: Path) -> onnx.ModelProto:
    try:
        import onnx  # noqa: PLC0415 - lets `atc --help` and all refusals work without it
    except ImportError:
        text = "Inner Error! The stand-in of atc needs the package onnx to convert a model."
        raise AtcError("E19999", text, installing("export")) from None
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        text = f"Failed to load the model from [{path}]."
        raise AtcError("E10041", text, f"Check that the model file is valid. ({type(error).__name__})") from error
    return model


def _halve_outputs(model: onnx.ModelProto) -> None:
    """Convert every output to float16 under a new name, in place."""
    import onnx  # noqa: PLC0415 - only conversion needs it

    for output in model.graph.output:
        half = f"{output.name}/fp16"
        model.graph.node.append(onnx.helper.make_node("Cast", [output.name], [half], to=onnx.TensorProto.FLOAT16))
        output.name = half
        output.type.tensor_type.elem_type = onnx.TensorProto.FLOAT16


def _described(
    model: onnx.ModelProto,
    outputs: tuple[Output, ...],
    *,
    flags: Mapping[str, str],
    cann: str,
    image: str | None,
    aipp: Aipp | None,
) -> OmModel:
    """Let ONNX Runtime load the graph, which infers the shapes, and describe inputs and outputs."""
    content = model.SerializeToString()
    session = _session(content)
    layouts = {
        value.name: _layout(value.name == image, flags.get("input_format", "NCHW"), value.shape)
        for value in session.get_inputs()
    }
    inputs = tuple(
        OmTensor(
            name=value.name,
            tensor=value.name,
            dtype=_ORT_DTYPES[value.type],
            shape=_sizes(value.shape),
            format=layouts[value.name],
        )
        for value in session.get_inputs()
    )
    results = tuple(
        OmTensor(name=output.name, tensor=value.name, dtype=_ORT_DTYPES[value.type], shape=shape, format=FORMAT_ND)
        for value, output, shape in zip(session.get_outputs(), outputs, _output_shapes(session, inputs), strict=True)
    )
    return OmModel(
        soc_version=flags["soc_version"],
        cann=f"{cann}-{STAND_IN}",
        inputs=inputs,
        outputs=results,
        flags=dict(flags),
        aipp=dict(aipp.fields) if aipp else {},
        onnx=content,
    )


def _session(content: bytes) -> onnxruntime.InferenceSession:
    import onnxruntime  # noqa: PLC0415 - lets `atc --help` and all refusals work without it

    try:
        return onnxruntime.InferenceSession(content, _quiet(), providers=["CPUExecutionProvider"])
    except Exception as error:
        raise _unbuildable(error) from error


def _unbuildable(error: Exception) -> AtcError:
    return AtcError("E19999", f"Inner Error! Failed to build the graph: {str(error).splitlines()[0]}")


def _sizes(shape: Sequence[object]) -> tuple[int, ...]:
    """Return a shape as ONNX Runtime has it, with -1 for what is open."""
    return tuple(size if isinstance(size, int) else OPEN for size in shape)


def _quiet() -> onnxruntime.SessionOptions:
    import onnxruntime  # noqa: PLC0415 - lets `atc --help` and all refusals work without it

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    return options


def _layout(is_image: bool, input_format: str, shape: Sequence[int]) -> int:
    if is_image:
        return FORMAT_NHWC
    return FORMAT_NCHW if input_format == "NCHW" and len(shape) == _IMAGE_AXES else FORMAT_ND


def _output_shapes(
    session: onnxruntime.InferenceSession, inputs: Sequence[OmTensor], number: int = 0
) -> tuple[tuple[int, ...], ...]:
    """Return the outputs' shapes; those that cannot be inferred are found by running the graph on one number.

    Where a size of an input is open, those that cannot be inferred are open too.
    """
    inferred = tuple(_sizes(value.shape) for value in session.get_outputs())
    if all(OPEN not in shape for shape in inferred) or any(OPEN in tensor.shape for tensor in inputs):
        return inferred
    import numpy as np  # noqa: PLC0415 - only conversion needs it

    same = {tensor.tensor: np.full(tensor.shape, number, dtype=tensor.dtype) for tensor in inputs}
    try:
        return tuple(array.shape for array in session.run(None, same))
    except Exception as error:
        raise _unbuildable(error) from error
