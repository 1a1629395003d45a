"""``infer.tool: ais_bench-cli``: whole runs on stand-ins, beside the same runs in process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from places import SAMPLE
from zoo_runner.output.names import FILES, INVENTORY, ORIGIN
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

Machines: TypeAlias = "Callable[..., ZooRun]"
COMMAND = ("--set", "infer.tool=ais_bench-cli")
TRIAL = ("trial.yaml", "--backend", "ascend", "--output", "out", *COMMAND)
LEFT = {"inputs", "logs", INVENTORY, *FILES}
"""What a run leaves that failed while the command ran."""


@pytest.fixture
def converted(trial: ZooRun, tmp_path_factory: pytest.TempPathFactory, cache_of_all_tests: Path) -> Path:
    """A store with the trial's .om and no predictions."""
    cache = cache_of_all_tests.with_name("converted-trial")
    if not cache.exists():
        host = tmp_path_factory.mktemp("host") / "h"
        made = _on(trial, stand_in_environment(host)).given(ZOO_RUNNER_CACHE=cache)
        done = made(*TRIAL[:5], "--until", "convert")
        assert done.returncode == 0, done.stdout + done.stderr
        shutil.rmtree(trial.folder / "out")
    return cache


@pytest.fixture
def machine(trial: ZooRun, converted: Path, tmp_path: Path) -> Machines:
    """Make a machine with stand-ins, on which the trial was converted and never run."""

    def make(*faults: str, devices: int = 1) -> ZooRun:
        cache = tmp_path / "own-cache"
        shutil.copytree(converted, cache)
        host = stand_in_environment(tmp_path / "host", faults=faults, devices=devices)
        return _on(trial, host).given(ZOO_RUNNER_CACHE=cache, ZOO_RUNNER_DEVICE_TIMEOUT="6")

    return make


def _on(run: ZooRun, host: Mapping[str, str]) -> ZooRun:
    """Return the same on a machine with stand-ins; both may add to the import path."""
    added = {name: value for name, value in host.items() if os.environ.get(name) != value}
    paths = (host["PYTHONPATH"], run.variables.get("PYTHONPATH"))
    return run.given(**{**added, "PYTHONPATH": os.pathsep.join(str(path) for path in paths if path)})


@pytest.mark.parametrize(("outfmt", "devices"), [("BIN", "0"), ("NPY", "0,1,2"), ("TXT", "0,1,2")])
@pytest.mark.long_rows("TXT-0,1,2", "NPY-0,1,2")
def test_the_verdict_and_the_files(machine: Machines, outfmt: str, devices: str) -> None:
    run = machine(devices=3)
    done = run(*TRIAL, "--device", devices, "--set", f"infer.outfmt={outfmt}", "--set", "infer.batch=4")
    assert done.returncode == 0, done.stdout + done.stderr
    report = run.report()
    assert report["metrics"][0]["value"] == 100
    out = run.folder / "out"
    kept = {each["name"]: each["path"] for each in report["artifacts"]}
    assert kept["inputs"] == "out/inputs"
    assert kept["results"] == "out/results"
    assert kept["ais_bench log"] == "out/logs/ais_bench.log"
    folders = [out / "results"] if devices == "0" else [out / "results" / f"device{i}" for i in range(3)]
    assert sum(len(list(folder.glob(f"*.{outfmt.lower()}"))) for folder in folders) == 150
    assert not list(out.glob(".ais_bench-*"))


@pytest.mark.long
def test_one_model_for_all_batch_sizes_is_told_which(machine: Machines) -> None:
    run = machine()
    done = run(*TRIAL, *("--set", "atc.dynamic_batch_size=[1, 4]"), *("--set", "infer.batch=4"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.report()["metrics"][0]["value"] == 100
    logs = run.folder / "out" / "logs"
    assert " --batchsize 4 " in (logs / "ais_bench.log").read_text()
    assert " --dymBatch 4\n" in (logs / "ais_bench.log").read_text()
    assert " --dymBatch 1\n" in (logs / "ais_bench_bs1.log").read_text()


def test_a_second_run_infers_nothing_and_a_change_of_tool_does(machine: Machines) -> None:
    run = machine("slow:1")
    for expected in ("150 of 150 samples", "150 predictions reused"):
        assert run(*TRIAL).returncode == 0
        (infer,) = [stage for stage in run.report()["stages"] if stage["name"] == "infer"]
        assert expected in infer["why"]
    assert "ais_bench log" not in {each["name"] for each in run.report()["artifacts"]}
    assert run(*TRIAL, "--set", "infer.tool=in-process").returncode == 0
    (infer,) = [stage for stage in run.report()["stages"] if stage["name"] == "infer"]
    assert "150 of 150 samples" in infer["why"]


def test_until_infer_leaves_files_that_can_be_scored(machine: Machines) -> None:
    run = machine(devices=2)
    assert run(*TRIAL, "--device", "0,1", "--until", "infer").returncode == 0
    assert {each["name"] for each in run.report()["artifacts"]} >= {"inputs", "results", "ais_bench log"}
    done = run("trial.yaml", "--output", "out", "--from", "postprocess")
    assert (done.returncode, run.report()["metrics"][0]["value"]) == (0, 100), done.stdout + done.stderr


def leave_results(out: Path) -> None:
    """As an earlier run would."""
    (out / "results").mkdir(parents=True)
    (out / "results" / "0000001_0.bin").write_bytes(b"of an earlier run")
    (out / "results" / ORIGIN).write_text("{}")


@pytest.mark.parametrize(
    ("fault", "devices", "told"),
    [
        pytest.param("device-lost:0:3", "0", "ais_bench failed on device 0 (exit code 1)", id="lost"),
        pytest.param("device-lost:1:3", "0,1", "ais_bench failed on device 0, 1 (exit code 1)", id="one of two lost"),
        pytest.param("short-summary", "0", "missing throughput, npu_compute_time_list", id="summary"),
        pytest.param("short-summary", "0,1", "device0_summary.json: expected the keys", id="summaries"),
        pytest.param(
            "wrong-size", "0", "ais_bench's results: 150 problem(s), nothing was scored\n  short: ", id="size"
        ),
        pytest.param("nan-output", "0", "_0.bin (scores) has 1 of 4 values NaN or infinite; nothing was", id="nan"),
        pytest.param("hang:0:3", "0", "gave no sign of life for 6 s and was stopped", id="hang"),
    ],
)
@pytest.mark.long_rows("hang", "summary", "size", "nan", "lost")
def test_faults_end_in_an_error_and_leave_nothing_half_made(
    machine: Machines, fault: str, devices: str, told: str
) -> None:
    run = machine(fault, devices=2)
    out = run.folder / "out"
    leave_results(out)
    done = run(*TRIAL, "--device", devices)
    assert done.returncode == 3, done.stdout + done.stderr
    report = run.report()
    assert (report["verdict"], report["metrics"], report["performance"]) == ("error", [], [])
    assert told in report["why"][0]
    assert {path.name for path in out.iterdir()} == {*LEFT, "results"}
    assert [path.read_bytes() for path in (out / "results").glob("*.bin")] == [b"of an earlier run"]
    assert not list((run.cache / "predictions").glob("[0-9a-f]*"))


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_command_too(machine: Machines) -> None:
    run = machine("hang:0:3").given(ZOO_RUNNER_DEVICE_TIMEOUT="600")
    process = run.start(*TRIAL)
    log = run.folder / "out" / "logs" / "ais_bench.log"
    deadline = time.monotonic() + 60
    while not (log.exists() and "warm up 1 done" in log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {path.name for path in (run.folder / "out").iterdir()} <= LEFT
    assert not [line for line in _running() if str(run.folder) in line]


def _running() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # ended meanwhile
            yield path.read_text(errors="replace")


def test_garbage_that_repeats_is_never_scored(machine: Machines) -> None:
    """Of results that cannot be, none are put in place."""
    run = machine("corrupt-output")
    leave_results(run.folder / "out")
    for until in ((), ("--until", "infer")):
        assert run(*TRIAL, *until).returncode == 3
        report = run.report()
        assert (report["verdict"], report["metrics"]) == ("error", [])
        assert "a stale buffer, a copy or a constant" in report["why"][0]
        assert [path.read_bytes() for path in (run.folder / "out" / "results").glob("*.bin")] == [b"of an earlier run"]


def test_the_timing_is_the_commands(machine: Machines) -> None:
    run = machine("slow:12.5")
    done = run(*TRIAL, "--set", "benchmark.batch=[1, 4]", "--set", "benchmark.loop=7")
    assert done.returncode == 0, done.stdout + done.stderr
    for batch, timing in zip((1, 4), run.report()["performance"], strict=True):
        assert (timing["batch"], timing["loops"], timing["mean_ms"], timing["p99_ms"]) == (batch, 7, 12.5, None)
        assert timing["throughput"] == 1000 * batch / 12.5
        log = (run.folder / "out" / "logs" / f"ais_bench_bs{batch}.log").read_text()
        assert f"--batchsize {batch} --output " in log
        assert "--loop 7 --warmup_count 5" in log
        assert "--input" not in log


def test_another_backend_is_refused(trial: ZooRun) -> None:
    for more in ((), ("--dry-run",)):
        done = trial("trial.yaml", "--backend", "onnxruntime", "--output", "out", *COMMAND, *more)
        assert done.returncode == 2
        assert "runs .om files on the backend ascend, found onnxruntime; give --backend ascend" in done.stderr
    assert not (trial.folder / "out").exists()


def test_the_plan_shows_the_command(machine: Machines) -> None:
    done = machine(devices=2)(*TRIAL, "--device", "0,1", "--limit", "1", "--dry-run")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if " -m ais_bench " in line]
    assert "  will write 16 bytes of inputs and 16 bytes of results to out" in done.stdout.splitlines()
    assert line.endswith("--input out/inputs --output out --output_dirname results --outfmt BIN --device 0")


@pytest.mark.parametrize(
    ("outfmt", "devices"),
    [
        ("BIN", "0"),
        pytest.param("NPY", "0,1,2", marks=pytest.mark.long),
        pytest.param("TXT", "0", marks=pytest.mark.long),
    ],
)
@pytest.mark.long
def test_the_sample_is_scored_as_in_process(zoo_run: ZooRun, tmp_path: Path, outfmt: str, devices: str) -> None:
    """Twenty-one images, which neither the batch nor the devices divide."""
    run = _on(zoo_run, stand_in_environment(tmp_path / "host", devices=3))
    same = (SAMPLE, "--backend", "ascend", "--limit", "21", "--batch-size", "4", "--until", "evaluate")
    values = []
    for output, more in (
        ("in-process", ()),
        ("command", (*COMMAND, "--set", f"infer.outfmt={outfmt}", "--device", devices)),
    ):
        done = run(*same, "--output", output, *more)
        assert done.returncode == 0, done.stdout + done.stderr
        values.append([(each["name"], each["protocol"], each["value"]) for each in run.report(output)["metrics"]])
    first, second = ((tmp_path / output / "predictions.npz").read_bytes() for output in ("in-process", "command"))
    if outfmt == "TXT":  # six digits after the point
        assert [value for _, _, value in values[1]] == pytest.approx([value for _, _, value in values[0]], abs=0.1)
        one, other = (np.load(tmp_path / output / "predictions.npz") for output in ("in-process", "command"))
        assert abs(len(one["scores"]) - len(other["scores"])) <= 2
    else:
        assert first == second
        assert values[0] == values[1]
    names = json.loads((tmp_path / "command" / "report.json").read_text())["environment"]["chip"]
    assert names == "310P3 stand-in"
