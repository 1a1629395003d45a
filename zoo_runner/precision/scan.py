"""The range scan: the largest magnitude of every operator's output, and the least of every denominator, in fp32."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.precision.session import opened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import onnx

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress, Sample
    from zoo_runner.precision.graph import FloatGraph

MARK: Final = "zoo_runner.precision"
"""Begins the names of what is added to a graph."""
DIVISORS: Final = {"Div": 1, "Reciprocal": 0}
"""Which input of an operator must not be 0."""
MAY_BE_EMPTY: Final = frozenset({"NonMaxSuppression", "NonZero", "Compress", "Unique", "Loop", "If"})
"""Operators behind which tensors may have no number, of which there is no largest one."""


@dataclass(frozen=True, kw_only=True)
class Ranges:
    """What tensors held, over all samples that were looked at.

    Attributes:
        largest: The largest magnitude of each fp32 tensor that is computed or given, by name; Inf where fp32 itself
            overflows.
        least: The least magnitude of each tensor that something is divided by.
        samples: How many samples were looked at.
    """

    largest: Mapping[str, float]
    least: Mapping[str, float]
    samples: int


@dataclass
class _Watched:
    """A graph with an output for each figure."""

    model: onnx.ModelProto
    padded: bool
    largest: dict[str, str] = field(default_factory=dict)
    least: dict[str, str] = field(default_factory=dict)

    def watch(self, tensor: str, operator: str, into: dict[str, str]) -> None:
        """Add an output with the extreme magnitude of a tensor."""
        import onnx  # noqa: PLC0415 - an optional extra

        helper, graph, begin = onnx.helper, self.model.graph, f"{MARK}/{operator}/{tensor}"
        source = tensor
        if self.padded and operator == "ReduceMax":
            graph.node.append(helper.make_node("Reshape", [source, f"{MARK}/flat"], [f"{begin}/flat"]))
            graph.node.append(helper.make_node("Concat", [f"{begin}/flat", f"{MARK}/zero"], [f"{begin}/some"], axis=0))
            source = f"{begin}/some"
        graph.node.append(helper.make_node("Abs", [source], [f"{begin}/abs"]))
        graph.node.append(helper.make_node(operator, [f"{begin}/abs"], [begin], keepdims=0))
        graph.output.append(helper.make_tensor_value_info(begin, onnx.TensorProto.FLOAT, []))
        into[tensor] = begin


def divisors(graph: FloatGraph) -> dict[str, tuple[onnx.NodeProto, ...]]:
    """Return the tensors that something is divided by and that are computed, each with what divides by it."""
    found: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.nodes:
        place = DIVISORS.get(node.op_type)
        if place is not None and graph.holds(node.input[place]) and node.input[place] not in graph.constants:
            found.setdefault(node.input[place], []).append(node)
    return {tensor: tuple(nodes) for tensor, nodes in found.items()}


def scan(recipe: Recipe, graph: FloatGraph, samples: Sequence[Sample], progress: Progress) -> Ranges:
    """Run samples in fp32, and return what the tensors held.

    Raises:
        InferenceError: ONNX Runtime cannot run the graph with these outputs.
    """
    watched = _watched(graph)
    names = [*watched.largest.values(), *watched.least.values()]
    most: dict[str, float] = dict.fromkeys(watched.largest, 0.0)
    least: dict[str, float] = dict.fromkeys(watched.least, float("inf"))
    parts = samples if recipe.fan_out is None else tuple(recipe.fan_out.of(samples))
    with (
        opened(recipe, watched.model, names) as source,
        progress.track("range scan", len(parts), recipe.inferred_noun) as advance,
    ):
        for outputs in source.outputs(parts):
            for tensor, name in watched.largest.items():
                most[tensor] = _larger(most[tensor], float(outputs[name]))
            for tensor, name in watched.least.items():
                least[tensor] = min(least[tensor], float(outputs[name]))
            advance(1)
    return Ranges(largest=most, least=least, samples=len(samples))


def _larger(one: float, other: float) -> float:
    """Return the larger one; what is no number is as bad as Inf."""
    return float("inf") if np.isnan(other) else max(one, other)


def _watched(graph: FloatGraph) -> _Watched:
    import onnx  # noqa: PLC0415 - an optional extra

    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    padded = any(node.op_type in MAY_BE_EMPTY for node in graph.nodes)
    watched = _Watched(model=model, padded=padded)
    if padded:
        for name, array in (("flat", np.array([-1], np.int64)), ("zero", np.zeros(1, np.float32))):
            model.graph.initializer.append(onnx.numpy_helper.from_array(array, f"{MARK}/{name}"))
    computed = [out for node in graph.nodes for out in node.output if out and graph.holds(out)]
    for tensor in (*graph.inputs, *computed):
        watched.watch(tensor, "ReduceMax", watched.largest)
    for tensor in divisors(graph):
        watched.watch(tensor, "ReduceMin", watched.least)
    return watched
