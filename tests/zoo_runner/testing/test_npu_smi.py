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
    text = host(devices=2, chip="310P3", faults=faults)("npu-smi", "info").stdout
    chips = re.findall(r"^\| (\d+) +310P3 +\| (\w+) +\| [\d.]+ +(\d+) ", text, re.MULTILINE)
    assert chips == [(number, health, str(temperature)) for number in ("0", "32")]
    devices = re.findall(r"^\| 0 +(\d) +\| 0000:\w\w:00.0 +\| \d+ +(\d+) / 21534 ", text, re.MULTILINE)
    assert devices == [("0", str(memory)), ("1", str(memory))]
    listed = re.findall(r"^\| (?:0|32) +0 +\| (\d+) +\| python3 +\| 8192 ", text, re.MULTILINE)
    assert listed == [*processes, *processes]
    assert text.count("No running processes found in NPU") == (0 if processes else 2)


@pytest.mark.parametrize(
    ("traits", "lines"),
    [
        pytest.param(
            {"chip": "310B4", "smi": "23.0.0"},
            ["NPU Name Health", "Chip Device Bus-Id", "0 310B4 Alarm 15.8 42", "0 0 NA 0 3628 / 15609"],
            id="a board that is its own host",
        ),
        pytest.param(
            {"chip": "910B4", "smi": "25.0.0", "faults": ["busy"]},
            [
                "Chip Bus-Id AICore(%) Memory-Usage(MB) HBM-Usage(MB)",
                "1 910B4 OK",
                "0 0000:3C:00.0 87 0 / 0 11050 / 32768",
                "1 0 4242 python3 8192",
            ],
            id="HBM",
        ),
        pytest.param(
            {"chip": "910_9392", "smi": "26.0.rc2", "faults": ["busy"]},
            [
                "Chip Phy-ID Bus-Id",
                "0 Ascend910 OK",
                "1 1 0000:3C:00.0",
                "NPU Chip Process id Process name Process memory(MB) Process id in container",
                "0 1 4242 python3 8192 NA",
            ],
            id="two chips a card, process ids in containers",
        ),
        pytest.param({"faults": ["ill-card:1"]}, ["0 310P3 OK 15.8 42", "32 310P3 Alarm 15.8 97"], id="one is ill"),
    ],
)
def test_layouts(host: Callable[..., Run], traits: dict[str, object], lines: list[str]) -> None:
    text = host(devices=2, **traits)("npu-smi", "info").stdout
    shown = [" ".join(line.replace("|", " ").split()) for line in text.splitlines()]
    for line in lines:
        assert any(each.startswith(line) for each in shown), (line, text)
    assert len({len(line) for line in text.splitlines()}) == 1
    assert ("Process id" in text) is (traits.get("chip") != "310B4")


def test_a_process_counts_devices_as_its_variable_tells(host: Callable[..., Run], om_file: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from ais_bench.infer.interface import InferSession\n"
        "session = InferSession(0, sys.argv[1])\n"
        "text = subprocess.check_output(['npu-smi', 'info'], text=True)\n"
        "print([line for line in text.splitlines() if f' {os.getpid()} ' in line][0], file=sys.stderr)"
    )
    done = host(devices=2)("env", "ASCEND_RT_VISIBLE_DEVICES=1", sys.executable, "-c", code, str(om_file))
    assert done.stderr.startswith("| 32      0 ")


def test_a_host_without_it(host: Callable[..., Run]) -> None:
    done = host(faults=["no-npu-smi"])("sh", "-c", "command -v npu-smi || command -v atc")
    assert done.stdout.endswith("/bin/atc\n")


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
