"""``junit.xml``, read by others: junitparser and its command line, junit2html, and a strict XML parser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml, TestCase

from shown_reports import metric, report, timing, waiver
from zoo_runner.report.changes import Comparison
from zoo_runner.report.junit import junit
from zoo_runner.report.model import (
    Environment,
    Report,
    StageRecord,
    Verdict,
    WaiverState,
)

ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "time", "classname", "group"},
    "skipped": {"type", "message"},
    "error": {"type", "message"},
    "failure": {"type", "message"},
    "system-out": set(),
}
"""What Jenkins' xUnit plugin accepts (its schema ``junit-10.xsd``), of the elements that are used here."""
STAGES = tuple(
    StageRecord(name=name, seconds=seconds)
    for name, seconds in (("export", 9.0), ("infer", 3.0), ("evaluate", 1.0), ("benchmark", 5.0))
)


def outcome(case: TestCase) -> str:
    return "".join(f"{type(each).__name__.lower()} {each.type}: {each.message}" for each in case.result) or "passed"


@pytest.mark.parametrize(
    ("found", "cases"),
    [
        pytest.param(
            report(metrics=(metric(Verdict.PASS, why="79.5, expected 79"),)),
            {"trial.accuracy map/reference": "passed"},
            id="pass",
        ),
        pytest.param(
            report(
                Verdict.FAIL,
                metrics=(metric(Verdict.FAIL, why="79.5, expected 80"),),
                performance=(
                    timing(batch=1, verdict=Verdict.PASS, throughput=9.0),
                    timing(batch=2, verdict=Verdict.NOT_GATED, throughput=9.0),
                ),
            ),
            {
                "trial.accuracy map/reference": "failure fail: 79.58 %: 79.5, expected 80",
                "trial.throughput throughput/310P3/1": "passed",
                "trial.throughput throughput/310P3/2": "skipped not_gated: 9.00 images/s: not gated",
            },
            id="fail",
        ),
        pytest.param(
            report(Verdict.INCONCLUSIVE, metrics=(metric(Verdict.INCONCLUSIVE, why="only 8 of 10"),)),
            {"trial.accuracy map/reference": "error inconclusive: 79.58 %: only 8 of 10"},
            id="inconclusive is never green",
        ),
        pytest.param(
            report(Verdict.INCONCLUSIVE, why=("nothing is expected",), metrics=(metric(Verdict.NOT_GATED),)),
            {
                "trial.accuracy map/reference": "skipped not_gated: 79.58 %: not gated",
                "trial run": "error inconclusive: nothing is expected",
            },
            id="inconclusive as a whole",
        ),
        pytest.param(
            report(Verdict.ERROR, why=("300 files are missing:\n  a.jpg", "b")),
            {"trial run": "error error: 300 files are missing:"},
            id="error",
        ),
        pytest.param(
            report(Verdict.STOPPED, why=("stopped after infer, as asked",)),
            {"trial run": "skipped stopped: stopped after infer, as asked"},
            id="stopped",
        ),
        pytest.param(
            report(metrics=(metric(Verdict.WAIVED, why="waived"),), waivers=(waiver(WaiverState.USED),)),
            {
                "trial.accuracy map/reference": "skipped waived: 79.58 %: waived",
                "trial.waivers map/reference": "passed",
            },
            id="waived",
        ),
        pytest.param(
            report(Verdict.FAIL, metrics=(metric(Verdict.PASS),), waivers=(waiver(WaiverState.NOT_NEEDED),)),
            {
                "trial.accuracy map/reference": "passed",
                "trial.waivers map/reference": "failure fail: not_needed: nothing more to say "
                "(until 2026-01-31, https://example.org/1)",
            },
            id="waiver no longer needed",
        ),
        pytest.param(
            report(subset="pr", metrics=(metric(Verdict.PASS, id="map/reference@pr"),)),
            {"trial@pr.accuracy map/reference@pr": "passed"},
            id="subset",
        ),
    ],
)
def test_cases(found: Report, cases: dict[str, str]) -> None:
    (suite,) = JUnitXml.fromstring(junit(found))
    assert {f"{case.classname} {case.name}": outcome(case) for case in suite} == cases
    said = list(cases.values())
    counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
    assert counts == (len(said), *(sum(text.startswith(kind) for text in said) for kind in ("fail", "err", "skip")))


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.PASS, 0), (Verdict.WAIVED, 0), (Verdict.FAIL, 1), (Verdict.INCONCLUSIVE, 1)],
)
def test_junitparser_verifies_as_the_gate_does(tmp_path: Path, verdict: Verdict, code: int) -> None:
    (tmp_path / "junit.xml").write_bytes(junit(report(metrics=(metric(verdict),))))
    done = subprocess.run([sys.executable, "-m", "junitparser", "verify", "junit.xml"], cwd=tmp_path, check=False)
    assert done.returncode == code


def test_junit2html_reads_it(tmp_path: Path) -> None:
    pytest.importorskip("junit2htmlreport")
    found = report(Verdict.FAIL, why=("a",), metrics=(metric(Verdict.FAIL, why="too <low>"),), stages=STAGES)
    (tmp_path / "junit.xml").write_bytes(junit(found))
    command = [sys.executable, "-m", "junit2htmlreport", "junit.xml", "page.html"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "map/reference" in page
    assert "too &lt;low&gt;" in page


def test_times_are_those_of_the_stages() -> None:
    found = report(
        seconds=20.5,
        started="2026-01-31T10:00:00+00:00",
        stages=STAGES,
        metrics=(metric(Verdict.PASS), metric(Verdict.NOT_GATED, id="map/devkit")),
        performance=(timing(batch=1, verdict=Verdict.PASS),),
    )
    (suite,) = JUnitXml.fromstring(junit(found))
    assert (suite.time, suite.timestamp) == (20.5, "2026-01-31T10:00:00+00:00")
    assert [case.time for case in suite] == [2.0, 2.0, 5.0]
    (timed,) = JUnitXml.fromstring(junit(report(stages=STAGES)))
    assert timed.time == 18.0


def test_properties() -> None:
    environment = Environment(
        backend="ascend", backend_version="8.0", chip="310P3", devices=(0,), host="h", python="3", packages={}
    )
    compared = Comparison(path="runs/main", verdict="same", same_samples=3)
    found = report(
        notice="made with stand-ins", remarks=("a", "b"), subset="pr", environment=environment, comparison=compared
    )
    root = ET.fromstring(junit(found))  # noqa: S314 - our own text
    assert {each.attrib["name"]: each.attrib["value"] for each in root.iter("property")} == {
        "verdict": "pass",
        "manifest": "m.yaml",
        "digest": "0" * 64,
        "notice": "made with stand-ins",
        "remarks": "a; b",
        "subset": "pr",
        "chip": "310P3",
        "backend": "ascend",
        "backend_version": "8.0",
        "baseline": "runs/main",
    }


@settings(max_examples=40)
@given(text=st.text(st.characters(), min_size=1))
def test_any_text_gives_xml_that_any_parser_reads(text: str) -> None:
    lines = (metric(Verdict.FAIL, why=text, id=text), metric(Verdict.PASS, why=text))
    written = junit(report(Verdict.ERROR, why=(text,), notice=text, metrics=lines))
    root = ET.fromstring(written)  # noqa: S314 - our own text
    for element in root.iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
    assert [element.tag for element in root.iter("testcase")] == ["testcase"] * 3


def test_control_characters_are_written_out() -> None:
    (suite,) = JUnitXml.fromstring(junit(report(Verdict.ERROR, why=("\x1b[31mred\x00 \ud800",))))
    assert [outcome(case) for case in suite] == ["error error: \\x1b[31mred\\x00 \\xd800"]
