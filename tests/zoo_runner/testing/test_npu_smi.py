from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

Run: TypeAlias = Callable[..., subprocess.CompletedProcess[str]]
CHIP_LINE = "| 0       310P3                 | OK              | 15.8         42                0    / 0              |"


def test_chip_line_is_the_documented_one(host: Callable[..., Run]) -> None:
    lines = host()("npu-smi", "info").stdout.splitlines()
    assert CHIP_LINE in lines
    assert len({len(line) for line in lines}) == 1
    assert lines[-2].startswith("| No running processes found in NPU 0 ")


@pytest.mark.parametrize(
    ("faults", "health", "temperature", "memory", "processes"),
    [
        pytest.param([], "OK", 42, 1637, [], id="quiet"),
        pytest.param(["unhealthy"], "Alarm", 42, 1637, [], id="unhealthy"),
        pytest.param(["hot"], "OK", 104, 1637, [], id="hot"),
        pytest.param(["busy"], "OK", 42, 9829, ["4242"], id="busy"),
    ],
)
def test_faults_show(
    host: Callable[..., Run],
    faults: Sequence[str],
    health: str,
    temperature: int,
    memory: int,
    processes: Sequence[str],
) -> None:
    text = host(devices=2, chip="910B3", faults=faults)("npu-smi", "info").stdout
    chips = re.findall(r"^\| (\d+) +910B3 +\| (\w+) +\| [\d.]+ +(\d+) ", text, re.MULTILINE)
    assert chips == [(number, health, str(temperature)) for number in ("0", "32")]
    devices = re.findall(r"^\| 0 +(\d) +\| 0000:\w\w:00.0 +\| \d+ +(\d+) / 21534 ", text, re.MULTILINE)
    assert devices == [("0", str(memory)), ("1", str(memory))]
    listed = re.findall(r"^\| (?:0|32) +0 +\| (\d+) +\| python3 +\| 8192 ", text, re.MULTILINE)
    assert listed == [*processes, *processes]
    assert text.count("No running processes found in NPU") == (0 if processes else 2)


def test_a_process_that_holds_a_device_is_listed_until_it_ends(host: Callable[..., Run], om_file: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from ais_bench.infer.interface import InferSession\n"
        "def listed():\n"
        "    return f' {os.getpid()} ' in subprocess.check_output(['npu-smi', 'info'], text=True)\n"
        "session = InferSession(0, sys.argv[1])\n"
        "print(listed(), file=sys.stderr)\n"
        "session.finalize()\n"
        "print(listed(), file=sys.stderr)"
    )
    run = host()
    done = run(sys.executable, "-c", code, str(om_file))
    assert done.stderr.split() == ["True", "False"]
    assert "No running processes" in run("npu-smi", "info").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        pytest.param(["-v"], 0, "npu-smi version: 22.0.4-stand-in", id="version"),
        pytest.param(["--help"], 0, "usage: npu-smi info", id="help"),
        pytest.param([], 1, "usage: npu-smi info", id="nothing"),
        pytest.param(["info", "-t", "board"], 1, "usage: npu-smi info", id="not-simulated"),
    ],
)
def test_other_commands(host: Callable[..., Run], arguments: list[str], code: int, text: str) -> None:
    done = host()("npu-smi", *arguments)
    assert done.returncode == code
    assert text in done.stdout
