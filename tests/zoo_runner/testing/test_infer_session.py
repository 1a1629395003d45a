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
