"""A detector that its manifest alone configures, on stand-ins: the detections are those of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ascend_host import ASCEND, Finished, Host
from places import MANIFESTS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # each run is a process with processes of its own

SSD = (MANIFESTS / "ssd-sample.yaml", "--subset", "pr", "--set", "benchmark=null")


@pytest.fixture(scope="module")
def run_on(session_zoo_run: ZooRun, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ZooRun]:
    """Make places with a store of their own: nothing inferred on one backend is reused on another."""

    def make(name: str) -> ZooRun:
        folder: Path = tmp_path_factory.mktemp(name)
        return replace(session_zoo_run, folder=folder).given(ZOO_RUNNER_CACHE=folder / "store")

    return make


@pytest.fixture(scope="module")
def plain(run_on: Callable[[str], ZooRun]) -> Finished:
    run = run_on("plain")
    done = run(*SSD, "--backend", "onnxruntime", "--output", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    return Finished(done, run.report("out"), run.folder / "out")


@pytest.mark.parametrize(
    "more",
    [
        pytest.param((), id="float input"),
        pytest.param(("--set", "atc.aipp=auto"), id="pixels, AIPP"),
    ],
)
@pytest.mark.long
def test_passes_with_the_detections_of_onnxruntime(
    run_on: Callable[[str], ZooRun], plain: Finished, more: tuple[str, ...]
) -> None:
    host = Host(run_on("ascend"))
    ran = host(*SSD, *ASCEND, *more, "--output", "out")
    assert ran.code == 0, ran.text
    assert ran.detections == plain.detections
    assert [each["value"] for each in ran.report["metrics"]] == [each["value"] for each in plain.report["metrics"]]
    if not more:
        wrong = host(
            *SSD,
            *ASCEND,
            "--set",
            "plugin.config.postprocess.variances=[0.2, 0.2]",
            "--output",
            "wrong",
            output="wrong",
        )
        assert wrong.code == 1, wrong.text
        assert wrong.report["verdict"] == "fail"
