"""The CI files to copy: they are well formed, and every line that a runner would run does what it should."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
import yaml

from places import ROOT

pytestmark = pytest.mark.slow  # runs of the sample

FOLDER = ROOT / "docs" / "ci"
GITHUB, GITLAB = FOLDER / "github-actions.yml", FOLDER / "gitlab-ci.yml"
STORE = ".zoo-runner"
NODE_24 = {
    "actions/checkout": 5,
    "actions/setup-python": 6,
    "actions/cache/restore": 5,
    "actions/cache/save": 5,
    "actions/upload-artifact": 6,
    "github/codeql-action/upload-sarif": 4,
}
"""The first major version of each action that runs on Node 24; GitHub's runners give up the one before."""
REPORTS = {"report.json", "report.html", "junit.xml", "summary.md", "report.sarif"}
FAILING = (
    "extends: {manifest}\nexpected:\n  accuracy: {{value: 99.5}}\nsubsets:\n  pr:\n    expected: {{value: 99.5}}\n"
)
PIP = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
"""No network: what is needed is here already. (The middle one means "no build isolation"; pip reads it so.)"""


@dataclass(frozen=True)
class Step:
    """A line that a runner would run, and in what variables."""

    name: str
    script: str
    variables: Mapping[str, str]


@dataclass(frozen=True)
class Event:
    """What started the pipeline."""

    name: str
    expected: str

    def __str__(self) -> str:
        return self.name


Steps: TypeAlias = "Callable[[Event, Path], Iterator[Step]]"
PUSH, REQUEST = Event("push", "--output gate"), Event("pull_request", "--subset pr")
EVENTS = [PUSH, REQUEST]


def github_steps(event: Event, clone: Path) -> Iterator[Step]:
    """What GitHub would run; of the actions that are used only the cache matters here."""
    workflow = yaml.safe_load(GITHUB.read_text())
    given = {"github.workspace": str(clone), "github.event_name": event.name}
    variables = {name: filled(str(value), given) for name, value in workflow["env"].items()}
    variables |= {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(clone / "step_summary.md")}
    for step in workflow["jobs"]["gate"]["steps"]:
        condition = step.get("if", "always()")
        if "run" in step and holds(condition, given):
            yield Step(step["name"], step["run"], variables)


def filled(text: str, given: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ *(.+?) *\}\}", lambda match: given[match[1]], text)


def holds(condition: str, given: Mapping[str, str]) -> bool:
    """Say whether an ``if:`` of the few forms that the file uses holds."""
    return all(
        part == "always()" or given[part.split(" == ")[0]] == part.split(" == ")[1].strip("'")
        for part in condition.split(" && ")
    )


def gitlab_steps(event: Event, clone: Path) -> Iterator[Step]:
    """What GitLab would run."""
    pipeline = yaml.safe_load(GITLAB.read_text())
    source = {"push": "push", "pull_request": "merge_request_event"}[event.name]
    given = {
        "CI_PROJECT_DIR": str(clone),
        "CI_PIPELINE_SOURCE": source,
        "CI_DEFAULT_BRANCH": "main",
        "GITLAB_CI": "true",
    }
    given |= {"CI_COMMIT_BRANCH": "main"} if event is PUSH else {}
    variables = {name: expanded(value, given) for name, value in pipeline["variables"].items()} | given
    jobs = {name: {**pipeline[".gate"], **job} for name, job in pipeline.items() if name.startswith("gate")}
    chosen = [name for name, job in jobs.items() if any(matches(rule["if"], given) for rule in job["rules"])]
    assert len(chosen) == 1
    for number, line in enumerate(jobs[chosen[0]]["before_script"] + jobs[chosen[0]]["script"], start=1):
        yield Step(f"{chosen[0]}, line {number}", line, variables)


def expanded(text: str, given: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda match: given.get(match[1], ""), text)


def matches(rule: str, given: Mapping[str, str]) -> bool:
    left, right = (expanded(side.strip('"'), given) for side in rule.split(" == "))
    return left == right


SYSTEMS = [pytest.param(github_steps, id="github"), pytest.param(gitlab_steps, id="gitlab")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment that finds what is installed here, except this project."""
    folder = tmp_path_factory.mktemp("machine") / "venv"
    venv.create(folder, symlinks=True, with_pip=False)
    library = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    here = [entry for entry in sys.path if Path(entry).name == "site-packages"]
    lines = [f"import site; site.addsitedir({entry!r})\n" for entry in here]
    (Path(library) / "packages_of_the_tests.pth").write_text("".join(lines))
    return folder


@pytest.fixture(scope="module")
def installed() -> set[str]:
    """Lines that were run on the machine already, where once is enough."""
    return set()


@pytest.fixture
def job(clone: Path, machine: Path, cache_of_all_tests: Path, tmp_path: Path) -> Job:
    (clone / STORE).symlink_to(cache_of_all_tests)  # what the cache step restores
    environment = {
        "PATH": os.pathsep.join((str(machine / "bin"), os.defpath)),
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        **PIP,
    }
    return Job(clone, environment)


@dataclass(frozen=True)
class Job:
    """A runner's checkout and environment."""

    clone: Path
    environment: Mapping[str, str]

    def run(self, step: Step, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", step.script],  # noqa: S607 - bash of the user's path, as in CI
            cwd=self.clone,
            env={**self.environment, **step.variables, **changed},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )


@pytest.mark.parametrize("event", EVENTS, ids=str)
@pytest.mark.parametrize("steps", SYSTEMS)
@pytest.mark.long_rows("github-pull_request", "gitlab-pull_request", "gitlab-push")
def test_every_line_runs_and_the_gate_can_fail(steps: Steps, event: Event, job: Job, installed: set[str]) -> None:
    *setup, gate = steps(event, job.clone)
    assert event.expected in gate.script
    for step in setup:
        line = f"{step.script} {step.variables['PACKAGE']}"
        if line not in installed:
            done = job.run(step)
            assert done.returncode == 0, f"{step.name}\n{done.stdout}{done.stderr}"
            installed.add(line)
    done = job.run(gate)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.name for path in (job.clone / "gate").iterdir()} >= REPORTS

    manifest = job.clone / "stricter.yaml"
    manifest.write_text(FAILING.format(manifest=gate.variables["MANIFEST"]))
    shutil.rmtree(job.clone / "gate")
    done = job.run(gate, MANIFEST=manifest.name)
    assert done.returncode == 1, done.stdout + done.stderr
    assert {path.name for path in (job.clone / "gate").iterdir()} >= REPORTS
    assert 'failures="1"' in (job.clone / "gate" / "junit.xml").read_text()
    if steps is github_steps:
        annotations = [line for line in done.stdout.splitlines() + done.stderr.splitlines() if line.startswith("::")]
        assert any(line.startswith("::error file=stricter.yaml,line=") for line in annotations), annotations
        assert "99.5" in (job.clone / "step_summary.md").read_text(encoding="utf-8")


class TestStructure:
    def test_github_keeps_the_reports_also_of_a_failed_run(self) -> None:
        workflow = yaml.safe_load(GITHUB.read_text())
        assert set(workflow) == {"name", True, "permissions", "env", "jobs"}  # YAML 1.1 reads `on` as true
        assert set(workflow[True]) == {"push", "pull_request"}
        (gate,) = workflow["jobs"].values()
        uses = {step["uses"].partition("@")[0]: step for step in gate["steps"] if "uses" in step}
        versions = {name: int(step["uses"].partition("@v")[2]) for name, step in uses.items()}
        assert {name: max(least, versions.get(name, 0)) for name, least in NODE_24.items()} == versions
        upload = uses["actions/upload-artifact"]
        assert (upload["if"], upload["with"]["path"]) == ("always()", "gate/")
        restore, save = uses["actions/cache/restore"], uses["actions/cache/save"]
        assert restore["with"]["path"] == save["with"]["path"] == STORE
        assert restore["with"]["key"] == save["with"]["key"]
        assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
        assert save["if"] == "always()"
        sarif = uses["github/codeql-action/upload-sarif"]
        assert sarif["if"].startswith("always()")
        assert sarif["continue-on-error"] is True
        assert Path(sarif["with"]["sarif_file"]).name in REPORTS

    def test_gitlab_keeps_the_reports_also_of_a_failed_run(self) -> None:
        pipeline = yaml.safe_load(GITLAB.read_text())
        assert set(pipeline) == {"stages", "variables", ".gate", "gate", "gate-subset"}
        artifacts = pipeline[".gate"]["artifacts"]
        assert (artifacts["when"], artifacts["paths"]) == ("always", ["gate/"])
        assert artifacts["reports"] == {"junit": "gate/junit.xml"}
        assert STORE in pipeline[".gate"]["cache"]["paths"]
        assert {pipeline[name]["stage"] for name in [".gate"]} <= set(pipeline["stages"])
        assert pipeline["gate"]["extends"] == pipeline["gate-subset"]["extends"] == ".gate"

    @pytest.mark.parametrize(
        ("path", "schema"),
        [pytest.param(GITHUB, "github-workflows", id="github"), pytest.param(GITLAB, "gitlab-ci", id="gitlab")],
    )
    def test_it_follows_the_published_schema(self, path: Path, schema: str) -> None:
        pytest.importorskip("check_jsonschema", reason="it brings the schemas of SchemaStore along")
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    @pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=lambda path: path.stem)
    def test_the_page_shows_the_file(self, path: Path) -> None:
        page = ROOT / "docs" / "how-to" / f"{path.stem}.md"
        assert f"```yaml\n{path.read_text()}```\n" in page.read_text()
