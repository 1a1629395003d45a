"""The stand-in's runtime with open axes, as the sources of aclruntime have it: traps included."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import pytest

from geared_graphs import image_graph, text_graph
from zoo_runner.testing import stand_in_environment

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Script: TypeAlias = Callable[..., tuple[list[Any], str]]
FAILURE = "RuntimeError: [-1][ACL: general failure] "
OUT = "[ERROR] out i:1 size is zero"
HEAD = """
import json, sys
import numpy as np
from ais_bench.infer.interface import InferSession
om = json.loads(sys.argv[1])
def say(fact):
    print(json.dumps(fact), file=sys.stderr)
def attempt(function, *arguments, **named):
    try:
        outputs = function(*arguments, **named)
        say([list(np.asarray(each).shape) for each in outputs or []])
        return outputs
    except Exception as error:
        say(f"{type(error).__name__}: {error}")
def image(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Models with each kind of open axes."""
    folder = tmp_path_factory.mktemp("models")
    environment = stand_in_environment(folder / "host")
    image, text = image_graph(folder / "image.onnx"), text_graph(folder / "text.onnx")
    fixed = image_graph(folder / "fixed.onnx", 4, 6)
    commands = {
        "image": (image, "--input_shape=image:1,3,-1,-1", "--dynamic_image_size=8,16;16,8;4,4"),
        "dims": (text, "--input_shape=ids:1,-1;mask:1,-1", "--input_format=ND", "--dynamic_dims=2,2;6,6"),
        "batch": (fixed, "--input_shape=image:-1,3,4,6", "--dynamic_batch_size=1,4"),
        "range": (text, "--input_shape=ids:1,1~9;mask:1,1~9", "--input_format=ND"),
        "fixed": (fixed, "--input_shape=image:1,3,4,6"),
    }
    for name, (graph, *flags) in commands.items():
        command = ("atc", "--framework=5", "--soc_version=Ascend310P3", f"--model={graph}", f"--output={folder / name}")
        subprocess.run([*command, *flags], env=environment, check=True, capture_output=True, timeout=90)
    return {name: str(folder / f"{name}.om") for name in commands}


@pytest.fixture(params=[2023, 2024])
def script(host: Callable[..., Run], models: Mapping[str, str], request: pytest.FixtureRequest) -> Script:
    """Run Python on a host of either generation; return what it said and what the runtime printed."""

    def run(code: str, **traits: Any) -> tuple[list[Any], str]:
        run_ = host(generation=request.param, **traits)
        done = run_(sys.executable, "-c", HEAD + code, json.dumps(models))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stderr.splitlines()], done.stdout

    return run


def test_what_models_say_of_themselves(script: Script) -> None:
    said, _ = script("""
for name in ("image", "dims", "batch", "range"):
    session = InferSession(0, om[name])
    say([[list(desc.shape), desc.realsize, desc.size] for desc in (*session.get_inputs(), *session.get_outputs())])
session = InferSession(0, om["image"])
session.set_dynamic_hw(4, 4)
say([[list(desc.shape), desc.realsize, desc.size] for desc in session.get_inputs()])
""")
    assert said == [
        [[[1, 3, -1, -1], 1536, 1536], [[1, 3, 8], 96, 96], [[1, 3, 16], 192, 192], [[1, 3], 12, 12]],
        [[[1, -1], 48, 48], [[1, -1], 48, 48], [[1, 6], 24, 24], [[1, -1, 2], 0, 0]],
        [[[-1, 3, 4, 6], 1152, 1152], [[4, 3, 4], 192, 192], [[4, 3, 6], 288, 288], [[4, 3], 48, 48]],
        [[[1, -1], 0, 0], [[1, -1], 0, 0], [[1, -1], 0, 0], [[1, -1, 2], 0, 0]],
        [[[1, 3, -1, -1], 192, 1536]],
    ]


def test_the_first_number_of_an_image_size_is_the_height(script: Script) -> None:
    said, log = script("""
session = InferSession(0, om["image"])
given = image(1, 3, 16, 8)
session.set_dynamic_hw(16, 8)
rows, columns, mean = attempt(session.run, [given], out_array=True)
say(bool(np.allclose(rows, given.sum(3)) and np.allclose(columns, given.sum(2))))
session.set_dynamic_hw(w=8, h=16)
wrong = attempt(session.run, [given], out_array=True)
""")
    assert said == [[[1, 3, 16], [1, 3, 8], [1, 3]], True, [[1, 3, 8], [1, 3, 16], [1, 3]]]
    assert log.count("[INFO] check dynamic image size success.") == 2, "as many bytes pass for another gear"


@pytest.mark.parametrize(
    ("model", "code", "error", "line"),
    [
        ("image", "session.run([image(1, 3, 8, 16)])", FAILURE, "[ERROR] execute model failed"),
        ("batch", "session.run([image(4, 3, 4, 6)])", FAILURE, "[ERROR] execute model failed"),
        ("dims", "session.run([np.zeros((1, 6), int)] * 2)", FAILURE, "[WARN] check failed dym gearcount:2"),
        (
            "range",
            "session.run([np.zeros((1, 6), int)] * 2)",
            FAILURE,
            "[ERROR] Check i:0 name:ids in size:48 needsize:0",
        ),
        ("image", "session.set_dynamic_hw(8, 8)", FAILURE, "[ERROR] the dymHW parameter is not correct"),
        ("image", "session.set_dynamic_batchsize(1)", FAILURE, "[ERROR] the dynamic_batch_size parameter is not spec"),
        ("batch", "session.set_dynamic_batchsize(2)", FAILURE, "[ERROR] model has dynamic batch size:{[1][4]}, please"),
        ("batch", "session.set_dynamic_batchsize('1')", "TypeError: incompatible", "[INFO]"),
        ("batch", "session.set_dynamic_dims('image:1,3,4,6')", FAILURE, "the dynamic_dims parameter is not specified"),
        ("dims", "session.set_dynamic_dims('ids:1,2;mask:1,6')", FAILURE, "[ERROR] dims[1]:[1][6][1][6]"),
        ("dims", "session.set_dynamic_dims('ids:1,2')", FAILURE, "[ERROR] the dymDims parameter is not correct i:0"),
        ("dims", "session.set_dynamic_dims('ids')", FAILURE, "[ERROR] find no : split"),
        ("dims", "session.set_dynamic_shape('ids:1,2;mask:1,2')", FAILURE, "[ERROR] the dymShape parameter set error"),
        (
            "dims",
            "session.set_dynamic_dims('ids:1,2;mask:1,2') or session.run([np.ones((1, 2), int)] * 2)",
            FAILURE,
            OUT,
        ),
        ("dims", "session.set_dynamic_hw(2, 2)", FAILURE, "[ERROR] the dynamic_image_size parameter is not specified"),
        (
            "range",
            "session.set_dynamic_shape('ids:1,2')",
            FAILURE,
            "[ERROR] om has 2 input, but dymShape para",
        ),
        (
            "range",
            "session.set_dynamic_shape('ids:1,2;masks:1,2')",
            FAILURE,
            "[ERROR] the dymShape parameter set error",
        ),
        ("range", "session.set_custom_outsize(100)", "TypeError: set_custom_outsize", "[INFO]"),
        ("range", "run_range(2)", FAILURE, "[ERROR] out i:0 size is zero"),
        ("range", "run_range(2, [100])", FAILURE, "[ERROR] out i:1 size is zero"),
        ("range", "run_range(2, [100, 0])", FAILURE, "[ERROR] out i:1 size is zero"),
        ("range", "run_range(9, [35, 1000])", FAILURE, "        output 0 needs 36 bytes of 35"),
        ("range", "run_range(10, [1000, 1000])", FAILURE, "E10050: Current dimension size is not in the range"),
        ("fixed", "session.set_dynamic_batchsize(1)", FAILURE, "[ERROR] the dynamic_batch_size parameter is not spec"),
    ],
)
def test_refusals(script: Script, model: str, code: str, error: str, line: str) -> None:
    said, log = script(f"""
session = InferSession(0, om["{model}"])
def run_range(length, sizes=None):
    session.set_dynamic_shape(f"ids:1,{{length}};mask:1,{{length}}")
    if sizes is not None:
        session.set_custom_outsize(sizes)
    session.run([np.zeros((1, length), int)] * 2)
attempt(lambda: {code})
""")
    assert said[0].startswith(error)
    assert any(printed.startswith(line) for printed in log.splitlines()), log


def test_ranges_and_dims(script: Script) -> None:
    said, _ = script("""
session = InferSession(0, om["range"])
ids, mask = np.array([[3, 4, 5]]), np.array([[0, 1, 1]])
scores, found = attempt(session.infer, [ids, mask], "dymshape", [1000, 1000])
say([scores.tolist(), found.tolist()])
attempt(session.infer, [ids[:, :1], mask[:, :1]], mode="dymshape")
attempt(session.infer, [ids, mask], "dymshape", (1, 2))
session = InferSession(0, om["dims"])
session.set_custom_outsize([1000, 1000])
attempt(session.infer, [np.ones((1, 2), int)] * 2, "dymdims")
attempt(session.infer, [np.ones((1, 3), int)] * 2, "dymdims")
""")
    assert said == [
        [[1, 3], [1, 2, 2]],
        [[[0.0, 4.0, 5.0]], [[[0, 1], [0, 2]]]],
        [[1, 1], [1, 0, 2]],
        "RuntimeError: custom_sizes:(1, 2) type:<class 'tuple'> invalid",
        [[1, 2], [1, 2, 2]],
        FAILURE,
    ]


def test_outputs_without_axes(script: Script) -> None:
    said, _ = script(
        """
session = InferSession(0, om["range"])
attempt(session.infer, [np.ones((1, 3), int)] * 2, "dymshape", 1000)
""",
        faults=["flat-outputs"],
    )
    assert said == [[[3], [6]]]


MODES = """
session = InferSession(0, om["batch"])
attempt(session.infer, [image(1, 3, 4, 6)], "dymbatch")
session.set_dynamic_batchsize(4)
attempt(session.infer, [image(4, 3, 4, 6)])
session = InferSession(0, om["image"])
attempt(session.infer, [image(1, 3, 4, 4)], "dymhw")
attempt(session.infer, [image(1, 3, 4, 4)], "dymany")
"""


def test_modes_that_2023_does_not_know(host: Callable[..., Run], models: Mapping[str, str]) -> None:
    ran, failed = [[1, 3, 4], [1, 3, 6], [1, 3]], FAILURE
    said = {
        year: host(generation=year)(sys.executable, "-c", HEAD + MODES, json.dumps(models)).stderr.splitlines()
        for year in (2023, 2024)
    }
    assert [json.loads(line) for line in said[2023]] == [failed, [[4, 3, 4], [4, 3, 6], [4, 3]], failed, failed]
    newer = [json.loads(line) for line in said[2024]]
    assert newer[:3] == [ran, failed, [[1, 3, 4], [1, 3, 4], [1, 3]]], "static takes back what was set"
    assert newer[3].startswith("RuntimeError: wrong infer_mode:dymany, only support")
