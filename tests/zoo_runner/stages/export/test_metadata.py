"""What an ONNX file says of itself, without onnx or ONNX Runtime."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from places import ROOT
from zoo_runner.errors import ExportError
from zoo_runner.stages.export.metadata import model_metadata

onnx = pytest.importorskip("onnx")


def saved(path: Path, **properties: str) -> Path:
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [value], [])
    model = onnx.helper.make_model(graph)
    onnx.helper.set_model_props(model, properties)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    "properties",
    [{}, {"a": ""}, {"a": "1", "b": "b" * 1000}, {"名": "値", "empty": ""}],
)
def test_it_says_what_the_package_onnx_reads(tmp_path: Path, properties: dict[str, str]) -> None:
    model = saved(tmp_path / "m.onnx", **properties)
    assert model_metadata(model) == properties
    assert {item.key: item.value for item in onnx.load(model).metadata_props} == properties


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(b"", "a file without a graph", id="empty"),
        pytest.param(b"\x08\x07", "a file without a graph", id="no graph"),
        pytest.param(b"no model", "a field of unknown kind 6", id="text"),
        pytest.param(b"\x3a\x7fabc", "a field that is longer than the file (127 bytes)", id="cut off"),
        pytest.param(b"\x3a\x80", "an end in the middle of a field", id="cut in a number"),
        pytest.param(b"\x08" + b"\xff" * 11, "a number that does not end", id="endless"),
        pytest.param(b"\x3a\x00\x72\x02\x0a\x09", "a field that is longer than the file (9 bytes)", id="entry"),
        pytest.param(b"\x3a\x00\x72\x03\x0a\x01\xff", "'utf-8' codec can't decode", id="no text"),
        pytest.param(
            b"\x3a\x00\x72\x81\x80\x40" + bytes((1 << 20) + 1),
            "an entry of metadata of 1,048,577 bytes; at most 1,048,576 are read",
            id="too large",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ExportError) as error:
        model_metadata(path)
    assert str(error.value).startswith(f"cannot load {path}: expected an ONNX model, found {found}")


def test_numbers_of_fixed_size_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x79" + bytes(8) + b"\x7d" + bytes(4) + b"\x3a\x00")
    assert model_metadata(path) == {}


def test_neither_package_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from zoo_runner.stages.export.metadata import model_metadata; "
        "print(model_metadata(Path(sys.argv[1])), {'onnx', 'onnxruntime'} & sys.modules.keys())"
    )
    words = [sys.executable, "-c", code, str(saved(tmp_path / "m.onnx", a="1"))]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "{'a': '1'} set()\n"
