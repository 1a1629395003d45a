"""Hosts with stand-ins whose stores have what tests begin with: the sample exported, the trial converted."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ascend_host import SAMPLE, TRIAL, Finished, Host, beside, copied

if TYPE_CHECKING:
    from tests.conftest import ZooRun


@pytest.fixture(scope="session")
def exported_sample(session_zoo_run: ZooRun) -> ZooRun:
    """Runs whose store has the exported sample."""
    done = session_zoo_run(SAMPLE, "--backend", "onnxruntime", "--output", "exported", "--until", "export")
    assert done.returncode == 0, done.stderr
    return session_zoo_run


@pytest.fixture(scope="session")
def reference(exported_sample: ZooRun) -> Finished:
    """The sample on ONNX Runtime."""
    done = exported_sample(SAMPLE, "--backend", "onnxruntime", "--output", "reference", "--until", "evaluate")
    assert done.returncode == 0, done.stderr
    return Finished(done, exported_sample.report("reference"), exported_sample.folder / "reference")


@pytest.fixture(scope="session")
def exported(exported_sample: ZooRun, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Host]:
    """Make hosts that have the exported sample in their store, and nothing inferred."""

    def make(name: str) -> Host:
        folder = tmp_path_factory.mktemp(name)
        copied(exported_sample.cache, folder / "store", "onnx")
        return Host(replace(exported_sample, folder=folder).given(ZOO_RUNNER_CACHE=folder / "store"))

    return make


@pytest.fixture(scope="session")
def finished_trial(
    trial_site: Path, trial_files: Path, session_zoo_run: ZooRun, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A store with everything of the trial on one device: its ONNX, its .om for two batch sizes, its predictions."""
    folder, store = (tmp_path_factory.mktemp(name) for name in ("finished-trial", "finished-trial-store"))
    run = replace(session_zoo_run, folder=folder).given(ZOO_RUNNER_CACHE=store)
    ran = Host(beside(run, trial_files, trial_site))(*TRIAL)
    assert ran.code == 0, ran.text
    return store


@pytest.fixture
def host(zoo_run: ZooRun, trial_site: Path, trial_files: Path, finished_trial: Path, tmp_path: Path) -> Host:
    """The trial is converted here, and was never run."""
    copied(finished_trial, tmp_path / "store", "onnx", "om")
    return Host(beside(zoo_run, trial_files, trial_site).given(ZOO_RUNNER_CACHE=tmp_path / "store"))


@pytest.fixture
def scored(host: Host, finished_trial: Path) -> Host:
    """The trial was inferred here already, in process."""
    copied(finished_trial, host.run.cache, "predictions")
    return host


@pytest.fixture
def unconverted(host: Host) -> Host:
    """The trial is exported here."""
    shutil.rmtree(host.run.cache / "om")
    return host
