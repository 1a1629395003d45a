"""The JSON Schemas in the repository, and the manifests and reports they are for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from places import PACKAGES, ROOT

if TYPE_CHECKING:
    from tests.conftest import ZooRun

SCHEMAS = ROOT / "schemas"
KINDS = ("manifest", "report")
MANIFESTS = sorted((ROOT / "manifests").glob("*.yaml"))
MODELINE = "# yaml-language-server: $schema="


def published(kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    return schema


def test_there_are_no_others() -> None:
    assert sorted(path.name for path in SCHEMAS.iterdir()) == [f"{kind}.schema.json" for kind in KINDS]


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_what_the_command_prints(kind: str, zoo_run: ZooRun) -> None:
    done = zoo_run("schema", kind)
    assert (done.returncode, done.stderr) == (0, "")
    path = SCHEMAS / f"{kind}.schema.json"
    assert path.read_text(encoding="utf-8") == done.stdout, f"run: zoo-run schema {kind} > schemas/{path.name}"


def test_manifests_are_what_it_prints_by_default(zoo_run: ZooRun) -> None:
    assert json.loads(zoo_run("schema").stdout) == published("manifest")


@pytest.mark.parametrize("kind", KINDS)
def test_they_say_what_they_are(kind: str) -> None:
    schema = published(kind)
    Draft202012Validator.check_schema(schema)
    assert {"$schema", "$id", "title"} <= set(schema)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_tell_editors_where_it_is(path: Path) -> None:
    first, *others = path.read_text(encoding="utf-8").splitlines()
    assert first.startswith(MODELINE)
    assert (path.parent / first.removeprefix(MODELINE)).resolve() == SCHEMAS / "manifest.schema.json"
    assert not any(MODELINE in line for line in others)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_follow_it(path: Path) -> None:
    data = json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))
    assert [fault.message for fault in Draft202012Validator(published("manifest")).iter_errors(data)] == []


def test_reports_of_runs_follow_it(trial: ZooRun) -> None:
    validator = Draft202012Validator(published("report"))
    assert trial("trial.yaml", "--output", "out").returncode == 0
    assert [fault.message for fault in validator.iter_errors(trial.report())] == []
    assert trial("trial.yaml", "--output", "out", "--set", "plugin.config.breaks={metric: memory}").returncode == 3
    broken = trial.report()
    assert broken["verdict"] == "error"
    assert [fault.message for fault in validator.iter_errors(broken)] == []


def test_no_run_needs_them() -> None:
    """They are not in the wheel: editors take them from the repository, other tools from ``zoo-run schema``."""
    users = [
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if ".schema.json" in path.read_text(encoding="utf-8")
    ]
    assert users == []
