"""``zoo-run validate``: several manifests, as people, JSON readers and GitHub are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import ZooRun

TYPO = "extends: trial.yaml\nname: typo\ninfer:\n  bacth: 3\n"
UNKNOWN = "infer.bacth: unknown key; did you mean 'batch'?"


@pytest.fixture
def several(trial: ZooRun) -> ZooRun:
    (trial.folder / "typo.yaml").write_text(TYPO)
    (trial.folder / "unfit.yaml").write_text("extends: trial.yaml\nplugin: {name: trail}\n")
    return trial


def test_each_is_checked(several: ZooRun) -> None:
    done = several("validate", "typo.yaml", "trial.yaml", "unfit.yaml", "gone.yaml")
    assert (done.returncode, done.stdout) == (2, "trial: valid (read trial.yaml)\n")
    errors = done.stderr.splitlines()
    assert errors[0] == f"error: typo.yaml:4: {UNKNOWN}"
    assert "no plugin is registered as 'trail'; did you mean 'trial'?" in errors[1]
    assert errors[2].startswith("error: gone.yaml: no such file")
    assert len(errors) == 3


def test_json_has_an_entry_for_each(several: ZooRun) -> None:
    done = several("validate", "typo.yaml", "trial.yaml", "--json")
    assert done.returncode == 2
    typo, trial = json.loads(done.stdout)
    assert trial == {"manifest": "trial.yaml", "name": "trial", "valid": True, "files": ["trial.yaml"], "problems": []}
    problem = {"file": "typo.yaml", "line": 4, "message": UNKNOWN}
    assert typo == {"manifest": "typo.yaml", "name": None, "valid": False, "files": [], "problems": [problem]}


def test_github_gets_an_annotation_at_the_line(several: ZooRun) -> None:
    github = several.given(GITHUB_ACTIONS="true")
    done = github("validate", "typo.yaml", "trial.yaml")
    assert done.returncode == 2
    assert f"::error file=typo.yaml,line=4,title=typo::{UNKNOWN}\n" in done.stdout
    done = github("validate", "typo.yaml", "--json")
    assert len(json.loads(done.stdout)) == 1
    assert "::error file=typo.yaml,line=4" in done.stderr


def test_no_secret_is_printed(several: ZooRun) -> None:
    done = several("validate", "trial.yaml", "--json", "--set", "weights.url=ftp://me:Pl4nted@host/w")
    assert done.returncode == 2
    assert "Pl4nted" not in done.stdout + done.stderr
