"""Several manifests in one command: one table, one exit code, and none stands in another's way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from zoo_runner.commands.failure import worst

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

FAILING = "extends: trial.yaml\nname: {}\nplugin: {{config: {{classes: [bee, ant, cat, dog]}}}}\n"
MANIFESTS = {
    "fail.yaml": FAILING.format("fail"),
    "open.yaml": "extends: trial.yaml\nname: open\nexpected: null\n",
    "bug.yaml": "extends: trial.yaml\nname: bug\nplugin: {config: {breaks: {metric: bug}}}\n",
    "lost.yaml": "extends: trial.yaml\nname: lost\ndataset: {samples: 151}\n",
    "typo.yaml": "extends: trial.yaml\nname: typo\ninfer: {bacth: 3}\n",
    "unfit.yaml": "extends: trial.yaml\nname: unfit\nplugin: {config: {classes: [a, b]}}\n",
    "same.yaml": "extends: trial.yaml\n",
    "exit.yaml": "extends: trial.yaml\nname: exit\nplugin: {config: {breaks: {hook: exit 0}}}\n",
}


@pytest.fixture
def several(trial: ZooRun) -> ZooRun:
    for name, text in MANIFESTS.items():
        (trial.folder / name).write_text(text)
    return trial


@pytest.mark.parametrize(
    ("codes", "expected"),
    [([], 0), ([0, 0], 0), ([0, 4], 4), ([4, 3], 3), ([3, 2, 4], 2), ([4, 3, 2, 1, 0], 1)],
    ids=str,
)
def test_the_worst_code_wins(codes: list[int], expected: int) -> None:
    assert worst(codes) == expected


@pytest.mark.parametrize(
    ("names", "code", "verdicts"),
    [
        pytest.param(["trial", "open"], 4, ["pass", "inconclusive"], id="pass and inconclusive"),
        pytest.param(["open", "lost", "trial"], 3, ["inconclusive", "error", "pass"], id="stage failed"),
        pytest.param(["bug", "trial"], 3, ["error", "pass"], id="bug"),
        pytest.param(["lost", "unfit", "typo", "trial"], 2, ["error", "error", "error", "pass"], id="refused"),
        pytest.param(["exit", "trial"], 3, ["error", "pass"], id="a bug that shows before the run"),
        pytest.param(["lost", "fail", "trial"], 1, ["error", "fail", "pass"], id="gate failed"),
    ],
)
@pytest.mark.long_rows("pass and inconclusive")
def test_all_are_run_and_the_worst_is_the_exit_code(
    several: ZooRun, names: list[str], code: int, verdicts: list[str]
) -> None:
    done = several(*(f"{name}.yaml" for name in names))
    assert done.returncode == code, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row for row in rows if len(row) == 2 and row[0] in names] == [
        list(pair) for pair in zip(names, verdicts, strict=True)
    ]
    assert len([row for row in rows if row[:2] == ["line", "measured"]]) == 1
    written = {path.parent.name for path in several.folder.glob("zoo-output/*/report.json")}
    assert written == set(names) - {"unfit", "typo", "exit"}
    assert f"report: zoo-output/{'trial' if 'trial' in names else names[0]}/report.html" in done.stdout


def test_typing_errors_show_before_the_first_run(several: ZooRun) -> None:
    done = several("trial.yaml", "typo.yaml")
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert lines[0] == "error: typo.yaml:3: infer.bacth: unknown key; did you mean 'batch'?"
    assert lines[1] == "trial: 1 of 2"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["vaildate", "trial.yaml"], "vaildate: neither a manifest file nor a command; did you mean 'validate'?"),
        (["trial.yaml", "vaildate"], "vaildate: neither a manifest file nor a command; did you mean 'validate'?"),
        (["trial.yaml", "doctor"], "doctor: expected a command's options after its name: zoo-run doctor [OPTIONS]"),
        (["trial.yaml", "open.yml"], "open.yml: no such file; did you mean 'open.yaml'?"),
    ],
    ids=str,
)
def test_none_is_run_if_a_word_is_no_file(several: ZooRun, words: list[str], why: str) -> None:
    done = several(*words, "--json")
    word = why.partition(":")[0]
    assert done.returncode == 2
    reports = {report["manifest"]["name"]: report for report in json.loads(done.stdout)}
    assert reports.pop("trial")["why"] == [f"not run, because {word} is no file"]
    (report,) = reports.values()
    assert report["why"] == [why]
    assert not list(several.folder.glob("zoo-output/*/report.json"))


def test_where_nothing_is_run_there_is_nothing_but_the_errors(several: ZooRun) -> None:
    done = several("vaildate", "trial.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: vaildate: neither a manifest file nor a command; did you mean 'validate'?\n"
        "error: trial.yaml: not run, because vaildate is no file\n"
    )


@pytest.mark.parametrize("arguments", [["trial.yaml", "same.yaml"], ["trial.yaml", "trial.yaml"]], ids=" ".join)
def test_equal_names_are_refused(several: ZooRun, arguments: list[str]) -> None:
    done = several(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        f"{arguments[0]} and {arguments[1]} are both named 'trial' and would write to zoo-output/trial" in done.stderr
    )
    assert not (several.folder / "zoo-output").exists()


def test_output_and_baseline_have_a_folder_for_each(several: ZooRun) -> None:
    assert several("trial.yaml", "fail.yaml", "--output", "before").returncode == 1
    done = several("trial.yaml", "fail.yaml", "--output", "after", "--baseline", "before")
    assert done.returncode == 1, done.stderr
    for name in ("trial", "fail"):
        assert several.report(f"after/{name}")["comparison"]["path"].startswith(f"before/{name}")
    refused = several("trial.yaml", "fail.yaml", "--output", "before", "--baseline", "before")
    assert refused.returncode == 2
    assert "expected another folder than --output before/trial" in refused.stderr
    assert several.report("before/fail")["verdict"] == "fail"


def test_json_is_a_list(several: ZooRun) -> None:
    done = several("typo.yaml", "trial.yaml", "lost.yaml", "--json", "-q")
    assert done.returncode == 2
    refused, *run = json.loads(done.stdout)
    assert run == [several.report("zoo-output/trial"), several.report("zoo-output/lost")]
    assert (refused["manifest"]["name"], refused["verdict"], refused["exit_code"]) == ("typo", "error", 2)
    errors = done.stderr.splitlines()
    assert [re.split(": ", line)[:2] for line in errors] == [["error", "typo.yaml:3"], ["error", "lost"]]


def test_quiet_is_a_line_for_each(several: ZooRun) -> None:
    done = several("trial.yaml", "fail.yaml", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (1, "PASS trial\nFAIL fail\n", "")


def test_verbose_shows_each_in_full_first(several: ZooRun) -> None:
    done = several("trial.yaml", "fail.yaml", "-v")
    assert done.returncode == 1
    assert done.stdout.count("\nstage ") == 2
    assert done.stdout.rindex("\nstage ") < done.stdout.rindex("\nline")


def test_plans_follow_each_other(several: ZooRun) -> None:
    done = several("trial.yaml", "typo.yaml", "fail.yaml", "--dry-run")
    assert done.returncode == 2
    assert re.findall(r"^plan for (\w+)", done.stdout, flags=re.MULTILINE) == ["trial", "fail"]
    assert "error: typo.yaml:3: infer.bacth" in done.stderr
    assert not (several.folder / "zoo-output").exists()


def test_a_run_that_is_refused_leaves_no_older_verdict(several: ZooRun) -> None:
    old = several.folder / "zoo-output" / "unfit" / "report.json"
    old.parent.mkdir(parents=True)
    old.write_text('{"verdict": "pass", "exit_code": 0}')
    assert several("unfit.yaml", "trial.yaml").returncode == 2
    assert not old.exists()
