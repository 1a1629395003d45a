"""Whole runs on results of a recipe that was carried out by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

ONNX = ("--backend", "onnxruntime")
SCORE = ("trial.yaml", "--from", "postprocess", "--results", "hand", "--output", "out")
UNKNOWN = "results of unknown origin"


def rows(data: Path) -> list[str]:
    """The samples' ids, in the order of the data set."""
    return [path.stem for path in sorted(data.glob("*.txt"))]


def inferred(run: ZooRun, name: Callable[[int, str], str]) -> None:
    """Leave the trial's results in ``hand``, under the names that position and id give."""
    done = run("trial.yaml", *ONNX, "--until", "infer", "--output", "made")
    assert done.returncode == 0, done.stdout + done.stderr
    (run.folder / "hand").mkdir()
    for position, each in enumerate(rows(run.folder / "data"), start=1):
        (run.folder / "made" / "results" / f"{position:07d}_0.bin").rename(run.folder / "hand" / name(position, each))


@pytest.mark.parametrize(
    ("name", "more", "remark"),
    [
        pytest.param(lambda position, _: f"{position:07d}_0.bin", (), UNKNOWN, id="as zoo-run names inputs"),
        pytest.param(lambda _, name: f"{name}_0.bin", (), f"{UNKNOWN}: files named by sample id", id="by sample id"),
        pytest.param(
            lambda _, name: f"{name}_1.bin",
            (),
            f"{UNKNOWN}: files named by sample id, outputs counted from 1",
            id="outputs counted from 1",
        ),
        pytest.param(
            lambda position, _: f"{position - 1}_0.bin",
            ("--by-position",),
            f"{UNKNOWN}: files named by position, as --by-position says",
            id="positions from 0",
        ),
    ],
)
def test_results_are_scored_where_their_names_say_what_they_are_of(
    trial: ZooRun, name: Callable[[int, str], str], more: tuple[str, ...], remark: str
) -> None:
    inferred(trial, name)
    done = trial(*SCORE, *more)
    assert done.returncode == 0, done.stdout + done.stderr
    report = trial.report()
    assert (report["metrics"][0]["value"], report["verdict"]) == (100, "pass")
    assert remark in done.stdout.splitlines()[1]
    (results,) = (each for each in report["artifacts"] if each["name"] == "results")
    assert results["origin"] == remark


def test_positions_are_believed_on_demand_only(trial: ZooRun) -> None:
    inferred(trial, lambda position, _: f"{position:03d}_0.bin")
    done = trial(*SCORE)
    assert (done.returncode, trial.report()["metrics"]) == (3, [])
    text = re.sub(r"\s+", " ", done.stdout)
    assert (
        "found 001_0.bin, 002_0.bin, 003_0.bin, …; expected 0000001_0.bin by position, or ant_000_0.bin by id" in text
    )
    assert "if these numbers are positions in the data set, counted from 0 or 1, add --by-position" in text
    assert trial(*SCORE, "--by-position").returncode == 0


def test_results_in_another_order_are_scored_as_such(trial: ZooRun) -> None:
    """What the position says counts: results of the list read backwards are wrong, and fail the gate."""
    count = len(rows(trial.folder / "data"))
    inferred(trial, lambda position, _: f"{count + 1 - position}_0.bin")
    done = trial(*SCORE, "--by-position")
    assert done.returncode == 1, done.stdout + done.stderr


def test_where_no_results_are_read_it_is_refused(trial: ZooRun) -> None:
    done = trial("trial.yaml", *ONNX, "--by-position")
    assert done.returncode == 2
    assert "--by-position says how the files of --results are named: add --from postprocess, or drop it" in done.stderr
