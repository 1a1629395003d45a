"""Whole runs through the command line: exit codes, what is written where, and what a failing run leaves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from terminals import at_a_terminal

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

FAULTS = ("bug", "end of file", "exit 0", "exit 1", "memory", "disk")
CRASHES = (
    *(("postprocess", fault) for fault in FAULTS),  # on a thread of its own
    *(("metric", fault) for fault in FAULTS),  # on the main thread
    ("dataset", "bug"),
    ("preprocess", "bug"),
)
STALE = '{"verdict": "pass", "exit_code": 0}'
FORMS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}
NO_CPU = "backend 'ascend' cannot run here:\n"


def test_options_may_come_first_and_part_of_the_data_is_inconclusive(trial: ZooRun) -> None:
    done = trial("--limit", "8", "--output", "out", "trial.yaml")
    assert done.returncode == 4, done.stderr
    report = trial.report()
    assert (report["verdict"], report["exit_code"]) == ("inconclusive", 4)
    assert report["why"] == ["accuracy (top1): only 8 of 150 samples were scored; run without --limit"]
    (metric,) = report["metrics"]
    assert (metric["samples"], metric["dataset_samples"], metric["verdict"]) == (8, 150, "inconclusive")
    assert f"INCONCLUSIVE trial\n  {report['why'][0]}\n" in done.stdout


def test_a_manifest_may_come_from_another_program(trial: ZooRun) -> None:
    done = trial("--until", "fetch", "--output", "out", "-", stdin=(trial.folder / "trial.yaml").read_text())
    assert done.returncode == 0, done.stderr
    manifest = trial.report()["manifest"]
    assert (manifest["name"], manifest["path"], manifest["files"]) == ("trial", "-", ["-"])
    broken = trial("validate", "-", stdin="name: [")
    assert (broken.returncode, broken.stderr[:30]) == (2, "error: -:1:8: not valid YAML: ")


def test_a_missed_expectation_is_1(trial: ZooRun) -> None:
    done = trial("trial.yaml", "--set", "plugin.config.classes=[bee, ant, cat, dog]")
    assert done.returncode == 1, done.stderr
    report = trial.report("zoo-output/trial")
    assert (report["verdict"], report["exit_code"]) == ("fail", 1)
    assert report["why"] == ["accuracy (top1): 49.33, expected at least 100 - 0.5"]
    assert "FAIL trial" in done.stdout


def test_summary_on_standard_output_and_progress_on_standard_error(trial: ZooRun) -> None:
    done = trial("trial.yaml", "--set", "infer.batch=5")
    assert done.returncode == 0, done.stderr
    for text in ("PASS trial\n", "accuracy/top1", " 100.00 %", "150 of 150", "report: zoo-output/trial/report.html\n"):
        assert text in done.stdout
        assert text not in done.stderr
    for text in (
        "preprocess to postprocess: 150 samples in ",
        "benchmark: 1 batch size in ",
        "warning: weights.pth has no hash",
    ):
        assert text in done.stderr
        assert text not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        pytest.param({"FORCE_COLOR": "1"}, True, id="FORCE_COLOR"),
        pytest.param({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, id="and NO_COLOR"),
        pytest.param({"FORCE_COLOR": ""}, False, id="empty"),
    ],
)
def test_a_log_may_have_colours_but_no_bars(trial: ZooRun, variables: dict[str, str], coloured: bool) -> None:
    done = trial.given(**variables)("trial.yaml", "--set", "infer.batch=5")
    assert done.returncode == 0
    assert ("\x1b[1;32mPASS\x1b[0m trial\n" in done.stdout) is coloured
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    assert "\x1b" not in plain
    assert "\r" not in plain
    assert re.search(r"^preprocess to postprocess: 150 samples in [0-9.]+ s$", plain, flags=re.MULTILINE)
    machine = trial.given(**variables)("trial.yaml", "--json")
    assert json.loads(machine.stdout)["verdict"] == "pass"


@pytest.mark.parametrize(
    ("variables", "escapes"),
    [pytest.param({}, True, id="colour"), pytest.param({"NO_COLOR": "1"}, False, id="NO_COLOR")],
)
def test_at_a_terminal(trial: ZooRun, variables: dict[str, str], escapes: bool) -> None:
    there = trial.given(TERM="xterm-256color", **variables)
    shown = at_a_terminal(lambda its: there.start("trial.yaml", stdout=its, stderr=its))
    assert ("\x1b[" in shown) is escapes  # colours and bars
    assert (" eta " in shown) is escapes
    assert "PASS" in shown


@pytest.mark.long
def test_set_and_batch_size(trial: ZooRun) -> None:
    done = trial("trial.yaml", "--batch-size", "4", "--set", "benchmark.loop=7", "--output", "out")
    assert done.returncode == 0, done.stderr
    report = trial.report()
    (timing,) = report["performance"]
    assert (timing["batch"], timing["loops"]) == (4, 7)
    assert report["manifest"]["overrides"] == ["benchmark.loop=7"]


@pytest.mark.parametrize(
    ("arguments", "report", "text"),
    [
        pytest.param(
            ["--data", "nowhere"], True, "--data: expected the folder of the data set, found no folder", id="data"
        ),
        pytest.param(
            ["--set", "dataset.samples=151"], True, "expected the 151 samples of numbers, found 150", id="sample count"
        ),
        pytest.param(["--weights", "nowhere.pth"], True, "nowhere.pth: expected a file at", id="weights"),
        pytest.param(
            ["--require-hash"], True, "expected a sha256 in the manifest (--require-hash), found none", id="no hash"
        ),
        pytest.param(["--set", f"weights.sha256={'a' * 64}"], True, f"expected sha256 {'a' * 64}\n", id="wrong hash"),
        pytest.param(
            ["--from", "evaluate", "--set", "infer.batch=3"], True, "run once without it", id="nothing to go on from"
        ),
        pytest.param(["--from", "postprocess", "--results", "data"], True, "  extra: ant_000.txt\n", id="no results"),
        pytest.param(
            ["--backend", "ascend"], False, f"{NO_CPU}  CANN environment: set_env.sh was not sourced", id="backend"
        ),
        pytest.param(["--backend", "ascend"], False, "\n  npu-smi: no chip could be read. ", id="backend, all of it"),
        pytest.param(["--output", "trial.yaml"], False, "--output trial.yaml: cannot be written", id="output"),
    ],
)
def test_what_is_missing_is_3(trial: ZooRun, arguments: list[str], report: bool, text: str) -> None:
    done = trial("trial.yaml", "--output", "out", *arguments)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    if not report:
        assert text in done.stderr
        assert not (trial.folder / "out").exists()
        return
    found = trial.report()
    assert (found["verdict"], found["exit_code"]) == ("error", 3)
    assert text in found["why"][0]
    assert f"ERROR trial\n  {found['why'][0].splitlines()[0]}" in done.stdout


def test_without_a_hash_nothing_is_made_when_one_is_required(trial: ZooRun, tmp_path: Path) -> None:
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "cache")
    assert fresh("trial.yaml", "--require-hash", "--output", "out").returncode == 3
    assert [path.name for path in fresh.cache.iterdir()] == ["ledger.sqlite3"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == FORMS | {".zoo-run.json"}


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        pytest.param(["trial.yaml", "--backend", "ascend"], 3, None, id="backend"),
        pytest.param(["trial.yaml", "--backend", "nonsense"], 2, None, id="unknown backend"),
        pytest.param(["trial.yaml", "--from", "infer", "--until", "export"], 2, None, id="contradiction"),
        pytest.param(["trial.yaml", "--set", "infer.batch=0"], 2, None, id="value"),
        pytest.param(["gone.yaml"], 2, None, id="manifest"),
        pytest.param(["trial.yaml", "--data", "nowhere"], 3, "error", id="data"),
        pytest.param(["trial.yaml", "--set", "plugin.config.breaks.metric=bug"], 3, "error", id="bug"),
    ],
)
def test_a_failing_run_leaves_no_older_verdict(
    trial: ZooRun, arguments: list[str], code: int, verdict: str | None
) -> None:
    output = trial.folder / "out"
    output.mkdir()
    (output / "report.json").write_text(STALE)
    assert trial(*arguments, "--output", "out").returncode == code
    assert (trial.report()["verdict"] if verdict else (output / "report.json").exists()) == (verdict or False)
    kept = json.loads((output / "previous-report.json").read_bytes())
    assert (kept["verdict"], kept["notice"][:8]) == ("pass", "PREVIOUS")


@pytest.mark.parametrize(
    ("arguments", "code", "lines"),
    [
        pytest.param([], 0, ["PASS trial"], id="pass"),
        pytest.param(["--limit", "8"], 4, ["INCONCLUSIVE trial"], id="inconclusive"),
        pytest.param(["--data", "nowhere"], 3, ["ERROR trial", "  --data: expected the folder of"], id="error"),
    ],
)
def test_quiet_prints_the_verdict_and_errors(trial: ZooRun, arguments: list[str], code: int, lines: list[str]) -> None:
    done = trial("trial.yaml", "--quiet", *arguments)
    assert (done.returncode, done.stderr) == (code, "")
    shown = done.stdout.splitlines()
    assert [line[: len(start)] for line, start in zip(shown, lines, strict=True)] == lines


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
@pytest.mark.long_rows("latin-1")
def test_a_terminal_that_lacks_characters_gets_others(trial: ZooRun, encoding: str) -> None:
    with (trial.folder / "shown").open("w+b") as shown:
        process = trial.given(PYTHONIOENCODING=encoding).start(
            "trial.yaml", "--output", "größe €", stdout=shown.fileno()
        )
        _, errors = process.communicate(timeout=300)
        shown.seek(0)
        text = shown.read().decode(encoding)
    assert process.returncode == 0, errors
    assert "100.00 %" in text
    assert ">= 100.00" in text or "≥ 100.00" in text
    assert "? 100.00" not in text


def test_a_name_that_is_not_utf8_costs_nothing(trial: ZooRun) -> None:
    name = os.fsdecode(b"m\xff.yaml")
    (trial.folder / name).write_bytes((trial.folder / "trial.yaml").read_bytes())
    done = trial(name, "--output", "out", "--limit", "8")
    assert done.returncode == 4, done.stderr
    assert trial.report()["manifest"]["path"] == "m\\udcff.yaml"
    assert {path.name for path in (trial.folder / "out").iterdir()} == FORMS | {"predictions.npz", ".zoo-run.json"}
    assert '"uri": "m%FF.yaml"' in (trial.folder / "out" / "report.sarif").read_text()
    refused = trial(os.fsdecode(b"n\xff.yaml"), "--json")
    assert (refused.returncode, json.loads(refused.stdout)["manifest"]["path"]) == (2, "n\\udcff.yaml")


def test_verbose_prints_every_stage(trial: ZooRun) -> None:
    done = trial("trial.yaml", "-v")
    assert done.returncode == 0
    for text in ("\nfetch ", "\ngate ", "loops", "min ms", "throughput/cpu/1", "\nwarning: weights.pth has no hash"):
        assert text in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        pytest.param([], 0, "pass", id="pass"),
        pytest.param(["--until", "export"], 0, "stopped", id="stopped"),
        pytest.param(["--data", "nowhere"], 3, "error", id="error"),
        pytest.param(["--set", "plugin.config.breaks.metric=bug"], 3, "error", id="bug"),
    ],
)
def test_json_is_the_report_and_nothing_else(trial: ZooRun, arguments: list[str], code: int, verdict: str) -> None:
    done = trial("trial.yaml", "--json", "--output", "out", *arguments)
    assert done.returncode == code
    assert done.stdout == (trial.folder / "out" / "report.json").read_text(encoding="utf-8")
    assert json.loads(done.stdout)["verdict"] == verdict
    assert "predict" in done.stderr or code or verdict == "stopped"
    quiet = trial("trial.yaml", "--json", "--quiet", *arguments)
    assert (quiet.returncode, json.loads(quiet.stdout)["verdict"]) == (code, verdict)
    assert bool(quiet.stderr) is (code == 3)
    assert "error: " in quiet.stderr or code == 0


@pytest.mark.parametrize("arguments", [["gone.yaml"], ["trial.yaml", "--backend", "nonsense"]], ids=" ".join)
def test_json_of_a_run_that_was_refused_says_why(trial: ZooRun, arguments: list[str]) -> None:
    done = trial(*arguments, "--json")
    assert done.returncode == 2
    report = json.loads(done.stdout)
    assert (report["verdict"], report["exit_code"]) == ("error", 2)
    assert done.stderr == f"error: {report['why'][0]}\n"


@pytest.mark.parametrize(
    ("variables", "arguments", "heading"),
    [
        pytest.param({}, [], "✅ PASS", id="default"),
        pytest.param({}, ["--lang", "zh"], "✅ 通过", id="option"),
        pytest.param({"ZOO_RUNNER_LANG": "zh"}, [], "✅ 通过", id="variable"),
        pytest.param({"ZOO_RUNNER_LANG": "zh"}, ["--lang", "en"], "✅ PASS", id="option before variable"),
    ],
)
def test_language(trial: ZooRun, variables: dict[str, str], arguments: list[str], heading: str) -> None:
    done = trial.given(**variables)("trial.yaml", "--output", "out", *arguments)
    assert done.returncode == 0
    assert (trial.folder / "out" / "summary.md").read_text(encoding="utf-8").startswith(f"## {heading} — trial\n")
    language = "zh-Hans" if "通过" in heading else "en"
    assert f'<html lang="{language}"' in (trial.folder / "out" / "report.html").read_text(encoding="utf-8")


def test_a_form_that_cannot_be_written_is_a_warning(trial: ZooRun) -> None:
    fresh = replace(trial, server=None)  # the server has loaded what renders
    done = fresh.given(PYTHONPATH=f"{broken_renderer(trial)}:{trial.variables['PYTHONPATH']}")(
        "trial.yaml", "--output", "out"
    )
    assert done.returncode == 0
    text = "report.html could not be written (ImportError: no templates here); report.json has everything"
    assert f"warning: {text}\n" in done.stderr
    assert text in trial.report()["warnings"]
    assert "report: out/report.json\n" in done.stdout


def broken_renderer(trial: ZooRun) -> Path:
    """A folder that on the import path breaks what renders ``report.html``."""
    site = trial.folder / "broken"
    site.mkdir()
    (site / "jinja2.py").write_text("raise ImportError('no templates here')\n")
    return site


@pytest.mark.parametrize(
    "baseline", ["zoo-output/trial", "zoo-output/trial/report.json", "zoo-output/../zoo-output/trial"]
)
def test_the_baseline_is_not_written_over(trial: ZooRun, baseline: str) -> None:
    report = trial.folder / "zoo-output" / "trial" / "report.json"
    report.parent.mkdir(parents=True)
    report.write_text(STALE)
    for arguments in ([], ["--output", "zoo-output/trial"]):
        done = trial("trial.yaml", "--baseline", baseline, *arguments)
        assert done.returncode == 2
        assert f"--baseline {baseline}: expected another folder than --output zoo-output/trial" in done.stderr
        assert report.read_text() == STALE


def test_a_dry_run_leaves_the_report_alone(trial: ZooRun) -> None:
    (trial.folder / "out").mkdir()
    (trial.folder / "out" / "report.json").write_text(STALE)
    assert trial("trial.yaml", "--dry-run", "--output", "out").returncode == 0
    assert (trial.folder / "out" / "report.json").read_text() == STALE


@pytest.mark.parametrize(("part", "fault"), CRASHES, ids=[f"{fault} in {part}" for part, fault in CRASHES])
@pytest.mark.long_rows(
    "exit 1 in metric",
    "end of file in metric",
    "memory in postprocess",
    "exit 1 in postprocess",
    "end of file in postprocess",
    "bug in postprocess",
    "exit 0 in postprocess",
    "disk in postprocess",
)
def test_a_crash_is_3_whatever_it_is(trial: ZooRun, part: str, fault: str) -> None:
    batch = 16 + CRASHES.index((part, fault))  # nothing is in the store for it, so every part has work
    arguments = ["--set", f"plugin.config.breaks.{part}={fault}", "--batch-size", str(batch), "--output", "out"]
    done = trial("trial.yaml", *arguments)
    assert done.returncode == 3
    assert "PASS" not in done.stdout
    report = trial.report()
    assert (report["verdict"], report["exit_code"]) == ("error", 3)
    assert f"plugin 'trial': zoo_{part} failed" in report["why"][0]
    assert "trial_plugin.py:" in report["why"][0]
    assert "--traceback shows every call" in report["why"][0]
    assert "Traceback" not in done.stderr
    if part in {"preprocess", "postprocess"}:
        assert "for sample '" in report["why"][0]
    if fault == "disk":
        assert "free some space on that disk" in report["why"][0]


@pytest.mark.parametrize("detail", [(), ("--quiet",), ("--verbose",)], ids=lambda options: "".join(options) or "normal")
@pytest.mark.parametrize("part", ["dataset", "preprocess"])
def test_every_call_that_led_to_an_error_is_shown_on_request(trial: ZooRun, part: str, detail: tuple[str, ...]) -> None:
    broken = f"plugin.config.breaks.{part}=bug"
    done = trial("trial.yaml", "--set", broken, "--batch-size", "31", "--output", "out", "--traceback", *detail)
    assert done.returncode == 3
    assert "Traceback (most recent call last)" in done.stderr
    assert "RuntimeError: the plugin has a bug" in done.stderr


def test_a_crash_before_the_run_is_not_a_verdict_either(trial: ZooRun) -> None:
    done = trial("trial.yaml", "--set", "plugin.config.breaks.hook=exit 0", "--output", "out")
    assert done.returncode in {2, 3}
    assert not (trial.folder / "out" / "report.json").exists()


@pytest.mark.parametrize("closed", ["stdout", "stderr"])
def test_nobody_listening_is_not_a_verdict(trial: ZooRun, closed: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    other = "stderr" if closed == "stdout" else "stdout"
    process = trial.start("trial.yaml", **{closed: writing, other: subprocess.DEVNULL})
    os.close(writing)
    assert process.wait(300) not in {0, 1}


def test_the_store_may_be_anywhere(trial: ZooRun, tmp_path: Path) -> None:
    fresh = trial.given(ZOO_RUNNER_CACHE=tmp_path / "deep" / "cache")
    assert fresh("trial.yaml", "--until", "export").returncode == 0
    assert (tmp_path / "deep" / "cache" / "onnx").is_dir()
    shutil.rmtree(tmp_path / "deep")
