"""The job for a whole zoo: it is well formed, the page shows it, and what it calls takes these options."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any

import click
import pytest
import yaml

from places import ROOT
from zoo_runner.commands.zoo import zoo

WORKFLOW = ROOT / "docs" / "ci" / "zoo-github-actions.yml"


def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]["zoo"]["steps"]
    return found


def test_the_page_shows_it() -> None:
    page = (ROOT / "docs" / "how-to" / "zoo.md").read_text(encoding="utf-8")
    assert f"```yaml\n{WORKFLOW.read_text()}```" in page


def test_it_follows_the_published_schema() -> None:
    pytest.importorskip("check_jsonschema", reason="it brings the schemas of SchemaStore along")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_runs_is_kept_also_of_a_red_zoo() -> None:
    lines = {each["name"]: each["run"] for each in steps() if "run" in each}
    program, command, *words = shlex.split(lines["Run what changed"])
    assert (program, command) == ("zoo-run", "zoo")
    given = click.Context(zoo)
    zoo.parse_args(given, words)
    assert given.params["changed"]
    assert lines["Show the overview"].split()[1] == str(given.params["markdown"])
    after = steps()[[each.get("name") for each in steps()].index("Run what changed") + 1 :]
    assert {each["if"] for each in after} == {"always()"}
    kept = after[-1]["with"]["path"].split()
    assert kept == [str(given.params["html"]), f"{given.params['output']}/"]
