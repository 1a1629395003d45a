from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from zoo_runner.testing.om_file import OmError, read_om

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
SHAPE = "--input_shape=image:2,3,4,6"
STARTED = "ATC start working now, please wait for a moment.\n"
FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"


@pytest.fixture
def atc(host: Callable[..., Run], onnx_file: Path, tmp_path: Path) -> Callable[..., tuple[Run, Path]]:
    """Return a function that compiles with extra flags, and where the .om would be."""
    output = tmp_path / "out" / "model"
    base = ["--framework=5", "--soc_version=Ascend310P3", f"--model={onnx_file}", f"--output={output}"]

    def make(*, without: str = "", **traits: object) -> tuple[Run, Path]:
        run = host(**traits)
        flags = [flag for flag in base if not (without and flag.startswith(f"--{without}="))]
        return lambda *extra, **options: run("atc", *flags, *extra, **options), output.with_suffix(".om")

    return make


def refused(done: subprocess.CompletedProcess[str], om: Path) -> str:
    """Check that ATC failed in its way and return the line of the error."""
    assert done.returncode == 255
    assert done.stdout.startswith(STARTED + FAILED)
    assert not om.exists()
    return done.stdout.removeprefix(STARTED + FAILED).splitlines()[0]


def test_compiles_and_says_so(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc()
    done = run(SHAPE, "--log=debug", "--precision_mode", "allow_fp32_to_fp16", "--input_format=NCHW")
    assert done.returncode == 0
    assert done.stdout == f"{STARTED}ATC run success, welcome to the next use.\n"
    model = read_om(om)
    assert om.read_bytes().startswith(b"STAND-IN OM 1")
    assert (model.soc_version, model.cann) == ("Ascend310P3", "8.0.0-stand-in")
    assert model.flags["precision_mode"] == "allow_fp32_to_fp16"
    (image,) = model.inputs
    assert (image.name, image.dtype, image.shape, image.format) == ("image", "float32", (2, 3, 4, 6), 0)
    assert [output.tensor for output in model.outputs] == ["boxes_a", "scores_a", "boxes_b", "scores_b"]
    assert [output.shape for output in model.outputs] == [(2, 5, 4), (2, 5, 3), (2, 5, 4), (2, 5, 2)]


def test_outputs_come_in_the_order_of_out_nodes(om_file: Path) -> None:
    outputs = read_om(om_file).outputs
    assert [output.tensor for output in outputs] == ["boxes_b", "scores_b", "boxes_a", "scores_a"]
    assert outputs[0].name == "PartitionedCall_boxes_b_0:0:boxes_b"


@pytest.mark.parametrize(
    ("nodes", "tensors"),
    [
        pytest.param("pixel_sums:0", [], id="unknown"),
        pytest.param("boxes_a_matmul:0", ["boxes_a_m"], id="inner-node"),
        pytest.param("scores_b;boxes_a", ["scores_b", "boxes_a"], id="output-names"),
    ],
)
def test_out_nodes_reach_any_node(atc: Callable[..., tuple[Run, Path]], nodes: str, tensors: Sequence[str]) -> None:
    run, om = atc()
    done = run(SHAPE, f"--out_nodes={nodes}")
    if tensors:
        assert [output.tensor for output in read_om(om).outputs] == tensors
    else:
        assert "Opname [pixel_sums] specified in [--out_nodes] is not found in the model" in refused(done, om)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["--modle=x"], "E10003.*unknown command line flag 'modle'", id="unknown-flag"),
        pytest.param(["stray"], "E10003.*Non-option parameter: stray", id="stray-word"),
        pytest.param(["--log"], "E10003.*flag '--log' is missing its argument", id="no-argument"),
        pytest.param(["--framework=4"], r"E10007.*\[--framework\] is required. The value must be", id="framework"),
        pytest.param(["--framework=3"], r"E10001.*Value \[3\] for parameter \[--framework\]", id="not-onnx"),
        pytest.param(["--soc_version=310P3"], r"E10001.*\[310P3\] for parameter \[--soc_version\]", id="prefix"),
        pytest.param(["--input_format=NHWC"], "E10001.*must be NCHW, ND or NCDHW in ONNX", id="format"),
        pytest.param(["--precision_mode=fp16"], "E10001.*precision_mode.*valid range.*force_fp16", id="precision"),
        pytest.param(["--log=loud"], r"E10010.*Value \[loud\] for parameter \[--log\]", id="log"),
        pytest.param(["--sparsity=2"], "E10006.*either 1 or 0", id="switch"),
        pytest.param(["--model=no.onnx"], r"E10410.*File \[no.onnx\] does not exist", id="no-model"),
        pytest.param(["--keep_dtype=no.cfg"], r"E10410.*File \[no.cfg\] does not exist", id="no-side-file"),
        pytest.param(["--insert_op_conf=no.cfg"], r"E10410.*File \[no.cfg\] does not exist", id="no-aipp"),
        pytest.param(["--model=/proc/version"], "E10041.*Failed to load the model", id="no-onnx-file"),
        pytest.param(["--output=somewhere/"], "E10022.*does not include the file name", id="output-is-folder"),
        pytest.param(
            ["--precision_mode=force_fp16", "--precision_mode_v2=fp16"],
            r"E10056.*\[--precision_mode\] and \[--precision_mode_v2\] simultaneously",
            id="both-precision-modes",
        ),
        pytest.param(["--input_shape_range=image:[1~4,3,4,6]"], "E10055.*does not simulate", id="not-simulated"),
        pytest.param(["--dynamic_batch_size=1,2"], "E10004.*input_shape. is empty", id="gears-without-shape"),
        pytest.param(
            ["--input_fp16_nodes=image", "--insert_op_conf=x.cfg"], "E10034.*must not be of type fp16", id="fp16-aipp"
        ),
        pytest.param(
            [], r"E10001.*Value \[-1\] for parameter \[image\].*maybe you should set input_shape", id="no-shape"
        ),
        pytest.param(["--input_shape=images:2,3,4,6"], r"E10016.*\[images\].*\[--input_shape\]", id="input-name"),
        pytest.param(["--input_shape=image"], "E10002.*is not name:size,size", id="shape-form"),
        pytest.param(["--input_shape=image:2,3,4,x"], r"E10002.*\[x\] is not an integer", id="shape-number"),
        pytest.param(["--input_shape=image:-1,3,4,6"], "E10011.*error value in the shape is -1", id="shape-sign"),
        pytest.param(["--input_shape=image:2,3,4"], r"E10049.*\[3\].*does not match dimension count \[4\]", id="rank"),
        pytest.param(["--input_shape=image:2,3,5,6"], "E10001.*the model fixes this axis", id="fixed-axis"),
        pytest.param(["--input_shape=image:4~1,3,4,6"], "E10001.*must begin with its least size", id="shape-range"),
        pytest.param([SHAPE, "--out_nodes=:0"], r"E10016.*Opname \[\]", id="empty-node-name"),
        pytest.param([SHAPE, "--out_nodes=boxes_a:1"], "E10003.*output index:1 must be smaller", id="index"),
        pytest.param([SHAPE, "--out_nodes=boxes_a:x"], "E10001.*must be a non-negative integer", id="index-text"),
        pytest.param([SHAPE, "--out_nodes=boxes_a:0;scores_a"], "E10001.*cannot be mixed", id="mixed-forms"),
        pytest.param([SHAPE, "--out_nodes=boxes_c"], r"E10016.*Opname \[boxes_c\]", id="output-name"),
        pytest.param([SHAPE, "--out_nodes=boxes_a:0;boxes_a:0"], "E10001.*more than once", id="twice"),
    ],
)
def test_refusals(atc: Callable[..., tuple[Run, Path]], flags: Sequence[str], message: str) -> None:
    run, om = atc()
    assert re.match(message, refused(run(*flags), om))


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        pytest.param("framework", r"E10007.*\[--framework\] is required", id="framework"),
        pytest.param("model", r"E10054.*required parameter \[--model\] for ATC is empty", id="model"),
        pytest.param("output", r"E10054.*\[--output\]", id="output"),
        pytest.param("soc_version", r"E10054.*\[--soc_version\]", id="soc-version"),
    ],
)
def test_required_flags(atc: Callable[..., tuple[Run, Path]], flag: str, message: str) -> None:
    run, om = atc(without=flag)
    assert re.match(message, refused(run(SHAPE), om))


@pytest.mark.parametrize(
    ("cann", "flags", "message"),
    [
        pytest.param("6.0.RC1", ["--precision_mode_v2=fp16"], "E10003: Value.*unknown command line", id="v2-in-6"),
        pytest.param("7.0.0", [SHAPE, "--out_nodes=boxes_a"], "E10001: Value.*must be formatted as", id="names-in-7"),
        pytest.param("7.0.0", [SHAPE, "--out_nodes=x:0"], r"E10016: Opname \[x\] specified", id="plain"),
        pytest.param(
            "8.0.0",
            [SHAPE, "--out_nodes=x:0"],
            r"E10016: \[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3} Opname \[x\]",
            id="stamped",
        ),
    ],
)
def test_releases_differ(atc: Callable[..., tuple[Run, Path]], cann: str, flags: Sequence[str], message: str) -> None:
    run, om = atc(cann=cann)
    assert re.match(message, refused(run(*flags), om))


def test_what_is_wrong_with_the_command_line_is_on_stderr_too(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, _ = atc()
    assert run("--out_node=x").stderr == "ERROR: unknown command line flag 'out_node'\n"


def test_single_dashes_hyphens_and_the_last_of_several(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc()
    assert run("-input-shape", "image:9,3,4,6", SHAPE).returncode == 0
    assert read_om(om).inputs[0].shape[0] == 2


def test_output_type(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc()
    assert run(SHAPE, "--output_type=FP16", "--out_nodes=boxes_a:0").returncode == 0
    assert read_om(om).outputs[0].dtype == "float16"


def test_help(host: Callable[..., Run]) -> None:
    done = host()("atc", "--help")
    assert done.returncode == 0
    assert "usage: atc <args>" in done.stdout


@pytest.mark.parametrize("code", ["E10016", "E40021", "EZ3003"])
def test_fault_code(atc: Callable[..., tuple[Run, Path]], code: str) -> None:
    run, om = atc(faults=[f"atc-code:{code}"])
    assert refused(run(SHAPE), om).startswith(f"{code}: ")


STAMP = r"\[PID: \d+\] \d{4}(-\d\d){2}-\d\d:\d\d:\d\d(\.\d{3}){2}"


@pytest.mark.parametrize(
    ("cann", "code", "first"),
    [
        ("6.0.1", "E10016", r"E10016: Opname \[Softmax_0\]"),
        ("8.0.0", "E10016", rf"E10016: {STAMP} Opname \[Softmax_0\]"),
        ("8.3.RC1", "E10016", rf"E10016{STAMP} \(Invalid_Argument_Operator_Name\):  Opname \[Softmax_0\]"),
        ("6.0.RC1", "EZ9999", r"EZ9999: Inner Error!\nEZ9999  \[InferShape\] The k-axis"),
        ("8.2.RC1", "EZ9999", rf"EZ9999: Inner Error!\nEZ9999: {STAMP} \[InferShape\] The k-axis"),
        ("9.0.0", "EZ9999", rf"EZ9999: Inner Error!\nEZ9999{STAMP} \(EZ9999\):  \[InferShape\] The k-axis"),
        ("9.0", "EZ3003", rf"EZ3003{STAMP} \(Unsupported_Operator\):  No supported Ops kernel"),
    ],
)
def test_errors_have_the_form_of_the_release(
    atc: Callable[..., tuple[Run, Path]], cann: str, code: str, first: str
) -> None:
    run, om = atc(faults=[f"atc-code:{code}"], cann=cann)
    done = run(SHAPE)
    assert (done.returncode, om.exists()) == (255, False)
    assert re.search(rf"Try 'atc --help' for more information\n{first}", done.stdout), done.stdout


def test_an_error_has_all_its_parts(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc(faults=["atc-code:EZ3003"], cann="6.0.1")
    done = run(SHAPE)
    assert not om.exists()
    assert [line.split(":")[0].strip() for line in done.stdout.partition("EZ3003:")[2].splitlines()][1:] == [
        "Possible Cause",
        "Solution",
        "TraceBack (most recent call last)",
        "build graph failed, graph id",
    ]


def test_fault_silent(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc(faults=["atc-silent"])
    done = run(SHAPE)
    assert (done.returncode, om.exists()) == (0, False)
    assert "ATC run success" in done.stdout


def test_fault_crash(atc: Callable[..., tuple[Run, Path]]) -> None:
    run, om = atc(faults=["atc-crash"])
    done = run(SHAPE)
    assert (done.returncode, done.stdout) == (-11, STARTED)
    with pytest.raises(OmError, match="damaged"):
        read_om(om)


def test_fault_hang(stuck: Callable[..., None], onnx_file: Path, tmp_path: Path) -> None:
    flags = ["--framework=5", "--soc_version=Ascend310P3", f"--model={onnx_file}", f"--output={tmp_path / 'model'}"]
    stuck("atc", *flags, SHAPE, after="ATC start working now", faults=["atc-hang"])
    assert not (tmp_path / "model.om").exists()


def test_a_real_om_is_no_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "real.om"
    path.write_bytes(b"IMOD" + bytes(100))
    with pytest.raises(OmError, match=r"not a stand-in \.om; only the stand-in's own atc"):
        read_om(path)
