"""What a run says to CI: GitHub's annotations and step summary, wherever its variables are set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

pytestmark = pytest.mark.slow  # whole runs of the command

LIMIT = 1024 * 1024
MISSED = ("--set", "plugin.config.classes=[bee, ant, cat, dog]")


@pytest.fixture
def github(trial: ZooRun, tmp_path: Path) -> ZooRun:
    """As in a step of GitHub Actions whose checkout is the folder above the manifest's."""
    return trial.given(
        GITHUB_ACTIONS="true", GITHUB_WORKSPACE=tmp_path.parent, GITHUB_STEP_SUMMARY=tmp_path / "summary"
    )


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::")]


def place_of_the_expectation(folder: Path) -> int:
    return next(
        number
        for number, line in enumerate((folder / "trial.yaml").read_text().splitlines(), start=1)
        if line.startswith("expected:")
    )


@pytest.mark.parametrize("arguments", [[], ["--quiet"]], ids=["plain", "quiet"])
def test_a_missed_expectation_is_shown_at_its_line(github: ZooRun, arguments: list[str]) -> None:
    done = github("trial.yaml", *MISSED, *arguments)
    assert done.returncode == 1
    error, warning = commands(done.stdout)
    place = f"{github.folder.name}/trial.yaml"
    line = place_of_the_expectation(github.folder)
    assert error.startswith(f"::error file={place},line={line},title=accuracy/top1::49.33")
    assert warning.startswith(f"::warning file={place},line=1,title=trial::weights.pth has no hash")
    assert "%0A  sha256: " in warning
    assert commands(done.stderr) == []


def test_with_json_they_are_on_standard_error(github: ZooRun) -> None:
    done = github("trial.yaml", *MISSED, "--json")
    assert json.loads(done.stdout)["verdict"] == "fail"
    assert len(commands(done.stderr)) == 2


def test_what_is_inconclusive_is_an_error_too(github: ZooRun) -> None:
    done = github("trial.yaml", "--limit", "8")
    assert done.returncode == 4
    assert commands(done.stdout)[0].startswith("::error file=")
    assert "only 8 of 150" in commands(done.stdout)[0]


def test_a_manifest_that_cannot_be_read_is_shown_where_it_is_wrong(github: ZooRun) -> None:
    (github.folder / "typo.yaml").write_text("extends: trial.yaml\nname: typo\n\ninfer: {bacth: 3}\n")
    done = github("typo.yaml")
    assert done.returncode == 2
    place = f"file={github.folder.name}/typo.yaml,line=4,title=typo"
    assert commands(done.stdout) == [f"::error {place}::infer.bacth: unknown key; did you mean 'batch'?"]


@pytest.mark.parametrize("value", ["", "false"])
def test_elsewhere_there_are_none(github: ZooRun, value: str) -> None:
    done = github.given(GITHUB_ACTIONS=value)("trial.yaml", *MISSED)
    assert commands(done.stdout + done.stderr) == []


def test_the_step_summary_grows(github: ZooRun) -> None:
    target = github.folder / "summary"
    target.write_text("# of an earlier command\n")
    (github.folder / "second.yaml").write_text("extends: trial.yaml\nname: second\n")
    (github.folder / "gone.yaml").write_text("extends: nowhere.yaml\n")
    assert github("trial.yaml", "second.yaml", "gone.yaml").returncode == 2
    text = target.read_text(encoding="utf-8")
    own = [(github.folder / "zoo-output" / name / "summary.md").read_text() for name in ("trial", "second")]
    start = "# of an earlier command\n" + "".join(f"{each}\n" for each in own)
    assert text.startswith(f"{start}## 💥 ERROR — gone\n\n- gone.yaml:1: extends: nowhere.yaml: no such file")
    assert text[len(start) :].count("\n") == 4  # it has no report to name


def test_a_manifest_that_cannot_be_run_is_in_the_step_summary_in_its_language(github: ZooRun) -> None:
    assert github("gone.yaml", "--quiet", "--lang", "zh").returncode == 2
    text = (github.folder / "summary").read_text(encoding="utf-8")
    assert text.startswith("## 💥 运行出错 — gone\n\n- gone.yaml")
    assert "没有该文件" in text


@pytest.mark.parametrize(
    ("variables", "size", "warning"),
    [
        pytest.param({}, LIMIT - 10, f"bytes would be more than the {LIMIT} that are shown", id="too long"),
        pytest.param({"GITHUB_STEP_SUMMARY": "no/such/folder"}, 0, "could not be added to no/such/folder", id="gone"),
    ],
)
def test_a_summary_that_cannot_be_added_is_a_warning(
    github: ZooRun, variables: dict[str, str], size: int, warning: str
) -> None:
    target = github.folder / "summary"
    target.write_bytes(b"x" * size)
    done = github.given(**variables)("trial.yaml")
    assert done.returncode == 0
    assert "warning: GITHUB_STEP_SUMMARY: " in done.stderr
    assert warning in done.stderr
    assert target.stat().st_size == size
