from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.backends.ascend.atc_command import atc_command, shell_line, side_files, soc_name, unmarked_files
from zoo_runner.manifest.atc import AtcOptions
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.plugin.shapes import Shapes

IMAGE = TensorSpec("image", "float32", ("batch", 3, 320, 320))
PLAIN = (
    "atc",
    "--framework=5",
    "--model=/models/x.onnx",
    "--output=/models/x_bs16",
    "--input_format=NCHW",
    "--input_shape=image:16,3,320,320",
    "--out_nodes=/Reshape_2:0;/Softmax_1:0",
    "--log=error",
    "--soc_version=Ascend310P3",
)


def command(options: AtcOptions, **changed: Any) -> tuple[str, ...]:
    arguments: dict[str, Any] = {
        "model": Path("/models/x.onnx"),
        "output": Path("/models/x_bs16.om"),
        "inputs": (IMAGE,),
        "out_nodes": ("/Reshape_2:0", "/Softmax_1:0"),
        "soc_version": "310P3",
        "batch": 16,
        "base": Path("/recipes"),
    }
    return atc_command(options, **(arguments | changed))


@pytest.mark.parametrize(
    ("options", "changed", "expected"),
    [
        pytest.param({}, {}, PLAIN, id="defaults"),
        pytest.param({}, {"soc_version": "Ascend310P3"}, PLAIN, id="prefix-already-there"),
        pytest.param({}, {"output": Path("/models/x_bs16")}, PLAIN, id="output-without-suffix"),
        pytest.param(
            {"precision_mode": "allow_fp32_to_fp16"},
            {},
            (*PLAIN, "--precision_mode=allow_fp32_to_fp16"),
            id="precision",
        ),
        pytest.param(
            {"insert_op_conf": "aipp_{soc}.cfg", "flags": {"output_type": "FP32", "enable_small_channel": 1}},
            {},
            (
                *PLAIN,
                "--insert_op_conf=/recipes/aipp_Ascend310P3.cfg",
                "--enable_small_channel=1",
                "--output_type=FP32",
            ),
            id="aipp-and-sorted-flags",
        ),
        pytest.param({"insert_op_conf": "/etc/a.cfg"}, {}, (*PLAIN, "--insert_op_conf=/etc/a.cfg"), id="absolute"),
        pytest.param(
            {"flags": {"fusion_switch_file": "fusion/bs{batch}.cfg", "debug_dir": "d/{soc}_{batch}"}},
            {},
            (*PLAIN, "--debug_dir=d/Ascend310P3_16", "--fusion_switch_file=/recipes/fusion/bs16.cfg"),
            id="side-files-and-plain-values",
        ),
        pytest.param(
            {
                "flags": {"mode": 0},
                "unchecked_flags": {"a_file": "./bs{batch}.cfg", "new": 1, "z": "/none/{soc}"},
            },
            {},
            (*PLAIN, "--a_file=/recipes/bs16.cfg", "--mode=0", "--new=1", "--z=/none/Ascend310P3"),
            id="unchecked-flags",
        ),
    ],
)
def test_command(options: dict[str, Any], changed: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert command(AtcOptions(**options), **changed) == expected


@pytest.mark.parametrize(
    ("options", "changed", "argument"),
    [
        pytest.param({}, {"batch": 1}, "--input_shape=image:1,3,320,320", id="from-inputs"),
        pytest.param(
            {},
            {"inputs": (IMAGE, TensorSpec("size", "int32", ("batch", 2)))},
            "--input_shape=image:16,3,320,320;size:16,2",
            id="two-inputs",
        ),
        pytest.param({"input_shape": "data:{batch},-1"}, {}, "--input_shape=data:16,-1", id="own-shape"),
        pytest.param({"input_format": "ND"}, {}, "--input_format=ND", id="format"),
        pytest.param({"log": "debug"}, {}, "--log=debug", id="log"),
        pytest.param({}, {"output": Path("/m/a.b")}, "--output=/m/a.b", id="dot-in-output-name"),
    ],
)
def test_argument(options: dict[str, Any], changed: dict[str, Any], argument: str) -> None:
    assert argument in command(AtcOptions(**options), **changed)


@pytest.mark.parametrize(
    ("options", "shapes", "arguments"),
    [
        pytest.param(
            {},
            Shapes(opened="image_size", gears=({"height": 8, "width": 16}, {"height": 16, "width": 8})),
            ("--input_format=NCHW", "--input_shape=image:16,3,-1,-1", "--dynamic_image_size=8,16;16,8"),
            id="image-size",
        ),
        pytest.param(
            {},
            Shapes(opened="dims", gears=({"height": 8, "width": 16}, {"height": 16, "width": 8})),
            ("--input_format=ND", "--input_shape=image:16,3,-1,-1", "--dynamic_dims=8,16;16,8"),
            id="dims-are-nd",
        ),
        pytest.param(
            {},
            Shapes(opened="range", bounds={"height": (8, 16), "width": (1, 1)}),
            ("--input_format=NCHW", "--input_shape=image:16,3,8~16,1"),
            id="range",
        ),
    ],
)
def test_open_axes(options: dict[str, Any], shapes: Shapes, arguments: tuple[str, ...]) -> None:
    image = TensorSpec("image", "float32", ("batch", 3, "height", "width"))
    made = command(AtcOptions(**options), inputs=(image,), shapes=shapes)
    assert [argument for argument in made if argument.startswith(("--input_", "--dynamic_"))] == list(arguments)


def test_one_om_for_all_batch_sizes() -> None:
    shapes = Shapes(opened="batch", gears=({"batch": 1}, {"batch": 16}))
    made = command(AtcOptions(insert_op_conf="a_{batch}.cfg"), shapes=shapes)
    assert "--input_shape=image:-1,3,320,320" in made
    assert "--dynamic_batch_size=1,16" in made
    assert "--insert_op_conf=/recipes/a_16.cfg" in made


def test_without_out_nodes_the_flag_is_absent() -> None:
    assert not [part for part in command(AtcOptions(), out_nodes=()) if part.startswith("--out_nodes")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"flags": {"debug_dir": "d"}}, {}, id="no-file-flags"),
        pytest.param(
            {"insert_op_conf": "a.cfg", "flags": {"keep_dtype": "k_{batch}.cfg"}},
            {"insert_op_conf": "r/a.cfg", "keep_dtype": "r/k_4.cfg"},
            id="both-kinds",
        ),
        pytest.param(
            {"unchecked_flags": {"a": "./{soc}.cfg", "b": "../b", "c": "c.cfg", "d": "/none", "e": __file__}},
            {"a": "r/Ascend310P3.cfg", "b": "r/../b", "e": __file__},
            id="unchecked",
        ),
    ],
)
def test_side_files(options: dict[str, Any], expected: dict[str, str]) -> None:
    found = side_files(AtcOptions(**options), batch=4, soc_version="310P3", base=Path("r"))
    assert found == expected


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        ("310P3", "Ascend310P3"),
        ("Ascend310P3", "Ascend310P3"),
        (" 910B4 ", "Ascend910B4"),
        ("ascend310", "ascend310"),
    ],
)
def test_soc_name(chip: str, expected: str) -> None:
    assert soc_name(chip) == expected


@given(st.text(min_size=1))
def test_soc_name_adds_the_prefix_once(chip: str) -> None:
    assert soc_name(soc_name(chip)) == soc_name(chip)


@given(st.lists(st.text()))
def test_shell_line_can_be_pasted(arguments: list[str]) -> None:
    assert shlex.split(shell_line(arguments)) == arguments


def test_shell_line_quotes_the_separators() -> None:
    assert "'--out_nodes=/Reshape_2:0;/Softmax_1:0'" in shell_line(command(AtcOptions()))


def test_files_of_unchecked_flags_must_be_marked_as_such(tmp_path: Path) -> None:
    (tmp_path / "bs4.cfg").touch()
    (tmp_path / "folder").mkdir()
    values: dict[str, str | int] = {"a": "bs{batch}.cfg", "b": "./bs4.cfg", "c": "none.cfg", "d": 1, "e": "folder"}
    values |= {"f": "x" * 5000, "g": "a\0b"}
    options = AtcOptions(unchecked_flags=values)
    assert unmarked_files(options, batch=4, soc_version="310P3", base=tmp_path) == {"a": "bs4.cfg"}
