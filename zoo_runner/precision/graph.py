"""A graph as precision sees it: constants beside the operators, and which tensors hold fp32 numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, PrerequisiteError, installing, shortened
from zoo_runner.onnx_graph import name_nodes

if TYPE_CHECKING:
    import onnx
    from numpy.typing import NDArray

OLDEST: Final = 11
"""The least opset whose graphs can be rewritten here."""
SUBGRAPHS: Final = frozenset({"If", "Loop", "Scan"})


@dataclass(frozen=True, kw_only=True)
class FloatGraph:
    """A graph and what is known of its numbers.

    Attributes:
        model: With every node named, and no node that is a constant.
        constants: The fp32 constants by tensor.
        floats: Tensors that hold fp32 numbers, constants and inputs among them.
        notes: What of the graph cannot be looked at, for people.
    """

    model: onnx.ModelProto
    constants: Mapping[str, NDArray[Any]]
    floats: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def nodes(self) -> Sequence[onnx.NodeProto]:
        """The operators, in the order in which they are computed."""
        return tuple(self.model.graph.node)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The fp32 inputs of the network, which are no constants."""
        known = {each.name for each in self.model.graph.initializer}
        return tuple(each.name for each in self.model.graph.input if each.name not in known and self.holds(each.name))

    @property
    def outputs(self) -> frozenset[str]:
        """Tensors that are outputs of the network."""
        return frozenset(each.name for each in self.model.graph.output)

    @property
    def operators(self) -> tuple[onnx.NodeProto, ...]:
        """The operators that compute fp32 numbers of fp32 numbers."""
        return tuple(node for node in self.nodes if any(map(self.holds, (*node.input, *node.output))))

    def holds(self, tensor: str) -> bool:
        """Say whether a tensor holds fp32 numbers."""
        return tensor in self.floats

    def consumers(self, tensor: str) -> tuple[onnx.NodeProto, ...]:
        """Return the operators that read a tensor."""
        return tuple(node for node in self.nodes if tensor in node.input)


def read_float_graph(path: Path) -> FloatGraph:
    """Read a graph with its weights.

    Raises:
        ExportError: It is no ONNX model, is older than what can be rewritten, or has fp16 or bf16 tensors of its own:
            ONNX Runtime computes those in fp32 on a CPU, and sees no overflow.
        PrerequisiteError: onnx is not installed.
    """
    try:
        import onnx  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise PrerequisiteError(f"precision needs onnx, which is not installed: {installing('export')}") from error
    try:
        model = onnx.load(path)
    except Exception as error:  # protobuf's errors and those of files beside the model have no common base
        raise ExportError(f"{path}: expected an ONNX model, found none: {shortened(str(error))}") from error
    opset = next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 0)
    if opset < OLDEST:
        raise ExportError(f"{path}: expected opset {OLDEST} or newer, found {opset}; export it again, with onnx.opset")
    unnamed = sum(not node.name for node in model.graph.node)
    name_nodes(model)
    _free_constants(model)
    types = _types(model)
    lower = (onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16)
    if found := sorted(name for name, kind in types.items() if kind in lower):
        raise ExportError(
            f"{path}: expected an fp32 network, found fp16 or bf16 tensors in it, such as {shortened(found[0])}: "
            "ONNX Runtime would compute them in fp32 and see no overflow; give the fp32 export"
        )
    floats = frozenset(name for name, kind in types.items() if kind == onnx.TensorProto.FLOAT)
    constants = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer if each.name in floats}
    return FloatGraph(model=model, constants=constants, floats=floats, notes=tuple(_notes(model, types, unnamed)))


def _free_constants(model: onnx.ModelProto) -> None:
    """Make initializers of nodes that are constants, in place; others cannot be rounded."""
    import onnx  # noqa: PLC0415 - loaded where it is needed

    kept = []
    for node in model.graph.node:
        tensor = _constant(node) if node.op_type == "Constant" else None
        if tensor is None:
            kept.append(node)
        else:
            model.graph.initializer.append(onnx.numpy_helper.from_array(tensor, node.output[0]))
    if len(kept) < len(model.graph.node):
        del model.graph.node[:]
        model.graph.node.extend(kept)


def _constant(node: onnx.NodeProto) -> NDArray[Any] | None:
    """Return the numbers of a constant; ``None`` of one that is no dense tensor of numbers."""
    import numpy as np  # noqa: PLC0415 - loaded where it is needed
    import onnx  # noqa: PLC0415 - likewise

    (attribute,) = node.attribute
    if attribute.name == "value":
        return onnx.numpy_helper.to_array(attribute.t)
    kinds = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
    dtype = kinds.get(attribute.name)
    return None if dtype is None else np.array(onnx.helper.get_attribute_value(attribute), dtype)


def _types(model: onnx.ModelProto) -> dict[str, int]:
    """Return ONNX's number of each tensor's dtype, as far as ONNX can tell."""
    import onnx  # noqa: PLC0415 - loaded where it is needed

    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception as error:  # its errors have no common base
        raise ExportError(f"ONNX cannot tell the types of the graph's tensors: {shortened(str(error))}") from error
    described = (*graph.input, *graph.output, *graph.value_info)
    types = {each.name: each.type.tensor_type.elem_type for each in described if each.type.tensor_type.elem_type}
    return {**types, **{each.name: each.data_type for each in model.graph.initializer}}


def _notes(model: onnx.ModelProto, types: Mapping[str, int], unnamed: int) -> list[str]:
    """Say what of a graph cannot be looked at: silence about it would read as if it were sound."""
    import onnx  # noqa: PLC0415 - loaded where it is needed

    unknown = [node.name for node in model.graph.node if any(out and out not in types for out in node.output)]
    inner = [node.name for node in model.graph.node if node.op_type in SUBGRAPHS]
    doubles = [name for name, kind in types.items() if kind == onnx.TensorProto.DOUBLE]
    notes = []
    if unknown:
        notes.append(f"{len(unknown)} operators are left out, as nothing tells their dtypes: {_few(unknown)}")
    if inner:
        notes.append(f"what is inside {_few(inner)} is left out: graphs in the graph are not looked at")
    if doubles:
        notes.append(f"{len(doubles)} tensors of fp64 are left out: {_few(doubles)}")
    if unnamed:
        notes.append(
            f"{unnamed} operators had no name, which keep_dtype needs; the names shown for them are in no file: "
            "export the network with zoo-run, which names them all"
        )
    return notes


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""  # noqa: PLR2004 - as many as fit a line
    return f"{', '.join(shortened(name) for name in names[:3])}{more}"
