"""The plugin's normalisation at the head of its ONNX graph, for backends that have no AIPP.

The same arithmetic in the same order as AIPP's, so that what a model with AIPP computes can be run and scored on
any machine, from the same 8-bit inputs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.aipp.parameters import CHANNELS, AippParameters, aipp_parameters
from zoo_runner.errors import ExportError, PrerequisiteError, installing
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import mismatch, tensor_text
from zoo_runner.store.durable import write_durably

if TYPE_CHECKING:
    from pathlib import Path

    import onnx

    from zoo_runner.plugin.pixels import Normalisation

PREFIX: Final = "aipp"


def fold_normalisation(onnx_path: Path, destination: Path, input_name: str, normalisation: Normalisation) -> None:
    """Write a graph that takes pixels and normalises them itself; all else stays as it is.

    The first nodes put the channels first, exchange two of them where asked to, convert to float32, subtract and
    multiply. Output names, other inputs and the size of the batch axis, fixed or symbolic, are kept. The
    same file gives the same bytes.

    Args:
        onnx_path: A graph with a float32 input [batch, 3, height, width].
        destination: The file to write, whose input is uint8 [batch, height, width, 3]; it appears complete or
            not at all.
        input_name: The input.
        normalisation: The arithmetic.

    Raises:
        PrerequisiteError: The package onnx is missing.
        PluginError: AIPP could not do this arithmetic.
        ExportError: The file is not an ONNX model, or it has no such input.
    """
    parameters = aipp_parameters(normalisation)
    model = _load(onnx_path)
    image = _image(model, input_name, parameters, onnx_path)
    prefix = _free_prefix(model)
    inner = f"{prefix}/{input_name}"
    _rename_uses(model.graph, input_name, inner)
    nodes = [*_nodes(input_name, inner, prefix, parameters), *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _declare_pixels(image, parameters)
    _check(model, onnx_path)
    write_durably(destination, model.SerializeToString(deterministic=True))


def _load(path: Path) -> onnx.ModelProto:
    try:
        import onnx  # noqa: PLC0415 - onnx is an optional extra
    except ImportError as error:
        raise PrerequisiteError(
            f"folding the normalisation into the graph needs the package onnx ({error}): {installing('export')}"
        ) from error
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # noqa: PLC0415 - untyped, comes with onnx

    try:
        return onnx.load(path)
    except (OSError, DecodeError, ValueError) as error:
        raise ExportError(f"{path} is not a readable ONNX model ({error}); export the network again") from error


def _image(model: onnx.ModelProto, name: str, parameters: AippParameters, path: Path) -> onnx.ValueInfoProto:
    """Return the input, which must be an image of the declared size."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    graph = model.graph
    size = [CHANNELS, parameters.height, parameters.width]
    wanted = [tensor_text(name, "float32", [BATCH, *size])]
    known: dict[str, onnx.ValueInfoProto] = {value.name: value for value in graph.input}
    if name not in known:
        raise ExportError(mismatch(str(path), wanted, list(known), "export the network again"))
    tensor = known[name].type.tensor_type
    shape = [axis.dim_value or axis.dim_param for axis in tensor.shape.dim]
    if tensor.elem_type != onnx.TensorProto.FLOAT or shape[1:] != size:
        found = [tensor_text(name, _dtype(tensor.elem_type), shape)]
        remedy = "the normalisation belongs to another network: correct the plugin's, or inputs in the manifest"
        raise ExportError(mismatch(str(path), wanted, found, remedy))
    if any(output.name == name for output in graph.output):
        raise ExportError(f"{path}: input {name!r} is an output too, and cannot become pixels; change the network")
    return known[name]


def _dtype(element: int) -> str:
    """Return NumPy's name of ONNX's element type."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    name: str = onnx.TensorProto.DataType.Name(element).lower()
    return {"float": "float32", "double": "float64"}.get(name, name)


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """Yield a graph and all graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs(inner)


def _free_prefix(model: onnx.ModelProto) -> str:
    """Return a prefix that no name in the model begins with."""
    names: set[str] = set()
    for graph in _graphs(model.graph):
        names.update(value.name for value in (*graph.input, *graph.initializer, *graph.value_info))
        names.update(node.name for node in graph.node)
        names.update(name for node in graph.node for name in node.output)
    prefix = PREFIX
    while any(name.startswith(f"{prefix}/") for name in names):
        prefix += "_"
    return prefix


def _rename_uses(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Let everything that reads a tensor read another one, in place; graphs inside nodes see it too."""
    for inner in _graphs(graph):
        for node in inner.node:
            for position, name in enumerate(node.input):
                if name == old:
                    node.input[position] = new


def _nodes(image: str, output: str, prefix: str, parameters: AippParameters) -> Iterator[onnx.NodeProto]:
    """Yield AIPP's arithmetic as nodes: uint8 [batch, height, width, 3] to float32 [batch, 3, height, width]."""
    import numpy as np  # noqa: PLC0415 - kept out of the command line's start
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    def column(values: tuple[float, ...]) -> np.typing.NDArray[np.float32]:
        return np.array(values, np.float32).reshape(CHANNELS, 1, 1)

    order = range(CHANNELS)[::-1] if parameters.swap else range(CHANNELS)
    operands: dict[str, np.typing.NDArray[Any]] = {
        "order": np.array(order, np.int64),
        "mean": column(parameters.mean),
        "minimum": column(parameters.minimum),
        "factor": column(parameters.factor),
    }
    for name, array in operands.items():
        tensor = onnx.numpy_helper.from_array(array, f"{prefix}/{name}")
        yield onnx.helper.make_node("Constant", [], [tensor.name], name=tensor.name, value=tensor)
    steps: tuple[tuple[str, str, list[str], dict[str, Any]], ...] = (
        ("channels_first", "Transpose", [], {"perm": [0, 3, 1, 2]}),  # first, while a value is one byte
        ("swap", "Gather", ["order"], {"axis": 1}),
        ("cast", "Cast", [], {"to": onnx.TensorProto.FLOAT}),
        ("subtract_mean", "Sub", ["mean"], {}),
        ("subtract_minimum", "Sub", ["minimum"], {}),
        ("multiply", "Mul", ["factor"], {}),
    )
    current = image
    for name, operator, constants, attributes in steps:
        following = output if name == "multiply" else f"{prefix}/{name}/output"
        inputs = [current, *(f"{prefix}/{constant}" for constant in constants)]
        yield onnx.helper.make_node(operator, inputs, [following], name=f"{prefix}/{name}", **attributes)
        current = following


def _declare_pixels(image: onnx.ValueInfoProto, parameters: AippParameters) -> None:
    """Make the input uint8 with the channels last, in place; its batch axis stays as it is."""
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    tensor = image.type.tensor_type
    tensor.elem_type = onnx.TensorProto.UINT8
    for axis, size in zip(tensor.shape.dim[1:], (parameters.height, parameters.width, CHANNELS), strict=True):
        axis.dim_value = size


def _check(model: onnx.ModelProto, path: Path) -> None:
    import onnx  # noqa: PLC0415 - onnx is an optional extra

    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(
            f"{path}: with the normalisation at its head the graph is no valid ONNX model: {error}; "
            "export the network again, or remove atc.aipp"
        ) from error
