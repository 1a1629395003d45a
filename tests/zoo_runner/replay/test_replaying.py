"""A red run, its replay file, and that file replayed where neither torch nor the data set is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import run_here
from marked_files import SWAPPED, WORD, write_marked
from places import ROOT
from replay_edits import edit_record, edited, replayed
from zoo_runner.errors import ExitCode, UsageError
from zoo_runner.replay.reading import read_replay
from zoo_runner.replay.recording import NEVER, WITHOUT_DATA
from zoo_runner.replay.replaying import replay_file
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.progress import Terminal

if TYPE_CHECKING:
    from tests.zoo_runner.replay.conftest import Red

WITHOUT_TORCH = "import sys; sys.modules.update(torch=None); from zoo_runner.cli import main; main()"
SAME = """\
manifest -> plugin: same
files -> inputs: same: 24 of 24
outputs -> predictions: same: 24 of 24
predictions -> figures: same: accuracy (top1) """


def test_a_red_run_leaves_its_worst_samples_and_some_others(red: Red) -> None:
    """Three of the worst, one at random; the report names the file, and the file has the report."""
    assert red.report.verdict.value == "fail", red.report.why
    assert [Path(each.path) for each in red.report.artifacts if each.name == "replay"] == [red.file]
    file = read_replay(red.file)
    record = file.record
    assert [each.chosen for each in record.samples[:8]] == [*["worst"] * 3, "random"] * 2
    assert (len(record.samples), record.run_samples, record.plugin, record.name) == (24, 150, "marked", "marked")
    assert file.report["verdict"] == "fail"
    assert record.distribution == "marked 1.0"
    first = record.samples[0]
    assert (first.again, first.errors) == ("same", {"far off": 1})
    assert first.files == (f"data/{first.id}.txt", "notes/all.txt")


def test_no_secret_is_in_it(red: Red) -> None:
    """Neither that of an address in the manifest, nor of the command line, nor of the environment."""
    with zipfile.ZipFile(red.file) as archive:
        for name in archive.namelist():
            assert WORD.encode() not in archive.read(name), name
        assert b"https://***@host.invalid/repository" in archive.read("manifest.yaml")


@pytest.mark.slow
def test_it_is_replayed_without_torch_and_without_the_data_set(red: Red, tmp_path: Path) -> None:
    """In a fresh process, by its bytes alone."""
    shutil.copy(red.file, tmp_path / "failed.zip")
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(red.site)))}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "replay", "failed.zip"],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.PASS, done.stdout + done.stderr
    assert "replay of marked: fail on cpu, 24 of 150 samples, by release" in done.stdout
    assert SAME in done.stdout
    page = (tmp_path / "zoo-output" / "marked-replay" / "replay.html").read_text()
    assert "every step gives what was recorded" in page
    assert page.count("<figcaption><b>recorded</b>") == 24


def test_the_steps_are_shown_before_the_page_is_drawn(red: Red, tmp_path: Path) -> None:
    """Who cannot have the page still has what it says."""
    shown: list[tuple[str, ...]] = []
    target = tmp_path / "page"
    replayed_, page = replay_file(
        red.file,
        lambda file: target / file.record.name,
        None,
        lambda file, found, rows: shown.append(
            (file.record.name, found.steps[0].line, rows[0][0], str(target.exists()))
        ),
    )
    assert shown == [("marked", "same", "ant_000", "False")]
    assert replayed_.same
    assert page == target / "marked" / "replay.html"


def _other_input(entries: dict[str, bytes]) -> None:
    number = json.loads(entries["replay.json"])["samples"][0]["inputs"][0]["numbers"]
    name = f"arrays/{number:06d}.bin"
    entries[name] = bytes([entries[name][0] ^ 1, *entries[name][1:]])


def _other_file(entries: dict[str, bytes]) -> None:
    name = next(each for each in entries if each.startswith("files/00/data"))
    entries[name] = b"7 8 9 10"


def _other_score(entries: dict[str, bytes]) -> None:
    def change(record: dict[str, Any]) -> None:
        record["figures"][0]["value"] = (50.00000000000001).hex()

    edit_record(entries, change)


def _other_remade(entries: dict[str, bytes]) -> None:
    def change(record: dict[str, Any]) -> None:
        other = next(each for each in record["samples"] if each["id"][:3] != record["samples"][0]["id"][:3])
        record["samples"][0]["remade"] = other["prediction"]
        record["samples"][0]["again"] = "differs"

    edit_record(entries, change)


def _other_identity(entries: dict[str, bytes]) -> None:
    edit_record(entries, lambda record: record["identities"].update(preprocess="0" * 64))


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_other_input, "files -> inputs: differs: 1 of 24; numbers by at most "),
        (_other_file, "files -> inputs: differs: 1 of 24; numbers by at most "),
        (_other_score, "predictions -> figures: differs: accuracy (top1) 50 recorded, "),
        (_other_remade, "outputs -> predictions: differs: 1 of 24; "),
        (_other_remade, "comes and goes: inferred again at the end of the run, 1 of 24 samples got another prediction"),
        (_other_identity, "manifest -> plugin: differs: preprocess: the plugin means something else by this manifest"),
    ],
)
def test_a_step_that_differs_is_named(
    change: Callable[[dict[str, bytes]], None], line: str, red: Red, tmp_path: Path
) -> None:
    """Exit code 1, and the other steps are carried out."""
    file = edited(red.file, tmp_path / "replay.zip", change)
    code, text = replayed(file, tmp_path / "page")
    assert code == ExitCode.GATE_FAILED
    assert line in text
    assert "predictions -> figures: " in text


def test_the_inputs_are_run_through_an_onnx_file(red: Red, tmp_path: Path) -> None:
    """The export of the run gives the recorded outputs; a file that is no graph is refused."""
    graph = next(Path(each.path) for each in red.report.artifacts if each.name == "onnx")
    code, text = replayed(red.file, tmp_path / "page", "--onnx", str(graph))
    assert code == ExitCode.PASS
    assert f"inputs -> outputs of {graph.name}: same: 24" in text


@pytest.mark.usefixtures("site")
def test_a_run_leaves_what_was_asked_for(trial_files: Path, lab_store: Path, tmp_path: Path) -> None:
    """No images: neither files nor inputs. Never: no file, and none of an earlier run. Green: none either."""
    manifest = write_marked(tmp_path / "files", trial_files, samples=12)
    here, out = Terminal(Detail.QUIET), manifest.parent / "out"
    report = run_here(manifest, lab_store, here, SWAPPED, replay=WITHOUT_DATA)
    record = read_replay(out / "replay.zip").record
    assert [(each.files, each.inputs) for each in record.samples] == [((), ())] * 12
    code, text = replayed(out / "replay.zip", tmp_path / "page")
    assert code == ExitCode.PASS
    assert "files -> inputs: not looked at: the file was made without the samples' data" in text
    graph = next(each.path for each in report.artifacts if each.name == "onnx")
    with pytest.raises(
        UsageError, match=r"--onnx .*: expected a replay file with inputs and outputs, found one without"
    ):
        replayed(out / "replay.zip", tmp_path / "page", "--onnx", str(graph))
    assert "outputs -> predictions: same: 12 of 12" in text
    run_here(manifest, lab_store, here, SWAPPED, replay=NEVER)
    assert not (out / "replay.zip").exists()
    run_here(manifest, lab_store, here, SWAPPED)
    assert (out / "replay.zip").exists()
    assert run_here(manifest, lab_store, here).verdict.value == "pass"
    assert not (out / "replay.zip").exists()


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [("25kB", "fewer"), ("500", "none of the samples could be kept")],
)
def test_the_file_stays_within_its_bound(
    limit: str,
    outcome: str,
    trial_files: Path,
    lab_store: Path,
    tmp_path: Path,
    red: Red,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Fewer samples first; where not one fits, a warning, and the verdict stands."""
    monkeypatch.setenv("ZOO_RUNNER_REPLAY_LIMIT", limit)
    manifest = write_marked(tmp_path / "files", trial_files)
    report = run_here(manifest, lab_store, Terminal(Detail.QUIET), SWAPPED)
    assert report.verdict is red.report.verdict
    file = manifest.parent / "out" / "replay.zip"
    if outcome == "fewer":
        record = read_replay(file).record
        assert 0 < len(record.samples) < 24
        assert not record.fitted
        assert file.stat().st_size <= 25_000
        count = f"it takes no more than {len(record.samples)} samples"
        assert record.notes == (f"{count}: set ZOO_RUNNER_REPLAY_LIMIT to accept more",)
    else:
        assert not file.exists()
        assert any(outcome in warning for warning in report.warnings)
