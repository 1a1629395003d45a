from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import ExportError
from zoo_runner.onnx_graph import UNUSABLE, check_nodes, name_nodes, output_nodes, strip_provenance

onnx = pytest.importorskip("onnx")
helper = pytest.importorskip("onnx.helper")

FLOAT = 1


def value(name: str) -> Any:
    return helper.make_tensor_value_info(name, FLOAT, ["batch", 4])


def model(nodes: Sequence[Any], outputs: Sequence[str], **parts: Any) -> Any:
    graph = helper.make_graph(nodes, "main", [value("image")], [value(name) for name in outputs], **parts)
    return helper.make_model(graph)


def split(name: str, outputs: Sequence[str]) -> Any:
    return helper.make_node("Split", ["image"], outputs, name=name, axis=1)


def relu(name: str, source: str, target: str) -> Any:
    return helper.make_node("Relu", [source], [target], name=name)


def saved(tmp_path: Path, nodes: Sequence[Any], outputs: Sequence[str], **parts: Any) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(model(nodes, outputs, **parts), path)
    return path


@pytest.fixture
def heads(tmp_path: Path) -> Path:
    """Two outputs of one node, one of which also feeds another, and one more; declared in another order."""
    nodes = [split("/Split", ["loc", "", "conf"]), relu("/Softmax_1", "conf", "arm_conf")]
    return saved(tmp_path, nodes, ["arm_conf", "conf", "loc"])


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        pytest.param([], (), id="none"),
        pytest.param(["loc", "conf", "arm_conf"], ("/Split:0", "/Split:2", "/Softmax_1:0"), id="asked-order"),
        pytest.param(["arm_conf", "loc"], ("/Softmax_1:0", "/Split:0"), id="some"),
    ],
)
def test_output_nodes(outputs: list[str], expected: tuple[str, ...], heads: Path) -> None:
    assert output_nodes(heads, outputs) == expected
    check_nodes(heads, expected)


@pytest.mark.parametrize(
    ("nodes", "outputs", "parts", "text"),
    [
        pytest.param(
            [relu("a", "image", "loc")],
            ["loc"],
            {},
            "has no output 'lok', its outputs are loc; did you mean 'loc'?",
            id="unknown-output",
        ),
        pytest.param(
            [relu("a", "image", "x")],
            ["lok", "x"],
            {"initializer": [helper.make_tensor("lok", FLOAT, [1], [0.0])]},
            "is one of the graph's inputs or constants",
            id="constant",
        ),
        pytest.param([relu("", "image", "lok")], ["lok"], {}, "comes from a node without a name", id="unnamed"),
        pytest.param([relu("a:b", "image", "lok")], ["lok"], {}, "comes from a node named 'a:b'; export", id="colon"),
        pytest.param(
            [relu("a", "image", "x"), relu("a", "x", "lok")],
            ["lok"],
            {},
            "comes from node 'a', but several nodes have this name; export the network again",
            id="not-unique",
        ),
    ],
)
def test_output_without_a_node(
    nodes: list[Any], outputs: list[str], parts: dict[str, Any], text: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, nodes, outputs, **parts)
    with pytest.raises(ExportError) as caught:
        output_nodes(path, ["lok"])
    assert text in str(caught.value)
    assert str(path) in str(caught.value)


def test_an_input_that_is_an_output_has_no_node(tmp_path: Path) -> None:
    path = saved(tmp_path, [relu("a", "image", "x")], ["image", "x"])
    with pytest.raises(ExportError, match=r"output 'image' of .* is one of the graph's inputs or constants"):
        output_nodes(path, ["image"])


@pytest.mark.parametrize(
    "names",
    [
        pytest.param([], id="none"),
        pytest.param(["/Split:2", "/Softmax_1:0"], id="nodes"),
        pytest.param(["loc", "arm_conf"], id="output-names"),
    ],
)
def test_valid_addresses(names: list[str], heads: Path) -> None:
    check_nodes(heads, names)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param(
            ["/Softmax_2:0"], "there is no node '/Softmax_2'; did you mean '/Softmax_1'. The graph's", id="unknown"
        ),
        pytest.param(["Reshape_239:0"], "there is no node 'Reshape_239'. The graph's", id="nothing-near"),
        pytest.param(["/Split:3"], "node '/Split' has no output 3, only /Split:0, /Split:2", id="index-too-large"),
        pytest.param(["/Split:1"], "node '/Split' has no output 1, only", id="output-not-computed"),
        pytest.param(["/Split:-1"], "'/Split:-1' is not of the form node_name:index", id="negative"),
        pytest.param(["/Split:²"], "'/Split:²' is not of the form node_name:index", id="not-a-digit"),
        pytest.param([":0"], "':0' is not of the form node_name:index", id="no-name"),
        pytest.param(["/Split:"], "'/Split:' is not of the form node_name:index", id="no-index"),
        pytest.param(["lok"], "'lok' is not an output of the graph, nor node_name:index; did you", id="output-name"),
        pytest.param(["/Split:0", "/Split:0"], "'/Split:0' is given 2 times", id="twice"),
        pytest.param(["x:0", "/Split:9"], "no node 'x'; node '/Split' has no output 9", id="every-problem-is-named"),
    ],
)
def test_invalid_addresses(names: list[str], text: str, heads: Path) -> None:
    with pytest.raises(ExportError) as caught:
        check_nodes(heads, names)
    assert text in str(caught.value)
    assert "arm_conf = /Softmax_1:0, conf = /Split:2, loc = /Split:0" in str(caught.value)


def test_several_nodes_of_one_name(tmp_path: Path) -> None:
    path = saved(tmp_path, [relu("a", "image", "x"), relu("a", "x", "y")], ["y"])
    with pytest.raises(ExportError, match=r"2 nodes are named 'a'; export .*outputs are y = \(no usable node\)"):
        check_nodes(path, ["a:0"])


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="absent"),
        pytest.param(b"<html>", id="web-page"),
        pytest.param(b"\x08\x0a\x3a\x7f", id="truncated"),
    ],
)
def test_not_an_onnx_file(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match=r"x\.onnx is not a readable ONNX model"):
        output_nodes(path, ["loc"])


def test_an_empty_file_has_no_outputs(tmp_path: Path) -> None:
    (tmp_path / "x.onnx").touch()  # which is a valid, empty protobuf message
    with pytest.raises(ExportError, match=r"has no output 'loc', its outputs are \(none\)"):
        output_nodes(tmp_path / "x.onnx", ["loc"])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["a", "/b/Conv"], ["a", "/b/Conv"], id="usable"),
        pytest.param(["", ""], ["Relu_0", "Relu_1"], id="empty"),
        pytest.param(["a", "a", "a"], ["a", "Relu_1", "Relu_2"], id="repeated"),
        pytest.param(["x:0", "y;z", "p q"], ["Relu_0", "Relu_1", "Relu_2"], id="separators"),
        pytest.param(["", "Relu_0"], ["Relu_0_", "Relu_0"], id="taken"),
    ],
)
def test_name_nodes(names: list[str], expected: list[str]) -> None:
    made = chain(names)
    name_nodes(made)
    assert [node.name for node in made.graph.node] == expected


def chain(names: Sequence[str]) -> Any:
    return model([relu(name, f"x{i}", f"x{i + 1}") for i, name in enumerate(names)], [f"x{len(names)}"])


@given(st.lists(st.sampled_from(["", "a", "b:0", "Relu_1", "Relu_0", "Relu_0_"]) | st.text(max_size=3), max_size=8))
def test_named_nodes_are_usable(names: list[str]) -> None:
    made = chain(names)
    name_nodes(made)
    found = [node.name for node in made.graph.node]
    assert len(set(found)) == len(names)
    assert all(name and not UNUSABLE.search(name) for name in found)
    kept = [name for i, name in enumerate(names) if name and not UNUSABLE.search(name) and name not in names[:i]]
    assert set(kept) <= set(found)
    name_nodes(made)
    assert [node.name for node in made.graph.node] == found


def test_strip_provenance_reaches_everything() -> None:
    branch = helper.make_graph([relu("inner", "image", "y")], "branch", [], [value("y")], doc_string="secret")
    branch.node[0].doc_string = "secret"
    nodes = [helper.make_node("If", ["image"], ["out"], name="outer", then_branch=branch, else_branch=branch)]
    made = model(nodes, ["out"], initializer=[helper.make_tensor("w", FLOAT, [1], [0.0])])
    made.doc_string = made.graph.doc_string = made.graph.input[0].doc_string = "secret"
    made.graph.initializer[0].doc_string = "secret"
    helper.set_model_props(made, {"trace": "secret"})
    entry = made.graph.node[0].metadata_props.add()
    entry.key, entry.value = "stack", "secret"
    strip_provenance(made)
    assert b"secret" not in made.SerializeToString()
    assert made.graph.node[0].attribute[0].g.node[0].name == "inner"
    assert made.graph.initializer[0].float_data == [0.0]
