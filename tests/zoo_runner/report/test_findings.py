"""What needs attention, as findings, GitHub's workflow commands and SARIF."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shown_reports
from shown_reports import metric, timing, waiver
from zoo_runner.report.annotations import workflow_command
from zoo_runner.report.findings import ROOTS, RULES, Finding, findings, in_checkout
from zoo_runner.report.model import (
    Report,
    Verdict,
    WaiverState,
)
from zoo_runner.report.sarif import sarif

SARIF_TOOL = Path(sys.executable).with_name("sarif")


@pytest.fixture(autouse=True)
def _no_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ROOTS:
        monkeypatch.delenv(name, raising=False)


def report(verdict: Verdict = Verdict.FAIL, **given: Any) -> Report:
    return shown_reports.report(verdict, path="sub/m.yaml", exit_code=1, **given)


OVERDUE = waiver(WaiverState.OVERDUE, "11 days ago", "sub/m.yaml:40")
MISSED = metric(verdict=Verdict.FAIL, why="79.5, expected 80", where="sub/m.yaml:12")
OPEN = timing(verdict=Verdict.INCONCLUSIVE, why="not measured", where="base.yaml:7")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(report(Verdict.PASS, why=("fine",), metrics=(metric(verdict=Verdict.PASS),)), [], id="pass"),
        pytest.param(report(Verdict.STOPPED, why=("stopped after infer, as asked",)), [], id="stopped"),
        pytest.param(report(Verdict.PASS, metrics=(metric(verdict=Verdict.WAIVED),)), [], id="waived"),
        pytest.param(
            report(metrics=(MISSED,), performance=(OPEN,), why=("map: 79.5, expected 80",)),
            [
                ("expectation-missed", "error", "map/reference", "79.5, expected 80", "sub/m.yaml", 12),
                ("expectation-open", "error", "throughput/310P3/16", "not measured", "base.yaml", 7),
            ],
            id="lines",
        ),
        pytest.param(
            report(metrics=(MISSED.model_copy(update={"where": "--set expected.accuracy.value", "why": ""}),)),
            [("expectation-missed", "error", "map/reference", "fail", "sub/m.yaml", 1)],
            id="from the command line",
        ),
        pytest.param(
            report(Verdict.INCONCLUSIVE, why=("the manifest expects nothing",), metrics=(metric(),)),
            [("run", "error", "trial", "the manifest expects nothing", "sub/m.yaml", 1)],
            id="no line says it",
        ),
        pytest.param(
            report(Verdict.FAIL, why=("a", "b"), performance=(OPEN,)),
            [
                ("expectation-open", "error", "throughput/310P3/16", "not measured", "base.yaml", 7),
                ("run", "error", "trial", "a", "sub/m.yaml", 1),
                ("run", "error", "trial", "b", "sub/m.yaml", 1),
            ],
            id="lines say less",
        ),
        pytest.param(
            report(Verdict.ERROR, why=("two:\n  sub/m.yaml:3: a.b: unknown key\n  base.yaml:9: c: too small",)),
            [
                ("run", "error", "trial", "a.b: unknown key", "sub/m.yaml", 3),
                ("run", "error", "trial", "c: too small", "base.yaml", 9),
            ],
            id="places in the reason",
        ),
        pytest.param(
            report(Verdict.ERROR, why=("sub/m.yaml:12:1: key 'infer' is given twice",)),
            [("run", "error", "trial", "key 'infer' is given twice", "sub/m.yaml", 12)],
            id="a place with a column",
        ),
        pytest.param(
            report(metrics=(MISSED.model_copy(update={"where": "recipes/m.manifest:12"}),)),
            [("expectation-missed", "error", "map/reference", "79.5, expected 80", "recipes/m.manifest", 12)],
            id="a manifest of another ending",
        ),
        pytest.param(
            report(Verdict.ERROR, why=("http://host:80: refused\nat 12:30: gone",)),
            [("run", "error", "trial", "http://host:80: refused\nat 12:30: gone", "sub/m.yaml", 1)],
            id="what only looks like a place",
        ),
        pytest.param(
            report(metrics=(MISSED.model_copy(update={"where": "--set a=b:3"}),)),
            [("expectation-missed", "error", "map/reference", "79.5, expected 80", "sub/m.yaml", 1)],
            id="from the command line, with a colon",
        ),
        pytest.param(
            report(Verdict.ERROR), [("run", "error", "trial", "error", "sub/m.yaml", 1)], id="without a reason"
        ),
        pytest.param(
            report(Verdict.FAIL, waivers=(OVERDUE, waiver())),
            [
                (
                    "waiver",
                    "error",
                    "map/reference",
                    "the waiver of map/reference has run out: 11 days ago (https://example.org/1, li)",
                    "sub/m.yaml",
                    40,
                )
            ],
            id="waiver",
        ),
        pytest.param(
            report(metrics=(MISSED,), warnings=("no hash",)),
            [
                ("expectation-missed", "error", "map/reference", "79.5, expected 80", "sub/m.yaml", 12),
                ("warning", "warning", "trial", "no hash", "sub/m.yaml", 1),
            ],
            id="warnings come last",
        ),
    ],
)
def test_findings(found: Report, expected: list[tuple[Any, ...]]) -> None:
    assert [
        (each.rule, each.level, each.subject, each.message, each.path, each.line) for each in findings(found)
    ] == expected


@pytest.mark.parametrize("variable", ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", None])
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("{root}/sub/m.yaml", "sub/m.yaml", id="absolute, inside"),
        pytest.param("sub/m.yaml", "sub/m.yaml", id="relative"),
        pytest.param("link/m.yaml", "link/m.yaml", id="link"),
        pytest.param("../elsewhere/m.yaml", "{parent}/elsewhere/m.yaml", id="outside"),
    ],
)
def test_paths_are_those_of_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str, variable: str | None
) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "link").symlink_to(root / "sub")
    monkeypatch.chdir(root)
    if variable:
        monkeypatch.setenv(variable, str(root))
    assert in_checkout(path.format(root=root)) == expected.format(parent=tmp_path)


def test_the_checkout_may_be_reached_by_a_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "link"))
    assert in_checkout(str(tmp_path / "real" / "sub" / "m.yaml")) == "sub/m.yaml"


@pytest.mark.parametrize(
    ("message", "subject", "line"),
    [
        pytest.param("plain: a, b", "x", "::error file=a.yaml,line=3,title=x::plain: a, b", id="plain"),
        pytest.param("50 %\r\nnext", "x", "::error file=a.yaml,line=3,title=x::50 %25%0D%0Anext", id="message"),
        pytest.param("m", "a:b,c%\n", "::error file=a.yaml,line=3,title=a%3Ab%2Cc%25%0A::m", id="property"),
        pytest.param("%0A", "x", "::error file=a.yaml,line=3,title=x::%250A", id="escaped already"),
    ],
)
def test_workflow_commands(message: str, subject: str, line: str) -> None:
    finding = Finding(rule="run", level="error", subject=subject, message=message, path="a.yaml", line=3)
    assert workflow_command(finding) == line


def read_command(line: str) -> tuple[str, dict[str, str], str]:
    """As actions/runner does (ActionCommand.TryParseV2): what stands between the marks, then unescaped."""
    match = re.fullmatch(r"::(\w+) ([^\n]*?)::([^\n]*)", line)
    assert match
    pairs = [pair.split("=", 1) for pair in match[2].split(",")]
    return match[1], {key: unescaped(value) for key, value in pairs}, unescaped(match[3])


def unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, character)
    return text


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(message=TEXTS, subject=TEXTS, path=TEXTS)
def test_what_github_reads_is_what_was_meant(message: str, subject: str, path: str) -> None:
    finding = Finding(rule="run", level="warning", subject=subject, message=message, path=path, line=7)
    line = workflow_command(finding)
    assert len(re.split("[\r\n]", line)) == 1
    level, properties, text = read_command(line)
    assert (level, text) == ("warning", message)
    assert properties == {"file": path, "line": "7", "title": subject}


BAD = report(
    metrics=(MISSED,),
    performance=(OPEN,),
    waivers=(OVERDUE,),
    warnings=("no hash ✗ \x1b[31m",),
    why=("map: 79.5, expected 80",),
)


def test_sarif_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    log = json.loads(sarif(BAD))
    assert (log["version"], len(log["runs"])) == ("2.1.0", 1)
    driver = log["runs"][0]["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == list(RULES)
    said = []
    for result in log["runs"][0]["results"]:
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        said.append((result["ruleId"], result["level"], place["artifactLocation"]["uri"], place["region"]["startLine"]))
    assert said == [(each.rule, each.level, each.path, each.line) for each in findings(BAD)]


def test_an_alert_is_recognised_although_its_figure_moved() -> None:
    other = BAD.model_copy(update={"metrics": (MISSED.model_copy(update={"why": "78.9, expected 80"}),)})
    prints = [
        [result["partialFingerprints"] for result in json.loads(sarif(each))["runs"][0]["results"]]
        for each in (BAD, other)
    ]
    assert prints[0] == prints[1]
    assert len({json.dumps(each) for each in prints[0]}) == len(prints[0])


def test_paths_become_uris(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for where, uri, inside in [
        ("a b/ü.yaml:3", "a%20b/%C3%BC.yaml", True),
        ("/somewhere/else.yaml:3", "file:///somewhere/else.yaml", False),
    ]:
        moved = MISSED.model_copy(update={"where": where})
        (result,) = json.loads(sarif(report(metrics=(moved,))))["runs"][0]["results"]
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert (location["uri"], "uriBaseId" in location) == (uri, inside)


@pytest.mark.parametrize(
    ("found", "errors", "warnings"),
    [pytest.param(report(Verdict.PASS), 0, 0, id="pass"), pytest.param(BAD, 3, 1, id="fail")],
)
def test_sarif_tools_reads_it(tmp_path: Path, found: Report, errors: int, warnings: int) -> None:
    (tmp_path / "report.sarif").write_text(sarif(found), encoding="utf-8")
    done = subprocess.run(
        [SARIF_TOOL, "--check", "error", "summary", "report.sarif"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == errors, done.stderr
    assert re.search(rf"^error: {errors}$", done.stdout, flags=re.MULTILINE)
    assert re.search(rf"^warning: {warnings}$", done.stdout, flags=re.MULTILINE)


@pytest.mark.parametrize("found", [report(Verdict.PASS), BAD], ids=["pass", "fail"])
def test_sarif_follows_the_schema(found: Report) -> None:
    """Models made from OASIS' JSON Schema, which refuse what it does not know."""
    models = pytest.importorskip("pydantic_sarif.model")
    models.StaticAnalysisResultsFormatSarifVersion210JsonSchema.model_validate_json(sarif(found))
