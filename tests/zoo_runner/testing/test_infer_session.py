from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
Compute: TypeAlias = "Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]"
HEAD = """
import json, sys
import numpy as np
from ais_bench.infer.interface import InferSession, MemorySummary
def say(**facts):
    print(json.dumps(facts), file=sys.stderr)
def attempt(function, *arguments):
    try:
        return function(*arguments)
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
om, data = sys.argv[1:3]
"""


@pytest.fixture
def script(
    host: Callable[..., Run], om_file: Path, images: NDArray[np.float32], tmp_path: Path
) -> Callable[..., tuple[list[dict[str, Any]], str]]:
    """Run Python on a host and return what it said and what the runtime printed."""
    data = tmp_path / "images.npy"
    np.save(data, images)

    def run(code: str, **traits: object) -> tuple[list[dict[str, Any]], str]:
        done = host(**traits)(sys.executable, "-c", HEAD + code, str(om_file), str(data))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stderr.splitlines()], done.stdout

    return run


Script: TypeAlias = Callable[..., tuple[list[dict[str, Any]], str]]


def test_descriptors(script: Script) -> None:
    (image, *outputs), log = script("""
session = InferSession(0, om)
for desc in (*session.get_inputs(), *session.get_outputs()):
    say(name=desc.name, shape=list(desc.shape), type=desc.datatype.name, number=int(desc.datatype),
        format=desc.format, realsize=desc.realsize, size=desc.size)
session.finalize()
""")
    numbers = {"number": 0, "format": 0, "realsize": 576, "size": 576}
    assert image == {"name": "image", "shape": [2, 3, 4, 6], "type": "float32"} | numbers
    assert [out["shape"] for out in outputs] == [[2, 5, 4], [2, 5, 2], [2, 5, 4], [2, 5, 3]]
    assert log.splitlines() == [
        "[INFO] acl init success",
        "[INFO] open device 0 success",
        *[line for line in log.splitlines() if line.startswith("[INFO] load model ")],
        "[INFO] create model description success",
        "[INFO] unload model success, model Id is 1",
        "[INFO] end to destroy context",
        "[INFO] end to reset device is 0",
        "[INFO] end to finalize acl",
    ]


def test_infers_in_the_order_of_the_om(script: Script, images: NDArray[np.float32], expected: Compute) -> None:
    said, _ = script("""
session = InferSession(device_id=0, model_path=om)
images = np.load(data)[:2]
outputs = session.infer([images])
say(outputs=[output.tolist() for output in outputs])
transposed = np.asfortranarray(images)
say(contiguous=transposed.flags.c_contiguous,
    same=bool(np.array_equal(session.infer([transposed])[0], outputs[0])))
session.finalize()
""")
    for found, wanted in zip(said[0]["outputs"], expected(images[:2]), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)
    assert said[1] == {"contiguous": False, "same": False}, "memory is read by address, whatever its order"


def test_measures(script: Script) -> None:
    said, log = script("""
session = InferSession(0, om)
batch = np.zeros((2, 3, 4, 6), np.float32)
session.infer([batch])
session.set_loop_count(3)
session.infer([batch])
say(times=session.sumary().exec_time_list, h2d=len(MemorySummary.get_H2D_time_list()),
    d2h=len(MemorySummary.get_D2H_time_list()))
session.reset_sumaryinfo()
MemorySummary.reset()
say(times=session.sumary().exec_time_list, h2d=MemorySummary.get_H2D_time_list())
session.finalize()
""")
    assert len(said[0]["times"]) == 4
    assert all(time > 0 for time in said[0]["times"])
    assert (said[0]["h2d"], said[0]["d2h"]) == (2, 8)
    assert said[1] == {"times": [], "h2d": []}
    assert "loop inference exec: (3/3)" in log


FAILURE = "RuntimeError: [-1][ACL: general failure] "
INFER = "session.infer([np.zeros((2, 3, 4, 6), np.float32)])"


@pytest.mark.parametrize(
    ("code", "error", "line"),
    [
        pytest.param(
            "session.infer([np.zeros((1, 3, 4, 6), np.float32)])",
            FAILURE,
            "[ERROR] Check i:0 name:image in size:288 needsize:576 not match",
            id="too-few-bytes",
        ),
        pytest.param(
            "session.infer([np.zeros((2, 3, 4, 6))])",
            FAILURE,
            "[ERROR] Check i:0 name:image in size:1152 needsize:576 not match",
            id="too-many-bytes",
        ),
        pytest.param("session.infer([])", FAILURE, "[WARN] intensors in:0 need:1 not match", id="no-input"),
        pytest.param(
            "session.infer([[0.0]])", "RuntimeError: type:<class 'list'> invalid", "[INFO] acl", id="no-array"
        ),
        pytest.param(
            "session.infer([np.load(data, mmap_mode='r')[:2]])",
            "RuntimeError: type:<class 'numpy.memmap'> invalid",
            "[INFO] acl",
            id="array-subclass",
        ),
        pytest.param(
            f"{INFER[:-1]}, 'dymshape')", FAILURE, "[ERROR] the dymShape parameter set error", id="dynamic-shape"
        ),
        pytest.param(
            "InferSession(1, om)",
            "RuntimeError: [107001][Error code unknown] ",
            "[ERROR] acl open device 1 failed",
            id="no-such-device",
        ),
        pytest.param(
            "InferSession(0, data)",
            "RuntimeError: [1][ACL: invalid parameter] ",
            "[ERROR] load model from file failed, model file is ",
            id="no-om",
        ),
        pytest.param(
            "InferSession(0, 'missing.om')",
            "RuntimeError: [1][ACL: invalid parameter] ",
            "[ERROR] load model from file failed, model file is missing.om",
            id="no-file",
        ),
        pytest.param(
            "import pathlib; InferSession(0, pathlib.Path(om))",
            "TypeError: __init__(): incompatible constructor arguments.",
            "[INFO] acl",
            id="path-object",
        ),
        pytest.param(f"session.finalize(); {INFER}", FAILURE, "[INFO] end to finalize acl", id="infer-after-finalize"),
        pytest.param(
            "session.finalize(); InferSession(0, om)",
            FAILURE,
            "[ERROR] acl open device 0 failed",
            id="open-after-finalize",
        ),
    ],
)
def test_refusals(script: Script, code: str, error: str, line: str) -> None:
    said, log = script(f"session = InferSession(0, om)\ndef act():\n    {code}\nattempt(act)")
    assert said[0]["error"].startswith(error)
    assert any(printed.startswith(line) for printed in log.splitlines())


def test_an_om_for_another_chip_does_not_load(script: Script) -> None:
    said, log = script("attempt(InferSession, 0, om)", chip="910B3")
    assert said == [{"error": "RuntimeError: [1][ACL: invalid parameter] "}]
    assert "the model is for soc_version[Ascend310P3], device 0 is Ascend910B3" in log


def test_two_sessions_end_together(script: Script) -> None:
    said, _ = script(
        """
first, second = InferSession(0, om), InferSession(1, om)
batch = np.zeros((2, 3, 4, 6), np.float32)
say(same=bool(np.array_equal(first.infer([batch])[0], second.infer([batch])[0])))
first.finalize()
attempt(second.infer, [batch])
say(again=second.finalize())
""",
        devices=2,
    )
    assert said == [{"same": True}, {"error": "RuntimeError: [-1][ACL: general failure] "}, {"again": None}]


RUNS = """
session = InferSession(0, om)
batch = np.load(data)[:2]
for _ in range(3):
    outputs = attempt(session.infer, [batch])
    if outputs is not None:
        say(shapes=[list(output.shape) for output in outputs], finite=[bool(np.isfinite(o).all()) for o in outputs],
            first=[float(output.flat[0]) for output in outputs])
say(times=session.sumary().exec_time_list)
"""


def test_fault_device_lost_stays_lost(script: Script) -> None:
    said, log = script(RUNS + "attempt(InferSession, 0, om)", faults=["device-lost:0:1"])
    assert "shapes" in said[0]
    assert [fact.get("error") for fact in said[1:3]] == ["RuntimeError: [-1][ACL: general failure] "] * 2
    assert len(said[3]["times"]) == 1
    assert "[ERROR] execute model failed, modelId is 1" in log
    assert "device 0 is lost" in log


def test_fault_device_lost_stays_lost_for_other_processes(host: Callable[..., Run], om_file: Path) -> None:
    run = host(faults=["device-lost:0:0"])
    code = HEAD + "session = InferSession(0, om)\nattempt(session.infer, [np.zeros((2, 3, 4, 6), np.float32)])"
    first, second = (run(sys.executable, "-c", code, str(om_file), "-") for _ in range(2))
    assert first.returncode == 0
    assert second.returncode == 1
    assert "[107001]" in second.stderr


def test_fault_device_crash(host: Callable[..., Run], om_file: Path) -> None:
    code = """
session = InferSession(0, om)
for i in range(3):
    session.infer([np.zeros((2, 3, 4, 6), np.float32)])
    say(done=i)
"""
    done = host(faults=["device-crash:0:2"])(sys.executable, "-c", HEAD + code, str(om_file), "-")
    assert done.returncode == -9
    assert done.stderr.splitlines()[-1] == '{"done": 1}'


def test_fault_hang(stuck: Callable[..., None], om_file: Path) -> None:
    code = """
session = InferSession(0, om)
for i in range(2):
    session.infer([np.zeros((2, 3, 4, 6), np.float32)])
    print("done", i, flush=True)
"""
    command = (sys.executable, "-c", HEAD + code, str(om_file), "-")
    stuck(*command, after="done 0", faults=["hang:0:1"])


def test_faults_of_other_devices_do_not_strike(script: Script) -> None:
    said, _ = script(RUNS, faults=["device-lost:1:0", "hang:1:0", "device-crash:1:0"], devices=2)
    assert len(said[3]["times"]) == 3


@pytest.mark.parametrize(
    ("fault", "shape", "finite", "changed"),
    [
        pytest.param("nan-output", [2, 5, 4], False, [], id="nan"),
        pytest.param("corrupt-output", [2, 5, 4], True, [0, 1, 2, 3], id="garbage"),
        pytest.param("swap-outputs", [2, 5, 4], True, [0, 2], id="swapped"),
        pytest.param("zero-outputs", [2, 5, 4], True, [0, 1, 2, 3], id="zeros"),
        pytest.param("scaled-outputs", [2, 5, 4], True, [0, 1, 2, 3], id="scaled"),
        pytest.param("wrong-size", [2, 4, 4], True, [], id="short"),
    ],
)
def test_fault_of_outputs(
    script: Script,
    images: NDArray[np.float32],
    expected: Compute,
    fault: str,
    shape: list[int],
    finite: bool,
    changed: list[int],
) -> None:
    said, _ = script(RUNS, faults=[fault])
    assert said[0]["shapes"][0] == shape
    assert said[0]["finite"] == [finite, True, True, True]
    firsts = [output.flat[0] for output in expected(images[:2])]
    differing = [i for i, first in enumerate(firsts) if not np.isclose(first, said[0]["first"][i], atol=1e-6)]
    assert differing == changed


def test_fault_slow_and_short(script: Script) -> None:
    said, _ = script(RUNS, faults=["slow:12.5"])
    assert said[3]["times"] == [12.5] * 3
    said, _ = script(RUNS, faults=["short-summary"])
    assert len(said[3]["times"]) == 1


def test_fault_wrong_chip(script: Script) -> None:
    said, log = script("attempt(InferSession, 0, om)", faults=["wrong-chip"])
    assert said == [{"error": "RuntimeError: [1][ACL: invalid parameter] "}]
    assert "device 0 is Ascend310 " in log
