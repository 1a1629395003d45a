"""Gears and ranges of the stand-in's atc: what it takes, what it refuses with which code, and what the .om says."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import onnx
import pytest

from geared_graphs import image_graph, text_graph
from zoo_runner.testing.atc.errors import AtcError
from zoo_runner.testing.atc.gears import read_gears
from zoo_runner.testing.atc.shapes import parse_shapes
from zoo_runner.testing.om_file import OmModel, read_om

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
IMAGE = "image:2,3,-1,-1"
HUNDRED_AND_ONE = ",".join(map(str, range(1, 102)))


@pytest.mark.parametrize(
    ("shape", "flags", "message"),
    [
        pytest.param(
            IMAGE,
            {"dynamic_image_size": "8,16;16,8", "dynamic_dims": "8,16;16,8"},
            r"E10009 .*\[--dynamic_image_size\], \[--dynamic_dims\] and \[--input_shape_range\] are mutually exclusive",
            id="two kinds of gears",
        ),
        pytest.param(
            IMAGE,
            {"dynamic_batch_size": "1,2", "input_shape_range": "image:[1~2]"},
            "E10009 .*mutually exclusive",
            id="gears and ranges",
        ),
        pytest.param("", {"dynamic_batch_size": "1,2"}, r"E10004 .*\[--input_shape\] is empty", id="no shape"),
        pytest.param("a:-1", {"dynamic_batch_size": "1"}, r"E10035 .*\[1\] profiles.*minimum \[2\]", id="one gear"),
        pytest.param(
            "a:-1", {"dynamic_batch_size": HUNDRED_AND_ONE}, r"E10036 .*\[101\].*maximum \[100\]", id="too many gears"
        ),
        pytest.param("a:-1", {"dynamic_batch_size": "1,x"}, "E10001 .*can only contain digits", id="no number"),
        pytest.param("a:-1", {"dynamic_batch_size": "0,1"}, r"E10038 .*size \[0\] is invalid", id="no sample"),
        pytest.param("a:-1", {"dynamic_batch_size": "2,2"}, "E10039 .*duplicate", id="one gear twice"),
        pytest.param("a:1,3", {"dynamic_batch_size": "1,2"}, "E10031 .*equaling -1", id="nothing open"),
        pytest.param("a:-1,-1", {"dynamic_batch_size": "1,2"}, "E10018 .*only batch size N", id="another axis too"),
        pytest.param("a:3,-1", {"dynamic_batch_size": "1,2"}, "E10018 .*only batch size N", id="another axis"),
        pytest.param(
            IMAGE,
            {"dynamic_image_size": "8,16,1;16,8,1"},
            "E10020 .*parameter .--dynamic_image_size.",
            id="three sizes",
        ),
        pytest.param(IMAGE, {"dynamic_image_size": "8;16"}, "E10020 .*is invalid", id="one size"),
        pytest.param("a:1,-1,-1,3", {"dynamic_image_size": "8,8;4,4"}, "E10019 .*height and width", id="channels last"),
        pytest.param("a:1,3,-1,8", {"dynamic_image_size": "8,8;4,8"}, "E10019 .*height and width", id="height alone"),
        pytest.param("a:1,3,8,8", {"dynamic_image_size": "8,8;4,8"}, "E10040 .*must have -1 axes", id="fixed size"),
        pytest.param("a:1,1~3", {"dynamic_dims": "1;2", "input_format": "ND"}, "E10040 .*cannot have '~'", id="range"),
        pytest.param("a:1,-1", {"dynamic_dims": "1;2"}, r"E10001 .*\[NCHW\].*must be ND", id="dims need ND"),
        pytest.param(
            "a:1,-1", {"dynamic_dims": "1;2,3", "input_format": "ND"}, "E10037 .*inconsistent", id="unequal gears"
        ),
        pytest.param(
            "a:1,-1;b:1,-1", {"dynamic_dims": "1;2", "input_format": "ND"}, "E10045 .*exceeds", id="too few values"
        ),
        pytest.param(
            "a:1,-1", {"dynamic_dims": "1,1;2,2", "input_format": "ND"}, "E10046 .*is less than", id="too many values"
        ),
        pytest.param(
            "a:1,-1",
            {"dynamic_dims": "1;2", "input_format": "ND", "insert_op_conf": "a.cfg"},
            r"E10047 .*--dynamic_dims. and .--insert_op_conf",
            id="dims with AIPP",
        ),
        pytest.param("a:1,3~2", {}, "E10001 .*begin with its least", id="a range from above"),
        pytest.param("a:1,0~2", {}, "E10001 .*which is positive", id="a range from nothing"),
        pytest.param("a:1,2~x", {}, "E10002 .*not an integer", id="a range to a word"),
        pytest.param("a:1,-1", {}, "E10011 .*value in the shape is -1", id="open without gears"),
        pytest.param("a:1,-2", {"dynamic_dims": "1;2", "input_format": "ND"}, "E10011 .*is -2", id="less than -1"),
    ],
)
def test_refusals(shape: str, flags: dict[str, str], message: str) -> None:
    given = {"input_shape": shape, **flags}
    with pytest.raises(AtcError) as caught:
        parse_shapes(shape, read_gears(given))
    assert re.match(message, f"{caught.value.code} {caught.value.text}")


@pytest.fixture
def atc(host: Callable[..., Run], tmp_path: Path) -> Callable[..., OmModel | str]:
    """Compile a graph; return the model, or the line with which ATC refused it."""

    def run(graph: Path, *flags: str) -> OmModel | str:
        om = tmp_path / "model.om"
        command = ("--framework=5", "--soc_version=Ascend310P3", f"--model={graph}", f"--output={om.with_suffix('')}")
        done = host()("atc", *command, *flags)
        assert (done.returncode == 0) is om.exists()
        return read_om(om) if om.exists() else done.stdout.splitlines()[2]

    return run


def shapes(model: Any) -> tuple[Sequence[tuple[int, ...]], Sequence[tuple[int, ...]]]:
    return [tensor.shape for tensor in model.inputs], [tensor.shape for tensor in model.outputs]


def test_an_om_says_what_it_was_made_for(atc: Callable[..., Any], tmp_path: Path) -> None:
    image, text = image_graph(tmp_path / "image.onnx"), text_graph(tmp_path / "text.onnx")
    made = atc(image, f"--input_shape={IMAGE}", "--dynamic_image_size=8,16;16,8;4,4")
    assert (made.opened, made.gears) == ("dynamic_image_size", ((8, 16), (16, 8), (4, 4)))
    assert shapes(made) == ([(2, 3, -1, -1)], [(2, 3, 8), (2, 3, 16), (2, 3)])
    assert made.shapes_at((16, 8)) == ((2, 3, 16, 8),)
    made = atc(text, "--input_shape=ids:1,-1;mask:1,-1", "--input_format=ND", "--dynamic_dims=2,2;6,6")
    assert (made.opened, made.gears, made.greatest_gear()) == ("dynamic_dims", ((2, 2), (6, 6)), (6, 6))
    assert made.shapes_at((2, 2)) == ((1, 2), (1, 2))
    made = atc(text, "--input_shape=ids:1,1~9;mask:1,1~9", "--input_format=ND")
    assert (made.opened, made.bounds["mask"]) == ("shape ranges", ((1, 1), (1, 9)))
    assert shapes(made) == ([(1, -1), (1, -1)], [(1, -1), (1, -1, 2)])
    fixed = image_graph(tmp_path / "fixed.onnx", 4, 6)
    made = atc(fixed, "--input_shape=image:-1,3,4,6", "--dynamic_batch_size=1,4")
    assert (made.opened, shapes(made)[0], made.shapes_at((4,))) == (
        "dynamic_batch_size",
        [(-1, 3, 4, 6)],
        ((4, 3, 4, 6),),
    )
    made = atc(fixed, "--input_shape=image:2,3,4,6")
    assert (made.opened, made.gears, made.bounds) == ("", (), {})


def test_what_the_graph_does_not_leave_open(atc: Callable[..., Any], tmp_path: Path) -> None:
    fixed = image_graph(tmp_path / "fixed.onnx", 4, 6)
    refused = atc(fixed, f"--input_shape={IMAGE}", "--dynamic_image_size=4,6;8,12")
    assert re.match("E10001: .*the model fixes this axis of .image. to 4", refused)
    text = text_graph(tmp_path / "text.onnx")
    refused = atc(text, "--input_shape=ids:1,-1;mask:1,-1", "--input_format=ND", "--dynamic_dims=2,2;6,5")
    assert re.match("E19999: ", refused), "each gear is built"


def test_gears_are_in_the_order_of_input_shape(atc: Callable[..., Any], tmp_path: Path) -> None:
    floats = onnx.TensorProto.FLOAT
    inputs = [onnx.helper.make_tensor_value_info(name, floats, [1, name]) for name in ("a", "b")]
    outputs = [onnx.helper.make_tensor_value_info(name, floats, [1, name[-1]]) for name in ("to_a", "to_b")]
    nodes = [onnx.helper.make_node("Neg", [name], [f"to_{name}"], name=f"/{name}") for name in ("a", "b")]
    graph = onnx.helper.make_graph(nodes, "pair", inputs, outputs)
    path = tmp_path / "pair.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
    made = atc(path, "--input_shape=b:1,-1;a:1,-1", "--input_format=ND", "--dynamic_dims=2,7;3,5")
    assert [tensor.name for tensor in made.inputs] == ["a", "b"]
    assert [made.shapes_at(gear) for gear in made.gears] == [((1, 7), (1, 2)), ((1, 5), (1, 3))]
