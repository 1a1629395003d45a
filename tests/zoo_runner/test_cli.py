"""The command line without a model: help, listings, and everything it refuses. Real processes throughout."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from jsonschema import Draft202012Validator

from places import MODELS, ROOT
from zoo_runner.job.options import Stage
from zoo_runner.report.model import Report

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

SAMPLE = ROOT / "manifests" / "refinedet320-sample.yaml"
OPTIONS = (
    *("backend", "weights", "data", "subset", "baseline", "batch-size", "device", "limit", "from", "until", "results"),
    *("output", "set", "lang", "quiet", "verbose", "json"),
)
HEAVY = {
    *("torch", "onnx", "onnxruntime", "onnxsim", "cv2", "numpy", "pydantic", "rich", "requests", "yaml"),
    *("jinja2", "matplotlib", "junitparser", "sqlite3"),
}


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_says_what_there_is(zoo_run: ZooRun, flag: str) -> None:
    done = zoo_run(flag)
    assert (done.returncode, done.stderr) == (0, "")
    text = " ".join(done.stdout.split())
    for option in (*OPTIONS, "dry-run", "require-hash"):
        assert f" --{option} " in text
    assert f"Stages: {', '.join(stage.value for stage in Stage)}" in text
    for command in ("validate", "schema", "history", "plugins", "backends", "doctor", "completion"):
        assert f" {command} " in text
    assert re.search(r"Exit codes: 0 .+ 1 .+ 2 .+ 3 .+ 4 ", text)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["run", "--help"], ["doctor", "--help"], ["history", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_large(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "before = {*sys.modules}  # whoever measures coverage has loaded some\n"
        "from zoo_runner.cli import main\n"
        f"try: main({arguments})\n"
        "except SystemExit as end: print(end.code, *(sys.modules.keys() - before), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()


def test_version(zoo_run: ZooRun) -> None:
    done = zoo_run("--version")
    assert (done.returncode, done.stdout) == (0, f"zoo-run, version {metadata.version('zoo-runner')}\n")


def test_without_arguments_it_says_how_to_use_it(zoo_run: ZooRun) -> None:
    done = zoo_run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "zoo-run MANIFEST... [OPTIONS]" in done.stderr


def test_schema_is_a_json_schema_that_knows_the_sample(zoo_run: ZooRun) -> None:
    done = zoo_run("schema")
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid(yaml.safe_load(SAMPLE.read_text()))
    assert not Draft202012Validator(schema).is_valid({"name": "sample"})


def test_schema_of_the_report(zoo_run: ZooRun) -> None:
    done = zoo_run("schema", "report")
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    assert not Draft202012Validator(schema).is_valid({"verdict": "pass"})
    assert zoo_run("schema", "manifest").stdout == zoo_run("schema").stdout


def test_validate_names_every_file_read(zoo_run: ZooRun) -> None:
    done = zoo_run("validate", ROOT / "manifests" / "refinedet512.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("refinedet512: valid (read ")
    assert all(f"{name}.yaml" in done.stdout for name in ("refinedet512", "refinedet320"))


@pytest.mark.parametrize(
    ("command", "names"),
    [
        pytest.param("plugins", set(MODELS), id="plugins"),
        pytest.param("backends", {"ascend", "onnxruntime"}, id="backends"),
    ],
)
def test_listings(zoo_run: ZooRun, command: str, names: set[str]) -> None:
    done = zoo_run(command)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert {row[0] for row in rows} == names
    assert all(row[1:3] == ["zoo-runner", metadata.version("zoo-runner")] for row in rows)


def test_a_broken_plugin_is_listed_as_such_and_disturbs_nobody(trial: ZooRun, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "wreck-1.0.dist-info").mkdir(parents=True)
    (site / "wreck-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: wreck\nVersion: 1.0\n")
    (site / "wreck-1.0.dist-info" / "entry_points.txt").write_text("[zoo_runner]\nwreck = no_such_module\n")
    broken = trial.given(PYTHONPATH=f"{trial.variables['PYTHONPATH']}:{site}")
    listed, validated, asked = (
        broken("plugins"),
        broken("validate", "trial.yaml"),
        broken("doctor", "--backend", "wreck"),
    )
    assert (listed.returncode, validated.returncode, asked.returncode) == (0, 0, 2)
    assert {line.split()[0] for line in listed.stdout.splitlines()} == {*MODELS, "trial"}
    assert "wreck" in listed.stderr
    assert "No module named 'no_such_module'" in listed.stderr
    assert "No module named 'no_such_module'" in asked.stderr


def test_doctor_says_what_is_here_and_what_is_missing_for_what(zoo_run: ZooRun) -> None:
    done = zoo_run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\nbackend onnxruntime: ready\n" in done.stdout
    assert f"  ok      onnxruntime: {metadata.version('onnxruntime')}\n" in done.stdout
    assert "\nbackend ascend: not ready\n" in done.stdout
    assert "  missing atc: not on PATH\n          run `source " in done.stdout


@pytest.mark.parametrize(
    ("backend", "code", "text"),
    [
        pytest.param("onnxruntime", 0, "backend onnxruntime: ready", id="complete"),
        pytest.param("ascend", 3, "missing aclruntime: not importable", id="incomplete"),
    ],
)
def test_doctor_for_one_backend_exits_as_a_run_would(zoo_run: ZooRun, backend: str, code: int, text: str) -> None:
    done = zoo_run("doctor", "--backend", backend)
    assert done.returncode == code
    assert text in done.stdout


@pytest.mark.parametrize(
    ("arguments", "texts"),
    [
        pytest.param(
            ["plugin"], ["plugin: neither a manifest file nor a command; did you mean 'plugins'?"], id="command"
        ),
        pytest.param(
            ["--limit", "3", "doctor"],
            ["doctor: expected a command's options after its name: zoo-run doctor [OPTIONS]"],
            id="option before a command",
        ),
        pytest.param(["nowhere.yaml"], ["nowhere.yaml: no such file"], id="no manifest"),
        pytest.param(
            [SAMPLE.with_name("refinedet320-sampel.yaml")],
            ["no such file; did you mean 'refinedet320-sample.yaml'?"],
            id="misspelt manifest",
        ),
        pytest.param(
            [SAMPLE, "--backend", "onnxrutime"],
            ["'onnxrutime'; did you mean 'onnxruntime'? (registered: ascend, onnxruntime)"],
            id="backend",
        ),
        pytest.param(
            [SAMPLE, "--backend", "refinedet"], ["'refinedet' is a model plugin, not a backend"], id="no backend"
        ),
        pytest.param(
            [SAMPLE, "--set", "plugin.name=refinedat"],
            [f"'refinedat'; did you mean 'refinedet'? (registered: {', '.join(MODELS)})"],
            id="plugin",
        ),
        pytest.param([SAMPLE, "--set", "infer.bacth=3"], ["--set infer.bacth", "did you mean 'batch'?"], id="set key"),
        pytest.param([SAMPLE, "--set", "infer.batch"], ["--set infer.batch: expected KEY=VALUE"], id="set form"),
        pytest.param([SAMPLE, "--set", "infer.batch=0"], ["--set infer.batch", "found 0"], id="set value"),
        pytest.param(
            [SAMPLE, "--device", "0,x"], ["expected device numbers such as 0 or 0,1; found '0,x'"], id="device"
        ),
        pytest.param([SAMPLE, "--device", "1,1"], ["expected different, non-negative device numbers"], id="devices"),
        pytest.param(
            [SAMPLE, "--device=-1"], ["expected different, non-negative device numbers"], id="negative device"
        ),
        pytest.param([SAMPLE, "--limit", "0"], ["0 is not in the range x>=1"], id="limit"),
        pytest.param([SAMPLE, "--batch-size", "two"], ["'two' is not a valid integer"], id="batch size"),
        pytest.param([SAMPLE, "--until", "gates"], ["'gates' is not one of 'fetch', 'export'"], id="stage"),
        pytest.param([SAMPLE, "--untill", "gate"], ["o such option", "--untill", "--until"], id="option"),
        pytest.param(
            [SAMPLE, "--from", "infer", "--until", "export"],
            ["--from infer comes after --until export; swap or drop one"],
            id="backwards",
        ),
        pytest.param([SAMPLE, "--results", "."], ["add --from postprocess"], id="results alone"),
        pytest.param([SAMPLE, "--from", "gate"], ["--from gate has nothing to gate"], id="from the gate"),
        pytest.param([SAMPLE, "-q", "-v"], ["--quiet and --verbose contradict each other"], id="quiet and verbose"),
        pytest.param([SAMPLE, "--lang", "de"], ["'de' is not one of 'en', 'zh'"], id="language"),
        pytest.param([SAMPLE, "--subset", "prr"], ["prr", "did you mean 'pr'?"], id="subset"),
        pytest.param([SAMPLE, "--baseline", "nowhere"], ["--baseline nowhere"], id="baseline"),
        pytest.param([SAMPLE, SAMPLE], ["are both named 'refinedet320-sample'"], id="twice"),
        pytest.param(
            [SAMPLE, SAMPLE.with_name("refinedet320.yaml"), "--om", "a.om"],
            ["--results and --om belong to one model: give one manifest"],
            id="one model for several",
        ),
        pytest.param(["schema", "reports"], ["'reports' is not one of 'manifest', 'report'"], id="schema"),
        pytest.param(["completion", "tcsh"], ["'tcsh' is not one of 'bash', 'zsh', 'fish'"], id="shell"),
    ],
)
def test_wrong_usage_is_2_and_makes_nothing(zoo_run: ZooRun, arguments: list[str | Path], texts: list[str]) -> None:
    done = zoo_run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    for text in texts:
        assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert list(zoo_run.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        pytest.param([SAMPLE, "--dry-run"], "--json prints a report, and --dry-run makes none: drop one", id="dry run"),
        pytest.param([SAMPLE, "-q", "-v"], "--quiet and --verbose contradict each other: drop one", id="quiet"),
        pytest.param([SAMPLE, "--limit", "0"], "Invalid value for '--limit': 0 is not in the range x>=1.", id="value"),
        pytest.param([SAMPLE, "--untill", "gate"], "'--untill'", id="option"),
        pytest.param([], "Missing argument 'MANIFEST...'.", id="nothing"),
        pytest.param([SAMPLE, SAMPLE], "are both named 'refinedet320-sample'", id="twice"),
        pytest.param(["plugin"], "neither a manifest file nor a command; did you mean 'plugins'?", id="command"),
    ],
)
def test_wrong_usage_is_json_where_that_is_asked_for(zoo_run: ZooRun, arguments: list[str | Path], why: str) -> None:
    done = zoo_run("--json", *arguments)
    assert done.returncode == 2
    made = json.loads(done.stdout)
    reports = made if len(arguments) == 2 and arguments[1] == SAMPLE else [made]
    for report in reports:
        Report.model_validate(report)
        assert (report["verdict"], report["exit_code"]) == ("error", 2)
        assert why in report["why"][0]
    assert len(reports) == max(1, arguments.count(SAMPLE))
    assert why in done.stderr
    assert list(zoo_run.folder.iterdir()) == []


def test_a_faulty_manifest_is_2_with_file_and_line(zoo_run: ZooRun) -> None:
    text = SAMPLE.read_text()
    line = text.splitlines().index("infer:") + 2
    (zoo_run.folder / "m.yaml").write_text(text.replace("infer:\n  batch: 8", "infer:\n  bacth: 8"))
    for arguments in (["m.yaml"], ["validate", "m.yaml"], ["m.yaml", "--dry-run"]):
        done = zoo_run(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"m.yaml:{line}: infer.bacth: unknown key; did you mean 'batch'?" in done.stderr
    assert [path.name for path in zoo_run.folder.iterdir()] == ["m.yaml"]


def test_a_manifest_that_does_not_fit_its_plugin_is_2_with_file_and_line(zoo_run: ZooRun) -> None:
    text = SAMPLE.read_text()
    line = text.splitlines().index("outputs:") + 3
    (zoo_run.folder / "m.yaml").write_text(text.replace("[batch, 6375, 7]", "[batch, 6375, 21]"))
    done = zoo_run("m.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"m.yaml:{line}: outputs.1: expected odm_conf float32[batch, 6375, 7], found" in done.stderr
