"""``zoo-run history`` as users start it, over a ledger written like runs write it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from terminals import at_a_terminal
from zoo_runner.history.ledger import LEDGER, Ledger
from zoo_runner.manifest.figures import AccuracyExpectation
from zoo_runner.manifest.load import load
from zoo_runner.report.model import Environment, ManifestRecord, MetricRecord, PerformanceRecord, Report, Verdict

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

TOY = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
expected:
  accuracy: {metric: accuracy, protocol: top1, value: 80.0}
"""
ESCAPE = "\x1b["


def append(run: ZooRun, name: str, value: float, *, day: int = 1, digest: str = "") -> None:
    metric = MetricRecord(
        id="accuracy/top1",
        name="accuracy",
        protocol="top1",
        value=value,
        unit="percent",
        expected=80.0,
        tolerance=0.5,
        verdict=Verdict.PASS,
        samples=10,
        dataset_samples=10,
    )
    timing = PerformanceRecord(
        id="throughput/cpu/1", backend="onnxruntime", chip="cpu", batch=1, loops=3, throughput=100.0 + value
    )
    here = Environment(
        backend="onnxruntime", backend_version="", chip="cpu", devices=(), host="", python="", packages={}
    )
    path = run.folder / "toy.yaml"
    report = Report(
        verdict=Verdict.PASS,
        exit_code=0,
        started=f"2026-11-{day:02d}T09:00:00+00:00",
        inferred=10,
        manifest=ManifestRecord(name=name, path=str(path), files=(str(path),), digest=digest),
        environment=here,
        metrics=(metric,),
        performance=(timing,),
    )
    Ledger(run.cache / LEDGER).append(report, run.folder / "out" / "report.json")


@pytest.fixture
def given(zoo_run: ZooRun, tmp_path: Path) -> ZooRun:
    """``zoo-run`` beside ``toy.yaml``, with a cache of its own."""
    (zoo_run.folder / "toy.yaml").write_text(TOY)
    return zoo_run.given(ZOO_RUNNER_CACHE=tmp_path / "cache")


@pytest.fixture
def known(given: ZooRun) -> ZooRun:
    """The same after three runs of toy."""
    digest = load(given.folder / "toy.yaml").digest
    for day, value in enumerate((79.9, 80.0, 80.1), start=1):
        append(given, "toy", value, day=day, digest=digest)
    return given


@pytest.mark.parametrize("named", ["toy", "toy.yaml", "./toy.yaml"])
def test_a_name_or_a_file(known: ZooRun, named: str) -> None:
    done = known("history", named)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["last", "3", "runs", "of", "toy,", "on", "cpu", "(onnxruntime)"]
    assert ["2026-11-03", "09:00", "pass", "80.10", "+0.10", "≥", "80.00", "0.5"] in lines
    assert ["accuracy/top1", "▁▅█", "80.10", "%", "+0.10", "≥", "80.00", "0.5"] in lines
    assert ["throughput/cpu/1", "▁▅█", "180.10", "images/s", "+0.1%", "-", "-"] in lines
    assert ESCAPE not in done.stdout


def test_the_last_runs_of_one_figure(known: ZooRun) -> None:
    done = known("history", "toy", "--last", "2", "--line", "throughput/cpu/1")
    text = done.stdout
    assert (done.returncode, "last 2 runs" in text, "2026-11-01" in text, "accuracy" in text) == (0, True, False, False)
    assert re.search(r"throughput/cpu/1 +▁█ +180\.10 images/s", text)


def test_machines_get_json_and_nothing_else(known: ZooRun) -> None:
    done = known("history", "toy", "--json", "--last", "2")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["name"] == "toy"
    assert [run["started"][:10] for run in found["runs"]] == ["2026-11-03", "2026-11-02"]
    assert [line["value"] for line in found["runs"][0]["lines"]] == [80.1, 180.1]
    done = known("history", "toy", "--json", "--line", "accuracy/top1")
    assert [[line["id"] for line in run["lines"]] for run in json.loads(done.stdout)["runs"]] == [["accuracy/top1"]] * 3


def test_without_a_run(given: ZooRun) -> None:
    done = given("history", "toy.yaml")
    assert (done.returncode, done.stdout) == (0, f"toy: no run yet in {given.cache / LEDGER}\n")
    assert json.loads(given("history", "toy.yaml", "--json", "--line", "x").stdout) == {"name": "toy", "runs": []}
    done = given("history", "toy")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: toy: no manifest of that name has a run: {given.cache / LEDGER} has none at all; "
        "`zoo-run MANIFEST` adds one\n"
    )
    assert not given.cache.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["tyo"], "tyo: no manifest of that name has a run; did you mean 'toy'?", id="typing error"),
        pytest.param(["zebra"], "zebra: no manifest of that name has a run; known: toy", id="another name"),
        pytest.param(["tyo.yaml"], "tyo.yaml: no such file; did you mean 'toy.yaml'?", id="file"),
        pytest.param(["no/toy"], "no/toy: there is no folder no", id="folder"),
        pytest.param(
            ["toy", "--line", "accuracy/top5"],
            "--line accuracy/top5: the last 3 runs have no such figure; did you mean 'accuracy/top1'?",
            id="line",
        ),
        pytest.param(
            ["toy", "--line", "?"],
            "--line ?: the last 3 runs have no such figure; known: accuracy/top1, throughput/cpu/1",
            id="unlike any line",
        ),
        pytest.param(["toy", "--propose", "3", "--json"], "--propose prints a manifest; drop --json", id="json too"),
        pytest.param(
            ["toy", "--propose", "3", "--line", "x"], "--propose prints a manifest; drop --line", id="line too"
        ),
        pytest.param(
            ["toy", "--diff"], "--diff is about what --propose proposes; add --propose K", id="diff of nothing"
        ),
    ],
)
def test_what_is_refused(known: ZooRun, arguments: list[str], message: str) -> None:
    done = known("history", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


def test_a_damaged_ledger(known: ZooRun) -> None:
    (known.cache / LEDGER).write_bytes(b"x" * 8192)
    done = known("history", "toy")
    assert (done.returncode, done.stdout) == (3, "")
    assert "found a damaged or another file (file is not a database); move it away, as in `mv " in done.stderr


@pytest.mark.parametrize("named", ["toy", "toy.yaml"])
def test_a_proposal_is_a_manifest(known: ZooRun, named: str) -> None:
    done = known("history", named, "--propose", "3")
    assert (done.returncode, done.stderr) == (0, "")
    (known.folder / "gated.yaml").write_text(done.stdout)
    child = load(known.folder / "gated.yaml")
    accuracy = child.manifest.expected.accuracy
    assert isinstance(accuracy, AccuracyExpectation)
    assert (accuracy.value, accuracy.tolerance.abs) == (80.0, 1.2)
    assert child.sources[1].name == "toy.yaml"


def test_a_proposal_as_a_diff(known: ZooRun) -> None:
    done = known("history", "toy.yaml", "--propose", "3", "--diff")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-3:] == [
        " expected:",
        "-  accuracy: {metric: accuracy, protocol: top1, value: 80.0}",
        "+  accuracy: {metric: accuracy, protocol: top1, value: 80.0, tolerance: {abs: 1.2}}",
    ]


def test_too_few_runs_are_inconclusive(known: ZooRun) -> None:
    (known.folder / "toy.yaml").write_text(f"{TOY}description: another\n")
    done = known("history", "toy.yaml", "--propose", "3")
    assert (done.returncode, done.stdout) == (4, "")
    assert (
        "found 0 (left out: 3 of the manifest as it was before, or with --set). Run `zoo-run toy.yaml`" in done.stderr
    )


def test_a_proposal_for_a_manifest_that_is_gone(known: ZooRun) -> None:
    (known.folder / "toy.yaml").unlink()
    done = known("history", "toy", "--propose", "3")
    path = known.folder / "toy.yaml"
    message = f"error: toy: the manifest was {path}, which is gone; give --propose the file instead\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)


def test_output_that_cannot_have_blocks(known: ZooRun) -> None:
    done = known.given(PYTHONIOENCODING="ascii")("history", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert re.search(r"accuracy/top1 +\| _\+@ +\| +80\.10 % \| +\+0\.10 \| +>= 80\.00 \| +0\.5 *\|", done.stdout)


def test_colours_at_a_terminal_unless_unwanted(known: ZooRun) -> None:
    there = known.given(TERM="xterm-256color")
    coloured = at_a_terminal(lambda its: there.start("history", "toy", stdout=its, stderr=its))
    assert f"{ESCAPE}32m80.10{ESCAPE}0m" in coloured
    plain = at_a_terminal(lambda its: there.given(NO_COLOR="1").start("history", "toy", stdout=its, stderr=its))
    assert ESCAPE not in plain
    assert max(len(line) for line in plain.splitlines() if not line.startswith("newest report")) <= 80


def test_names_are_completed(known: ZooRun) -> None:
    words = {"_ZOO_RUN_COMPLETE": "bash_complete", "COMP_WORDS": "zoo-run history t", "COMP_CWORD": "2"}
    assert known.given(**words)().stdout == "plain,toy\n"
    words["COMP_WORDS"] = "zoo-run history x"
    assert known.given(**words)().stdout == "file,x\n"


def test_real_runs_and_what_becomes_of_them(trial: ZooRun) -> None:
    for _ in range(3):
        assert trial("trial.yaml", "--output", "out", "--no-cache").returncode == 0
    done = trial("history", "trial.yaml", "--json", "--last", "1")
    (newest,) = json.loads(done.stdout)["runs"]
    report = trial.report()
    assert newest["report"] == str(trial.folder / "out" / "report.json")
    assert (newest["started"], newest["digest"]) == (report["started"], report["manifest"]["digest"])
    assert [line["id"] for line in newest["lines"]] == ["accuracy/top1", "throughput/cpu/1"]
    assert [line["value"] for line in newest["lines"]] == [
        report["metrics"][0]["value"],
        report["performance"][0]["throughput"],
    ]
    assert len(newest["weights"]) == 64
    table = trial("history", "trial.yaml", "--last", "3").stdout
    assert len(re.findall(r"accuracy/top1 .*≥ ", table)) == 1
    assert len(re.findall(r"^ 20.* ≥ ", table, flags=re.MULTILINE)) == 3
    plain = trial.given(PYTHONIOENCODING="ascii")("history", "trial.yaml", "--last", "3").stdout
    assert len(re.findall(r">= ", plain)) == table.count("≥")
    done = trial("history", "trial.yaml", "--propose", "3")
    assert (done.returncode, done.stderr) == (0, "")
    assert "# accuracy/top1: mean 100.0000 percent in each of 3 runs, so the tolerance is half of the" in done.stdout
    (trial.folder / "gated.yaml").write_text(done.stdout)
    assert trial("gated.yaml", "--output", "gated").returncode == 0
    (metric,) = trial.report("gated")["metrics"]
    assert (metric["expected"], metric["tolerance"], metric["verdict"]) == (100.0, 0.005, "pass")


def test_what_an_earlier_run_had_inferred_counts_once(trial: ZooRun, tmp_path: Path) -> None:
    run = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    for _ in range(3):
        assert run("trial.yaml", "--output", "out").returncode == 0
    assert run.report("out")["inferred"] == 0
    done = run("history", "trial.yaml", "--propose", "3")
    assert (done.returncode, done.stdout) == (4, "")
    assert (
        "accuracy/top1: measured and judged in 1 of 3 runs, too few; 2 more took what an earlier run had inferred: "
        "run it with --no-cache" in done.stderr
    )


def test_no_change_is_shown_across_runs_that_cannot_be_compared(trial: ZooRun, tmp_path: Path) -> None:
    run = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    until = ("--until", "evaluate", "--output", "out")
    for more in ((), ("--limit", "64"), ("--set", "plugin.config.floor=1.5"), ()):
        assert run("trial.yaml", *until, *more).returncode == 0
    lines = [line.split() for line in run("history", "trial.yaml").stdout.splitlines() if line.strip()]
    columns = ["samples", "settings", "accuracy/top1", "change", "expected", "tolerance"]
    assert lines[1] == ["started", "(UTC)", "verdict", *columns]
    assert [line[3:7] for line in lines if line[0].startswith("20")] == [
        ["150", "#1", "100.00", "0.00"],
        ["150", "#2", "100.00", "-"],
        ["64", "#1", "100.00", "-"],
        ["150", "#1", "100.00", "-"],
    ]
    assert ["settings", "#2", "plugin.config.floor:", "1.5"] in lines
