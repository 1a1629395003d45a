"""``infer.tool: ais_bench-cli`` with open axes: whole runs on stand-ins of both generations."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest

from ascend_host import copied
from sized_files import GRIDS
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

Machines: TypeAlias = "Callable[..., ZooRun]"
SIZED = ("sized.yaml", "--backend", "ascend", "--output", "out", "--set", "infer.tool=ais_bench-cli")
CLOSED = ("--set", "atc.dynamic_image_size=[]")
DIMS = (
    *CLOSED,
    *("--set", "atc.input_format=ND"),
    *("--set", "atc.dynamic_dims=[{width: 8, height: 4}, {height: 8, width: 4}, {height: 8, width: 12}]"),
)
RANGE = (
    *CLOSED,
    *("--set", "atc.input_shape_range={height: [1, 8], width: [1, 12]}"),
    *("--set", "inputs.0.pad=null"),
    *("--set", "infer.batch=1"),
)
NPY = ("--set", "infer.outfmt=NPY")


@pytest.fixture(scope="session")
def exported(
    session_zoo_run: ZooRun, sized_site: Path, sized_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with the model exported, and nothing of it inferred."""
    store, folder = tmp_path_factory.mktemp("sized-store"), tmp_path_factory.mktemp("sized-run")
    shutil.copytree(sized_files, folder, dirs_exist_ok=True)
    run = replace(session_zoo_run, folder=folder).given(PYTHONPATH=sized_site, ZOO_RUNNER_CACHE=store)
    done = run("sized.yaml", "--backend", "onnxruntime", "--until", "export")
    assert done.returncode == 0, done.stdout + done.stderr
    return store


@pytest.fixture
def machine(zoo_run: ZooRun, sized_site: Path, sized_files: Path, exported: Path, tmp_path: Path) -> Machines:
    """Make a machine with stand-ins, beside a copy of the manifest and its files."""

    def make(*faults: str, devices: int = 1, generation: int = 2023) -> ZooRun:
        shutil.copytree(sized_files, zoo_run.folder, dirs_exist_ok=True)
        store = copied(exported, tmp_path / "store", "onnx")
        host = stand_in_environment(tmp_path / "host", faults=faults, devices=devices, generation=generation)
        added = {name: value for name, value in host.items() if os.environ.get(name) != value}
        added["PYTHONPATH"] = os.pathsep.join((host["PYTHONPATH"], str(sized_site)))
        return zoo_run.given(**added, ZOO_RUNNER_CACHE=store, ZOO_RUNNER_DEVICE_TIMEOUT="20")

    return make


def flags(run: ZooRun, log: str = "ais_bench.log") -> list[str]:
    """Return the flags of sizes of each command in a log."""
    text = (run.folder / "out" / "logs" / log).read_text(encoding="utf-8")
    commands = [line for line in text.splitlines() if line.startswith("$ ")]
    found = [re.findall(r"--((?:dym|auto|output[S])\w*) (\S+)", command) for command in commands]
    return [" ".join(f"{name}={value}" for name, value in each) for each in found]


ONE, FOUR = " outputSize=416,800", " outputSize=1568,3104"
"""Bytes that are reserved for the outputs of one sample and of four: one of the outputs has an axis of its own."""
IMAGE = [f"dymHW={gear}{FOUR}" for gear in ("4,8", "8,4", "8,12")]


@pytest.mark.parametrize(
    ("settings", "host", "sizes", "timed"),
    [
        pytest.param((), (1, 2023), IMAGE, f"dymHW=8,12{ONE}", id="image"),
        pytest.param(NPY, (3, 2024), IMAGE, f"dymHW=8,12{ONE}", marks=pytest.mark.long, id="image on three devices"),
        pytest.param(
            (*DIMS, "--set", "infer.batch=1"),
            (2, 2023),
            [f"auto_set_dymdims_mode=1{ONE}"],
            f"dymDims=grid:1,1,8,12{ONE}",
            id="dims",
        ),
        pytest.param(
            DIMS,
            (1, 2024),
            [f"dymDims=grid:4,1,{gear}{FOUR}" for gear in ("4,8", "8,4", "8,12")],
            f"dymDims=grid:1,1,8,12{ONE}",
            marks=pytest.mark.long,
            id="dims in batches",
        ),
        pytest.param(
            (*RANGE, *NPY),
            (2, 2024),
            [f"auto_set_dymshape_mode=1{ONE}"],
            f"dymShape=grid:1,1,8,12{ONE}",
            id="range",
        ),
    ],
)
@pytest.mark.long_rows("dims", "range")
def test_every_place_is_found(
    machine: Machines, settings: tuple[str, ...], host: tuple[int, int], sizes: list[str], timed: str
) -> None:
    devices, generation = host
    run = machine(devices=devices, generation=generation)
    done = run(*SIZED, *settings, "--device", ",".join(map(str, range(devices))))
    assert done.returncode == 0, done.stdout + done.stderr
    (metric,) = run.report()["metrics"]
    assert (metric["value"], metric["samples"]) == (100.0, GRIDS)
    assert flags(run) == sizes
    assert flags(run, "ais_bench_bs1.log") == [timed]
    results = run.folder / "out" / "results"
    folders = [results] if devices == 1 else sorted(path for path in results.glob("device*") if path.is_dir())
    suffix = "npy" if "infer.outfmt=NPY" in settings else "bin"
    assert len(folders) == devices
    assert sum(len(list(folder.glob(f"*.{suffix}"))) for folder in folders) == 2 * GRIDS


def test_until_infer_leaves_files_that_can_be_scored(machine: Machines) -> None:
    run = machine(devices=2)
    assert run(*SIZED, "--device", "0,1", "--until", "infer").returncode == 0
    done = run("sized.yaml", "--output", "out", "--from", "postprocess")
    assert (done.returncode, run.report()["metrics"][0]["value"]) == (0, 100), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param("device-lost:0:2", "ais_bench failed on device 0 (exit code 1)", id="lost"),
        pytest.param("short-summary", "missing throughput, npu_compute_time_list", id="summary"),
        pytest.param("wrong-size", "problem(s), nothing was scored", id="size"),
        pytest.param("swap-outputs", "problem(s), nothing was scored", id="swapped"),
    ],
)
@pytest.mark.long_rows("summary", "size")
def test_faults_leave_no_results(machine: Machines, fault: str, told: str) -> None:
    run = machine(fault)
    done = run(*SIZED, "--until", "evaluate")
    assert done.returncode == 3, done.stdout + done.stderr
    assert told in run.report()["why"][0]
    assert not (run.folder / "out" / "results").exists()
    assert not list((run.folder / "out").glob(".ais_bench-*"))


ALIKE = "--output out --output_dirname results --outfmt BIN --device 0"


@pytest.mark.parametrize(
    ("settings", "commands"),
    [
        pytest.param(
            (),
            [
                f"out/inputs/height-4_width-8 {ALIKE} --dymHW 4,8 --outputSize 1568,3104",
                f"out/inputs/height-8_width-4 {ALIKE} --dymHW 8,4 --outputSize 1568,3104",
                f"out/inputs/height-8_width-12 {ALIKE} --dymHW 8,12 --outputSize 1568,3104",
            ],
            id="gears",
        ),
        pytest.param(RANGE, [f"out/inputs {ALIKE} --auto_set_dymshape_mode 1 --outputSize 416,800"], id="range"),
    ],
)
def test_a_plan_has_a_command_for_each_gear(machine: Machines, settings: tuple[str, ...], commands: list[str]) -> None:
    done = machine()(*SIZED, *settings, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    found = [line.partition(" --input ")[2] for line in done.stdout.splitlines() if " -m ais_bench " in line]
    assert found == commands
    assert ("one for each gear that a sample takes" in done.stdout) is (len(commands) > 1)


def test_inputs_of_a_range_say_their_shape(machine: Machines) -> None:
    run = machine()
    assert run(*SIZED, *RANGE, "--until", "preprocess").returncode == 0
    inputs = sorted((run.folder / "out" / "inputs").iterdir())
    assert [path.name for path in inputs[:2]] == ["0000001.npy", "0000002.npy"]
    assert [np.load(path).shape for path in inputs[:4]] == [(1, 1, 4, 8), (1, 1, 8, 4), (1, 1, 8, 12), (1, 1, 3, 7)]
