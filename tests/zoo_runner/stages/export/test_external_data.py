"""A model that keeps tensors in other files is known, wherever the tensor is; words alone make none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.stages.export.external_data import WORD, external_files, has_external_data

onnx = pytest.importorskip("onnx")
helper = onnx.helper


def here(name: str = "w") -> Any:
    return helper.make_tensor(name, onnx.TensorProto.FLOAT, [1], [1.0])


def elsewhere() -> Any:
    tensor = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[1])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    return tensor


def graph(*nodes: Any, tensors: tuple[Any, ...] = (), output: str = "y") -> Any:
    values = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("x", output)]
    made = helper.make_graph(list(nodes), "g", values[:1], values[1:], list(tensors))
    made.value_info.extend([helper.make_tensor_value_info("location", onnx.TensorProto.FLOAT, [1])])
    return made


def constant(tensor: Any) -> Any:
    return helper.make_node("Constant", [], ["c"], value=tensor)


def sparse(tensor: Any) -> Any:
    made = graph()
    made.sparse_initializer.add(values=tensor, indices=here(), dims=[1])
    return made


def branch(tensor: Any) -> Any:
    return graph(helper.make_node("If", ["x"], ["y"], then_branch=graph(constant(tensor)), else_branch=graph()))


def in_a_function(tensor: Any) -> Any:
    model = helper.make_model(graph())
    model.functions.add(name="f", node=[constant(tensor)])
    return model


def in_training(tensor: Any) -> Any:
    model = helper.make_model(graph())
    model.training_info.add(algorithm=graph(tensors=(tensor,)))
    return model


PLACES: list[Callable[[Any], Any]] = [
    lambda tensor: graph(tensors=(here("a"), tensor)),
    lambda tensor: graph(constant(tensor)),
    sparse,
    branch,
    in_a_function,
    in_training,
]


def saved(made: Any, path: Path) -> Path:
    model = made if isinstance(made, onnx.ModelProto) else helper.make_model(made)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("place", PLACES, ids=["initializer", "constant", "sparse", "branch", "function", "training"])
def test_it_is_found_wherever_it_is(tmp_path: Path, place: Callable[[Any], Any]) -> None:
    assert has_external_data(saved(place(elsewhere()), tmp_path / "m.onnx"))
    path = saved(place(here()), tmp_path / "m.onnx")
    assert WORD in path.read_bytes()
    assert not has_external_data(path)


def test_a_detector_s_output_may_have_that_name(tmp_path: Path) -> None:
    nodes = (helper.make_node("Identity", ["x"], ["location"]), helper.make_node("Identity", ["location"], ["y"]))
    assert not has_external_data(saved(graph(*nodes), tmp_path / "m.onnx"))
    assert not has_external_data(saved(graph(output="location"), tmp_path / "m.onnx"))


def test_in_bytes_that_nobody_writes_but_everybody_reads_it_is_found(tmp_path: Path) -> None:
    """A number may take more bytes than it needs, and a group that nobody knows may be around a field."""
    entry = b"\x0a\x88\x00location\x12\x05w.bin"
    tensor = b"\x6a" + bytes([len(entry)]) + entry
    made = b"\x3b\x3a" + bytes([len(tensor) + 2]) + b"\x2a" + bytes([len(tensor)]) + tensor + b"\x3c"
    assert onnx.load_from_string(made[1:-1]).graph.initializer[0].external_data[0].key == "location"
    path = tmp_path / "m.onnx"
    for content in (made, made[1:-1]):
        path.write_bytes(content)
        assert has_external_data(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"location", b"\x3a\xff\x01location", b"\x3a" + b"\xff" * 11 + b"location", b"\x39location", b"\x3a"],
    ids=["empty", "a word", "beyond its end", "a number without end", "a number of 8 bytes", "cut off"],
)
def test_of_what_is_no_model_it_is_not_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    assert not has_external_data(path)


def test_the_names_of_the_files(tmp_path: Path) -> None:
    first, second, again = elsewhere(), elsewhere(), elsewhere()
    second.external_data[0].value = "deep/é.bin"
    second.external_data.add(key="offset", value="4096")
    (tmp_path / "m.onnx").write_bytes(helper.make_model(graph(tensors=(first, second, again))).SerializeToString())
    assert external_files(tmp_path / "m.onnx") == ("w.bin", "deep/é.bin")


@pytest.mark.parametrize("content", [b"", b"location", b"\x08\x08garbage location"])
def test_what_is_no_model_has_no_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    assert external_files(tmp_path / "m.onnx") == ()
