"""``zoo-run golden record``, as users call it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from zoo_runner.commands.golden_bundle import recorded
from zoo_runner.errors import UsageError
from zoo_runner.job.options import RunOptions
from zoo_runner.manifest.load import load
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from lab import Lab
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs


def test_it_prints_the_lines_that_name_the_bundle(trial: ZooRun) -> None:
    done = trial("golden", "record", "trial.yaml")
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("trial.golden.npz: 8 samples, ")
    assert said[1:4] == ["name it in the manifest:", "golden:", "  url: trial.golden.npz"]
    with (trial.folder / "trial.yaml").open("a") as file:
        file.write("\n".join(said[2:]) + "\n")
    assert trial("trial.yaml").returncode == 0
    assert trial("golden", "record", "nothing.yaml").returncode == 2


def test_a_folder_that_is_not_there_is_named_before_the_run(lab: Lab) -> None:
    target = lab.folder / "none" / "g.npz"
    options = RunOptions(output=lab.folder / "out")
    with pytest.raises(UsageError, match=r"expected a folder .*none, found none"):
        recorded(
            load(lab.folder / "trial.yaml"),
            options,
            target,
            untrusted=False,
            store=Store(lab.cache),
            progress=lab.listener,
        )
