"""What ranges mean for fp16."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from norm_graphs import norm_model, write_norm
from zoo_runner.precision.findings import findings_of
from zoo_runner.precision.graph import FloatGraph, read_float_graph
from zoo_runner.precision.scan import Ranges, divisors


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> FloatGraph:
    return read_float_graph(write_norm(tmp_path_factory.mktemp("norm") / "m.onnx"))


def ranges(least: float = 1.0, **largest: float) -> Ranges:
    return Ranges(largest=largest, least={"safe": least}, samples=1)


@pytest.mark.parametrize(
    ("largest", "overflows", "near"),
    [
        ({}, [], []),
        ({"sum": 65504.0, "squares": 8188.0}, [], ["sum"]),
        ({"sum": 65505.0, "squares": 8189.0, "numbers": 9000.0}, ["sum"], ["(input)", "pow"]),
        ({"sum": math.inf, "squares": math.nan}, ["sum", "pow"], []),
    ],
)
def test_overflow_and_near_it(
    graph: FloatGraph, largest: dict[str, float], overflows: list[str], near: list[str]
) -> None:
    found = findings_of(graph, ranges(**largest))
    assert [each.node for each in found.overflowing] == overflows
    assert [each.node for each in found.large if not each.overflows] == near


def test_the_draft_has_the_readers_of_what_is_too_large(graph: FloatGraph) -> None:
    found = findings_of(graph, ranges(sum=1e6, squares=1e5, large=1e3))
    assert found.draft == ("pow", "sum", "sqrt", "add", "div")  # the last two: the epsilon is 0
    assert found.matrix == ()
    assert findings_of(graph, ranges(numbers=1e5)).draft == ("product", "add", "div")
    assert findings_of(graph, ranges(numbers=1e5)).matrix == ("product",)


def test_the_epsilon_is_lost(graph: FloatGraph) -> None:
    found = findings_of(graph, ranges())
    ((constant,), (divisor,)) = found.constants, found.divisors
    assert (constant.tensor, constant.becomes, constant.readers) == ("epsilon", "0", ("add",))
    assert (divisor.node, divisor.readers, divisor.least) == ("add", ("div",), 1.0)
    assert divisor.why == "epsilon, which keeps it from 0, is 0 in fp16"
    assert findings_of(graph, ranges(least=1e-10)).divisors[0].why == "it was 0 in fp16 on these samples"
    assert set(divisors(graph)) == {"safe"}


def test_constants(tmp_path: Path) -> None:
    model = norm_model(constants=False)
    numbers = {"huge": [1e5, 1.0], "small": [1e-9, 1.0], "zero": [0.0, 0.0], "epsilon": [1e-3], "unread": [1e-9]}
    kept = [each for each in model.graph.initializer if each.name not in numbers]
    del model.graph.initializer[:]
    model.graph.initializer.extend(
        [*kept, *(numpy_helper.from_array(np.array(each, np.float32), name) for name, each in numbers.items())]
    )
    for name in ("huge", "small", "zero"):
        model.graph.node.append(helper.make_node("Mul", [name, name], [f"{name}_out"], name=f"of_{name}"))
    onnx.save(model, tmp_path / "m.onnx")
    graph = read_float_graph(tmp_path / "m.onnx")
    found = findings_of(graph, ranges())
    assert [(each.tensor, each.becomes, each.readers) for each in found.constants] == [("huge", "Inf", ("of_huge",))]
    assert found.partial == {"small": 1, "unread": 1}
    assert found.divisors == ()
    assert found.draft == ("of_huge",)
