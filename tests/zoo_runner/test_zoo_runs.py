"""``zoo-run zoo --changed`` as users start it: it runs what changed, and leaves nothing when it is interrupted."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from places import ROOT

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command


def test_only_what_changed_is_run(trial: ZooRun) -> None:
    (trial.folder / "fail.yaml").write_text(
        "extends: trial.yaml\nname: fail\nplugin: {config: {classes: [b, a, c, d]}}\n"
    )
    first = trial("zoo", ".", "--changed", "--quiet", "--markdown", "o.md")
    assert first.returncode == 1, first.stderr
    assert "FAIL fail" in first.stdout
    assert "PASS trial" in first.stdout
    assert "1 of 2 models have a verdict of pass that holds" in first.stdout

    second = trial("zoo", ".", "--changed", "--quiet", "--markdown", "o.md")
    assert second.returncode == 1, "what failed is not green because it is not run again"
    assert "FAIL fail" not in second.stdout, second.stderr
    assert "PASS trial" not in second.stdout, second.stderr
    assert second.stdout.count("nothing changed") == 2

    (trial.folder / "fail.yaml").unlink()
    assert trial("zoo", ".").returncode == 0
    (trial.folder / "data" / "ant_000.txt").write_text("3 0 0 0")
    stale = trial("zoo", ".")
    assert stale.returncode == 4
    assert "data changed" in stale.stdout
    third = trial("zoo", ".", "--changed", "--quiet")
    assert third.returncode == 0, third.stderr
    assert "trial: 1 of 1: data changed" in third.stderr
    assert trial("trial.yaml", "--limit", "3", "--quiet").returncode == 4
    assert trial("zoo", ".").returncode == 0, "a run of a part is no verdict on the whole"
    assert trial("trial.yaml", "--quiet").returncode == 0
    assert trial("zoo", ".").returncode == 4, "a run that kept no inputs says nothing of what changed since"


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_zoo_and_its_run(trial: ZooRun) -> None:
    slow = "extends: trial.yaml\nname: {}\nplugin: {{config: {{pace: 10}}}}\n"
    (trial.folder / "trial.yaml").rename(trial.folder / "base.yml")
    for name in ("slow", "slower"):
        (trial.folder / f"{name}.yaml").write_text(slow.format(name).replace("trial.yaml", "base.yml"))
    zoo_run = trial.given(PYTHONPATH=os.pathsep.join((trial.variables["PYTHONPATH"], str(ROOT))))
    heard = []
    with zoo_run.start("zoo", ".", "--changed", "--html", "o.html") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stderr:
            heard.append(line)
            if line.startswith("convert"):  # the samples are next, and take ten seconds each
                break
        process.send_signal(signal.SIGINT)
        heard.append(process.stderr.read())  # ends when the last process that has it has ended
    assert process.returncode == 130, heard
    assert "interrupted" in heard[-1]
    assert not list(trial.folder.glob("zoo-output/*/report.json"))
    assert not (trial.folder / "o.html").exists()
