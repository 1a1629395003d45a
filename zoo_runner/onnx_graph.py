"""The nodes of an ONNX graph, as ATC addresses them: ``node_name:k`` is output ``k`` of a node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zoo_runner.errors import ExportError, did_you_mean

if TYPE_CHECKING:
    import onnx

UNUSABLE: Final = re.compile(r"[:;,\s]")
"""What separates names in ATC's arguments, and so cannot be part of one."""
PROVENANCE: Final = ("doc_string", "metadata_props")
"""Where exporters write stack traces, source paths and the like."""
EXPORT_AGAIN: Final = "export the network again with zoo-run, which names every node, or give atc.out_nodes"


@dataclass(frozen=True)
class GraphNode:
    """A node's name and the tensors it produces; an output that is not computed is the empty string."""

    name: str
    outputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """What of a graph is needed to address its nodes."""

    path: Path
    nodes: tuple[GraphNode, ...]
    outputs: tuple[str, ...]

    def address(self, output: str) -> str:
        """Return the ``node_name:k`` that produces a graph output.

        Raises:
            ExportError: No node with a usable, unique name produces it.
        """
        if output not in self.outputs:
            msg = (
                f"{self.path} has no output {output!r}, its outputs are {', '.join(self.outputs) or '(none)'}"
                f"{did_you_mean(output, self.outputs)}"
            )
            raise ExportError(msg)
        producer = next((node for node in self.nodes if output in node.outputs), None)
        if producer is None:
            msg = (
                f"output {output!r} of {self.path} is one of the graph's inputs or constants, which no node "
                "that ATC could return computes; change the network, or leave it out of the manifest's outputs"
            )
            raise ExportError(msg)
        if not producer.name or UNUSABLE.search(producer.name):
            found = f"named {producer.name!r}" if producer.name else "without a name"
            msg = f"output {output!r} of {self.path} comes from a node {found}; {EXPORT_AGAIN}"
            raise ExportError(msg)
        if sum(node.name == producer.name for node in self.nodes) > 1:
            msg = (
                f"output {output!r} of {self.path} comes from node {producer.name!r}, but several nodes have "
                f"this name; {EXPORT_AGAIN}"
            )
            raise ExportError(msg)
        return f"{producer.name}:{producer.outputs.index(output)}"

    def addresses(self) -> str:
        """Say which node produces each graph output, as far as that can be said."""
        return ", ".join(f"{output} = {self._try_address(output)}" for output in self.outputs)

    def _try_address(self, output: str) -> str:
        try:
            return self.address(output)
        except ExportError:
            return "(no usable node)"


def output_nodes(path: Path, outputs: Sequence[str]) -> tuple[str, ...]:
    """Find the nodes that produce the graph's outputs.

    Args:
        path: The ONNX file.
        outputs: Names of graph outputs, in the order in which the .om shall return them.

    Returns:
        ``node_name:k`` for each, in the same order: the value of ATC's ``--out_nodes``.

    Raises:
        ExportError: The file is not an ONNX model, or an output does not exist, is an input or a constant, or
            comes from a node whose name is empty, not unique, or not writable in ATC's syntax.
    """
    graph = read_graph(path)
    return tuple(graph.address(output) for output in outputs)


def check_nodes(path: Path, names: Sequence[str]) -> None:
    """Check explicit addresses against the graph, before ATC stops with E10016.

    Args:
        path: The ONNX file.
        names: ``node_name:k`` for any node, or, without a colon, names of graph outputs.

    Raises:
        ExportError: An address is malformed, given twice, or names a node or an output that the graph lacks;
            the text gives the nearest names and the nodes of the graph's outputs.
    """
    graph = read_graph(path)
    problems = [problem for name in names if (problem := _problem(graph, name))]
    problems += [f"{name!r} is given {count} times" for name, count in Counter(names).items() if count > 1]
    if problems:
        msg = f"atc.out_nodes does not fit {path}: {'; '.join(problems)}. The graph's outputs are {graph.addresses()}"
        raise ExportError(msg)


def _problem(graph: Graph, address: str) -> str:
    """Say what is wrong with one address; empty when nothing is."""
    name, colon, index = address.rpartition(":")
    if not colon:
        hint = did_you_mean(address, graph.outputs).rstrip("?")
        return (
            "" if address in graph.outputs else f"{address!r} is not an output of the graph, nor node_name:index{hint}"
        )
    if not (name and index.isascii() and index.isdigit()):
        return f"{address!r} is not of the form node_name:index"
    matching = [node for node in graph.nodes if node.name == name]
    if not matching:
        return f"there is no node {name!r}{did_you_mean(name, (node.name for node in graph.nodes))}".rstrip("?")
    if len(matching) > 1:
        return f"{len(matching)} nodes are named {name!r}; {EXPORT_AGAIN}"
    outputs = matching[0].outputs
    if int(index) >= len(outputs) or not outputs[int(index)]:
        valid = ", ".join(f"{name}:{k}" for k, output in enumerate(outputs) if output)
        return f"node {name!r} has no output {index}, only {valid}"
    return ""


def read_graph(path: Path) -> Graph:
    """Read the nodes of an ONNX file; weights stored beside it are not needed.

    Raises:
        ExportError: The file cannot be read or is not an ONNX model.
    """
    import onnx  # noqa: PLC0415 - onnx is an optional extra
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped] # noqa: PLC0415 - untyped, comes with onnx

    try:
        graph = onnx.load(path, load_external_data=False).graph
    except (OSError, DecodeError, ValueError) as error:
        msg = f"{path} is not a readable ONNX model ({error}); export the network again"
        raise ExportError(msg) from error
    return Graph(
        path=path,
        nodes=tuple(GraphNode(node.name, tuple(node.output)) for node in graph.node),
        outputs=tuple(output.name for output in graph.output),
    )


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node of the graph a unique name that ATC can address, in place.

    Usable names stay as they are. Others become ``<operator>_<position>``, so that the same graph always gets
    the same names.
    """
    taken = {node.name for node in model.graph.node}
    seen: set[str] = set()
    for position, node in enumerate(model.graph.node):
        if not node.name or node.name in seen or UNUSABLE.search(node.name):
            node.name = next(name for name in _candidates(node.op_type, position) if name not in taken)
            taken.add(node.name)
        seen.add(node.name)


def _candidates(operator: str, position: int) -> Iterator[str]:
    name = f"{operator}_{position}"
    while True:
        yield name
        name += "_"


def strip_provenance(message: Any) -> None:
    """Remove the exporter's remarks from a protobuf message (a model) and everything in it, in place.

    They hold source paths and stack traces, which would make the file depend on where it was made.
    """
    for field, value in message.ListFields():
        if field.name in PROVENANCE:
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in (value,) if hasattr(value, "ListFields") else value:
                strip_provenance(part)
