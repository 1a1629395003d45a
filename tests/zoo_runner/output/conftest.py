"""A folder with everything that a run leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from reports import small_report
from zoo_runner.output.names import INPUTS, LOGS, PREDICTIONS, RESULTS
from zoo_runner.output.writing import replacing, replacing_folder
from zoo_runner.report.files import write_report
from zoo_runner.report.predictions import write_predictions


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    write_report(folder, small_report())
    with replacing(folder / PREDICTIONS) as path:
        write_predictions(path, [{"a": np.zeros(2)}])
    for name, file in ((INPUTS, "0000001.bin"), (RESULTS, "0000001_0.bin")):
        with replacing_folder(folder / name) as fresh:
            (fresh / file).write_bytes(b"1234")
            if name == RESULTS:
                (fresh / "zoo-run.origin.json").write_text("{}")
    (folder / LOGS).mkdir()
    (folder / LOGS / "atc_bs1.log").write_text("$ atc\n")
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may change."""
    return shutil.copytree(finished, tmp_path / "out")
