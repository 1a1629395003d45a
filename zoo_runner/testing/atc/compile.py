"""From ATC's flags to a compiled model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zoo_runner.testing.atc.aipp import Aipp, build_in, read_aipp
from zoo_runner.testing.atc.errors import AtcError
from zoo_runner.testing.atc.flags import split_nodes
from zoo_runner.testing.atc.outputs import Output, choose_outputs, keep_outputs
from zoo_runner.testing.atc.shapes import network_inputs, parse_shapes, set_input_shapes
from zoo_runner.testing.machine import STAND_IN
from zoo_runner.testing.om_file import FORMAT_NCHW, FORMAT_ND, FORMAT_NHWC, OmModel, OmTensor

if TYPE_CHECKING:
    import onnx

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
    set_input_shapes(model, parse_shapes(flags.get("input_shape", "")))
    aipp = read_aipp(Path(flags["insert_op_conf"])) if "insert_op_conf" in flags else None
    keep_outputs(model, outputs)
    image = build_in(model, aipp) if aipp else None
    if flags.get("output_type") == "FP16":
        _halve_outputs(model)
    return _described(model, outputs, flags=flags, cann=cann, image=image, aipp=aipp)


def _load(path: Path) -> onnx.ModelProto:
    try:
        import onnx  # noqa: PLC0415 - lets `atc --help` and all refusals work without it
    except ImportError:
        text = "Inner Error! The stand-in of atc needs the package onnx to convert a model."
        raise AtcError("E19999", text, "pip install 'refinedet-plugin[export]'") from None
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # noqa: BLE001 - protobuf and checker raise unrelated types for bad files
        text = f"Failed to load the model from [{path}]."
        raise AtcError("E10041", text, f"Check that the model file is valid. ({type(error).__name__})") from error
    return model


def _halve_outputs(model: onnx.ModelProto) -> None:
    """Convert every output to float16 under a new name, in place."""
    import onnx  # noqa: PLC0415 - only conversion needs it

    for output in model.graph.output:
        half = f"{output.name}/fp16"
        model.graph.node.append(
            onnx.helper.make_node("Cast", [output.name], [half], to=onnx.TensorProto.FLOAT16)
        )
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
    import onnxruntime  # noqa: PLC0415 - lets `atc --help` and all refusals work without it

    content = model.SerializeToString()
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - any failure to load is a failure to compile
        text = f"Inner Error! Failed to build the graph: {str(error).splitlines()[0]}"
        raise AtcError("E19999", text) from error
    order = [value.name for value in network_inputs(model)]
    by_name = {value.name: value for value in session.get_inputs()}
    image_format = FORMAT_NCHW if flags.get("input_format", "NCHW") == "NCHW" else FORMAT_ND
    inputs = tuple(
        _tensor(
            by_name[name],
            name=name,
            layout=FORMAT_NHWC
            if name == image
            else image_format
            if len(by_name[name].shape) == _IMAGE_AXES
            else FORMAT_ND,
        )
        for name in order
    )
    results = tuple(
        _tensor(value, name=output.name, layout=FORMAT_ND)
        for value, output in zip(session.get_outputs(), outputs, strict=True)
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


def _tensor(value: onnx_value, *, name: str, layout: int) -> OmTensor:
    return OmTensor(name="", tensor="", dtype="", shape=(), format=layout)
