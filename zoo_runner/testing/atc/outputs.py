"""``--out_nodes``: which tensors of the graph become the .om's outputs, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.testing.atc.errors import AtcError, invalid_value, not_found

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a compiled model.

    Attributes:
        name: What the runtime calls it: the node after compilation, its output's number and the tensor. The
            compiler renames nodes, so only the order tells outputs apart.
        tensor: Tensor of the ONNX graph.
    """

    name: str
    tensor: str


def choose_outputs(model: onnx.ModelProto, nodes: Sequence[str]) -> tuple[Output, ...]:
    """Resolve ``--out_nodes``; without it, the graph's own outputs in their order.

    Args:
        model: The network.
        nodes: Either ``node:index`` each, or names of graph outputs each.

    Raises:
        AtcError: E10016 for a name that is not in the model, E10003 for an index the node does not have,
            E10001 for mixed forms and for a tensor named twice.
    """
    by_index = [":" in node for node in nodes]
    if any(by_index) and not all(by_index):
        reason = "node names with an index and output names cannot be mixed."
        raise invalid_value("--out_nodes", ";".join(nodes), reason)
    if nodes and all(by_index):
        tensors = [_node_output(model, node) for node in nodes]
    else:
        tensors = [_graph_output(model, name) for name in nodes] or [out.name for out in model.graph.output]
    if repeated := {tensor for tensor in tensors if tensors.count(tensor) > 1}:
        raise invalid_value("--out_nodes", ";".join(nodes), f"{sorted(repeated)} is an output more than once.")
    producers = {tensor: (node, k) for node in model.graph.node for k, tensor in enumerate(node.output)}
    return tuple(Output(_runtime_name(tensor, producers.get(tensor), i), tensor) for i, tensor in enumerate(tensors))


def _node_output(model: onnx.ModelProto, entry: str) -> str:
    name, _, index = entry.rpartition(":")
    if not index.isdecimal():
        raise invalid_value("--out_nodes", entry, "the index must be a non-negative integer.")
    node = next((node for node in model.graph.node if node.name == name), None) if name else None
    if node is None:
        raise not_found(name, "out_nodes")
    outputs = [tensor for tensor in node.output if tensor]
    if int(index) >= len(outputs):
        text = (
            f"Value [{name}] for parameter [--out_nodes] is invalid. Reason: output index:{index} must be smaller "
            f"than output size:{len(outputs)} and can not be negative!"
        )
        raise AtcError("E10003", text)
    return str(outputs[int(index)])


def _graph_output(model: onnx.ModelProto, name: str) -> str:
    if not any(output.name == name for output in model.graph.output):
        raise not_found(name, "out_nodes")
    return name


def _runtime_name(tensor: str, producer: tuple[onnx.NodeProto, int] | None, position: int) -> str:
    node, index = (producer[0].name or producer[0].op_type, producer[1]) if producer else ("Data", 0)
    return f"PartitionedCall_{node}_{position}:{index}:{tensor}"


def keep_outputs(model: onnx.ModelProto, outputs: Iterable[Output]) -> None:
    """Make ``outputs`` the graph's outputs and drop the nodes they do not need, in place."""
    import onnx  # noqa: PLC0415 - only conversion needs it

    types = _element_types(model)
    wanted = [output.tensor for output in outputs]
    del model.graph.output[:]
    for tensor in wanted:
        element_type = types.get(tensor, onnx.TensorProto.FLOAT)
        model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, element_type, None))
    needed, kept = set(wanted), []
    for node in reversed(model.graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(used_tensors(node))
    nodes = list(reversed(kept))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def used_tensors(node: onnx.NodeProto) -> Iterator[str]:
    """Yield what a node reads, its subgraphs' reads included."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from used_tensors(inner)
            yield from (output.name for output in graph.output)


def _element_types(model: onnx.ModelProto) -> dict[str, int]:
    """Return the element type of every tensor that shape inference reaches."""
    import onnx  # noqa: PLC0415 - only conversion needs it

    inferred = onnx.shape_inference.infer_shapes(model).graph
    values = (*inferred.input, *inferred.value_info, *inferred.output)
    return {value.name: value.type.tensor_type.elem_type for value in values}
