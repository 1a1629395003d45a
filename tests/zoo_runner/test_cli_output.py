"""The output folder through the command line: nothing of others is lost in it, and no old verdict is left."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

FORMS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}
PREVIOUS = {"previous-report.json", "previous-report.html"}
PATIENCE = 120


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def make_strange(path: Path, kind: str) -> None:
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("../mine")
    else:
        path.write_text("mine")


@pytest.mark.parametrize("kind", ["file", "link", "fifo"])
@pytest.mark.parametrize("name", ["summary.md", "junit.xml", "report.html", "predictions.npz"])
def test_what_others_left_is_refused_by_name_before_any_work(trial: ZooRun, name: str, kind: str) -> None:
    output = trial.folder / "out"
    output.mkdir()
    (trial.folder / "mine").write_text("mine")
    make_strange(output / name, kind)
    before = (output / name).lstat()
    done = trial("trial.yaml", "--output", "out")
    assert done.returncode == 2
    assert f"\n  {name}: a" in done.stderr
    assert "choose another --output, or move them away\n" in done.stderr
    assert "predict:" not in done.stderr
    assert (output / name).lstat().st_mtime_ns == before.st_mtime_ns
    assert (trial.folder / "mine").read_text() == "mine"
    assert names(output) == {name}


@pytest.mark.parametrize(("stage", "name"), [("preprocess", "inputs"), ("infer", "results")])
def test_so_are_folders(trial: ZooRun, stage: str, name: str) -> None:
    folder = trial.folder / "out" / name
    folder.mkdir(parents=True)
    (folder / "holiday.jpg").write_text("mine")
    done = trial("trial.yaml", "--output", "out", "--until", stage)
    assert done.returncode == 2
    assert f"\n  {name}: a folder that zoo-run did not make" in done.stderr
    assert names(folder) == {"holiday.jpg"}
    assert trial("trial.yaml", "--output", "out", "--limit", "8").returncode == 4  # writes no such folder
    assert names(folder) == {"holiday.jpg"}


@pytest.mark.parametrize(("stage", "name"), [("preprocess", "inputs"), ("infer", "results")])
def test_own_ones_are_replaced(trial: ZooRun, stage: str, name: str) -> None:
    for limit in ("3", "2"):
        done = trial("trial.yaml", "--output", "out", "--until", stage, "--limit", limit)
        assert done.returncode == 0, done.stderr
        assert len(list((trial.folder / "out" / name).glob("*.bin"))) == int(limit)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["trial.yaml", "--quiet", "--verbose"], 2, id="flags that contradict each other"),
        pytest.param(["trial.yaml", "--batch-size", "many"], 2, id="no number"),
        pytest.param(["--nonsense", "trial.yaml"], 2, id="no such option"),
        pytest.param(["trial.yaml", "--set", "infer.batch=0"], 2, id="value"),
        pytest.param(["trial.yaml", "--set", "infer.bacth=3"], 2, id="key"),
        pytest.param(["trial.yaml", "--from", "infer", "--until", "export"], 2, id="stages"),
        pytest.param(["trial.yaml", "--backend", "nonsense"], 2, id="backend"),
    ],
)
@pytest.mark.parametrize("output", [["--output", "out"], []], ids=["output", "default"])
@pytest.mark.long_rows(
    *("default-no number", "default-no such option", "default-value", "default-stages", "default-backend"),
    "default-flags that contradict each other",
)
def test_a_refused_run_leaves_the_last_report_marked(
    trial: ZooRun, arguments: list[str], code: int, output: list[str]
) -> None:
    folder = trial.folder / (output[-1] if output else "zoo-output/trial")
    assert trial("trial.yaml", "--limit", "8", *output).returncode == 4
    for _ in range(2):
        assert trial(*arguments, *output).returncode == code
        assert names(folder) == {*PREVIOUS, "predictions.npz", ".zoo-run.json"}
        found = json.loads((folder / "previous-report.json").read_bytes())
        assert (found["verdict"], found["notice"][:15]) == ("inconclusive", "PREVIOUS REPORT")
        assert "<title>PREVIOUS · " in (folder / "previous-report.html").read_text(encoding="utf-8")


def test_a_manifest_that_cannot_be_read_any_more_leaves_it_too(trial: ZooRun) -> None:
    assert trial("trial.yaml", "--limit", "8").returncode == 4
    manifest = trial.folder / "trial.yaml"
    manifest.write_text(manifest.read_text() + "\nexpectd: {}\n")
    assert trial("trial.yaml").returncode == 2
    assert names(trial.folder / "zoo-output" / "trial") == {*PREVIOUS, "predictions.npz", ".zoo-run.json"}


def test_a_failed_run_leaves_it_beside_its_own_until_there_is_a_verdict(trial: ZooRun) -> None:
    folder = trial.folder / "out"
    assert trial("trial.yaml", "--limit", "8", "--output", "out").returncode == 4
    for _ in range(2):
        assert trial("trial.yaml", "--output", "out", "--data", "nowhere").returncode == 3
        assert names(folder) == {*FORMS, *PREVIOUS, "predictions.npz", ".zoo-run.json"}
        assert trial.report()["verdict"] == "error"
        assert json.loads((folder / "previous-report.json").read_bytes())["verdict"] == "inconclusive"
    assert trial("trial.yaml", "--limit", "9", "--output", "out").returncode == 4
    assert names(folder) == {*FORMS, "predictions.npz", ".zoo-run.json"}


@pytest.mark.parametrize("name", ["report.json", "summary.md"])
def test_a_form_that_was_edited_is_kept(trial: ZooRun, name: str) -> None:
    assert trial("trial.yaml", "--limit", "8", "--output", "out").returncode == 4
    path = trial.folder / "out" / name
    edited = path.read_bytes() + b"\n\n"
    path.write_bytes(edited)
    done = trial("trial.yaml", "--limit", "8", "--output", "out")
    assert done.returncode == 4
    assert f"warning: out/{name}: was changed after zoo-run wrote it; it is kept as {name}.edited\n" in done.stderr
    assert (trial.folder / "out" / f"{name}.edited").read_bytes() == edited


@pytest.mark.usefixtures("interruptible")
def test_a_second_run_into_the_folder_is_refused_at_once(trial: ZooRun, tmp_path: Path) -> None:
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    first = fresh.start("trial.yaml", "--output", "out", "--set", "plugin.config.pace=1")
    lock = tmp_path / "out" / ".zoo-run.lock"
    end = time.monotonic() + PATIENCE
    while not (lock.exists() and lock.read_bytes()):
        assert time.monotonic() < end, "it did not begin"
        time.sleep(0.02)
    before = {name for name in names(tmp_path / "out") if not name.endswith(".tmp")}
    second = fresh("trial.yaml", "--output", "out", "--json")
    assert second.returncode == 3
    assert f"--output out: another run writes to it (process {first.pid} on " in second.stderr
    assert ", started 20" in json.loads(second.stdout)["why"][0]
    assert names(tmp_path / "out") >= before
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=PATIENCE)
    assert fresh("trial.yaml", "--output", "out", "--limit", "8").returncode == 4
    assert names(tmp_path / "out") == {*FORMS, "predictions.npz", ".zoo-run.json"}


def test_what_a_run_was_made_of_is_written_on_request_and_replaces_nobodys(trial: ZooRun) -> None:
    pytest.importorskip("cyclonedx")  # comes with the extra sbom
    bill = trial.folder / "out" / "sbom.cdx.json"
    assert trial("trial.yaml", "--output", "out", "--sbom").returncode == 0
    content = json.loads(bill.read_bytes())
    found = {each["name"]: each for each in content["components"]}
    assert found.keys() >= {"zoo-runner", "numpy", "onnxruntime", "weights", "onnx", "dataset", "predictions", "Python"}
    recorded = {each["name"]: each["sha256"] for each in trial.report()["artifacts"]}
    for name in ("weights", "onnx", "predictions"):
        assert found[name]["hashes"] == [{"alg": "SHA-256", "content": recorded[name]}]
    assert trial("trial.yaml", "--output", "out").returncode == 0
    assert not bill.exists()
    bill.write_text("mine")
    assert trial("trial.yaml", "--output", "out").returncode == 0
    done = trial("trial.yaml", "--output", "out", "--sbom")
    assert done.returncode == 2
    assert "\n  sbom.cdx.json: a file that zoo-run did not write" in done.stderr
    assert bill.read_text() == "mine"
