"""The two-job pipelines of an Ascend host: every line does what it should, each job on a host of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
import yaml

from places import ROOT
from zoo_runner.testing import stand_in_environment

FOLDER: Final = ROOT / "docs" / "ci"
GITHUB, GITLAB = FOLDER / "ascend-github-actions.yml", FOLDER / "ascend-gitlab-ci.yml"
ROLES: Final = {"convert": "build", "gate": "inference"}
"""The host that each job has."""
FAILING: Final = "extends: {manifest}\nexpected: {{accuracy: {{value: 99.5}}}}\n"

Pipeline: TypeAlias = "tuple[Mapping[str, str], Mapping[str, Sequence[str]]]"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def pipeline(path: Path) -> Pipeline:
    """Return the variables of a pipeline, and the lines of each job."""
    found = read(path)
    if path == GITLAB:
        return found["variables"], {name: found[name]["script"] for name in ROLES}
    jobs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in found["jobs"].items()}
    return found["env"], jobs


@pytest.fixture
def command(tmp_path: Path) -> Path:
    """A folder with the command, as the images have it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "zoo-run"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m zoo_runner "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("path", [GITHUB, GITLAB], ids=lambda path: path.stem)
def test_what_one_job_converts_the_other_gates(path: Path, command: Path, tmp_path: Path) -> None:
    variables, jobs = pipeline(path)
    assert list(jobs) == list(ROLES)
    environments = {}
    for job, lines in jobs.items():
        folder = tmp_path / job
        shutil.copytree(ROOT / "manifests", folder / "manifests")
        if job == "gate":
            shutil.copy(tmp_path / "convert" / "model.zip", folder)  # the artifact, and nothing else
        environment = {**stand_in_environment(tmp_path / f"host-{job}", role=ROLES[job]), **variables}
        environment["PATH"] = os.pathsep.join((str(command), environment["PATH"]))
        environment["PYTHONPATH"] = os.pathsep.join((environment["PYTHONPATH"], str(ROOT)))
        environment["ZOO_RUNNER_CACHE"] = str(tmp_path / f"store-{job}")
        environments[job] = environment
        for line in lines:
            done = run(line, folder, environment)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "gate" / "gate" / "junit.xml").is_file()

    (tmp_path / "gate" / "stricter.yaml").write_text(FAILING.format(manifest=variables["MANIFEST"]))
    done = run(jobs["gate"][-1], tmp_path / "gate", {**environments["gate"], "MANIFEST": "stricter.yaml"})
    assert done.returncode == 1, done.stdout + done.stderr
    done = run(jobs["convert"][0], tmp_path / "gate", environments["gate"])
    assert done.returncode == 3, "a host without atc is told so"


def run(line: str, folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    words = ["bash", "-e", "-o", "pipefail", "-c", line]
    return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=600)


@pytest.mark.parametrize(
    ("path", "schema"),
    [pytest.param(GITHUB, "github-workflows", id="github"), pytest.param(GITLAB, "gitlab-ci", id="gitlab")],
)
def test_it_follows_the_published_schema(path: Path, schema: str) -> None:
    pytest.importorskip("check_jsonschema", reason="it brings the schemas of SchemaStore along")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_reports_are_kept_also_of_a_failed_run() -> None:
    *_, keep = read(GITHUB)["jobs"]["gate"]["steps"]
    assert (keep["if"], keep["with"]["path"]) == ("always()", "gate/")
    kept = read(GITLAB)["gate"]["artifacts"]
    assert (kept["when"], kept["paths"], kept["reports"]) == ("always", ["gate/"], {"junit": "gate/junit.xml"})


def test_both_images_have_one_release_of_cann() -> None:
    texts = [(FOLDER / f"ascend-{name}.Dockerfile").read_text() for name in ("build", "inference")]
    releases = [re.findall(r"^ARG CANN=(\S+)$", text, re.MULTILINE) for text in texts]
    assert releases[0] == releases[1]
    assert len(releases[0]) == 1
    assert ["[export]" in text for text in texts] == [True, False]
