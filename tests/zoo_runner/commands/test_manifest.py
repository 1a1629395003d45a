"""``zoo-run validate``: several manifests, as people, JSON readers and GitHub are told."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
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
    assert trial == {
        "manifest": "trial.yaml",
        "name": "trial",
        "valid": True,
        "files": ["trial.yaml"],
        "notes": [],
        "problems": [],
    }
    problem = {"file": "typo.yaml", "line": 4, "message": UNKNOWN}
    assert typo == {
        "manifest": "typo.yaml",
        "name": None,
        "valid": False,
        "files": [],
        "notes": [],
        "problems": [problem],
    }


def test_github_gets_an_annotation_at_the_line(several: ZooRun) -> None:
    github = several.given(GITHUB_ACTIONS="true")
    done = github("validate", "typo.yaml", "trial.yaml")
    assert done.returncode == 2
    assert f"::error file=typo.yaml,line=4,title=typo::{UNKNOWN}\n" in done.stdout
    done = github("validate", "typo.yaml", "--json")
    assert len(json.loads(done.stdout)) == 1
    assert "::error file=typo.yaml,line=4" in done.stderr


WRECK = """\
from collections.abc import Callable

from pydantic import BaseModel, Field
from trial_plugin import *

from zoo_runner.plugin.hookspecs import hookimpl


@hookimpl
def zoo_config():
"""
BROKEN = {
    "fails": "    raise RuntimeError('broken')\n",
    "no schema": "    class Odd(BaseModel):\n        when: Callable[[], int] = Field(default=None)\n    return Odd\n",
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_the_schema_is_there_though_a_plugin_is_broken(
    trial: ZooRun, trial_site: Path, tmp_path: Path, body: str
) -> None:
    site = shutil.copytree(trial_site, tmp_path / "site")
    (site / "wreck_plugin.py").write_text(f"{WRECK}{body}")
    info = site / "wreck-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wreck\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo_runner]\nwreck = wreck_plugin\n")
    done = trial.given(PYTHONPATH=site)("schema")
    assert (done.returncode, done.stderr) == (0, "")
    known = json.loads(done.stdout)["$defs"]
    assert {"Config-refinedet", "Config-trial"} <= known.keys()
    assert "Config-wreck" not in known


def test_no_secret_is_printed(several: ZooRun) -> None:
    done = several("validate", "trial.yaml", "--json", "--set", "weights.url=ftp://me:Pl4nted@host/w")
    assert done.returncode == 2
    assert "Pl4nted" not in done.stdout + done.stderr
