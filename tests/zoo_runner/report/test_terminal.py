"""What is shown where there is no terminal: plain lines. At a terminal it is tested through real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo_runner.doctor import Findings, Section
from zoo_runner.interfaces import Prerequisite
from zoo_runner.report.model import (
    Environment,
    ManifestRecord,
    MetricRecord,
    PerformanceRecord,
    Report,
    Verdict,
)
from zoo_runner.report.terminal import Terminal, show_findings, show_report

TRICKY = "C:\\x [bold]not bold[/] :cat: " + "long " * 60


def report(**given: Any) -> Report:
    manifest = ManifestRecord(name="trial", path="m.yaml", files=("m.yaml",), digest="0" * 64)
    return Report(**{"verdict": Verdict.PASS, "exit_code": 0, "manifest": manifest, **given})


def environment(**given: str) -> Environment:
    texts = {"backend": "onnxruntime", "backend_version": "onnxruntime 1.2", "chip": "cpu", **given}
    return Environment(devices=(0,), host="h", python="3", packages={}, **texts)


def metric(**given: Any) -> MetricRecord:
    usual: dict[str, Any] = {"value": 79.584, "unit": "percent", "samples": 9, "dataset_samples": 10}
    return MetricRecord(name="map", protocol="reference", **(usual | given))


def timing(**given: Any) -> PerformanceRecord:
    return PerformanceRecord(backend="ascend", chip="310P3", batch=16, **{"loops": 5, **given})


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│").split("│")]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        pytest.param({}, ["", "PASS trial", "report: out/report.json"], id="least"),
        pytest.param(
            {"verdict": Verdict.FAIL, "why": ("first", "second")},
            ["", "FAIL trial", "  first", "  second", "report: out/report.json"],
            id="reasons",
        ),
        pytest.param(
            {"verdict": Verdict.ERROR, "why": (TRICKY,)},
            ["", "ERROR trial", f"  {TRICKY}", "report: out/report.json"],
            id="as it stands",
        ),
        pytest.param(
            {"verdict": Verdict.STOPPED, "environment": environment()},
            ["", "STOPPED trial", "  onnxruntime (onnxruntime 1.2) on cpu", "report: out/report.json"],
            id="where",
        ),
        pytest.param(
            {"environment": environment(backend="result files", backend_version="", chip="result files")},
            ["", "PASS trial", "  result files", "report: out/report.json"],
            id="from files",
        ),
        pytest.param(
            {"notice": "made with stand-ins", "verdict": Verdict.INCONCLUSIVE},
            ["", "made with stand-ins", "INCONCLUSIVE trial", "report: out/report.json"],
            id="notice",
        ),
    ],
)
def test_summary(capsys: pytest.CaptureFixture[str], given: dict[str, Any], lines: list[str]) -> None:
    show_report(report(**given), Path("out"))
    shown = capsys.readouterr()
    assert shown.out.split("\n") == [*lines, ""]
    assert shown.err == ""


@pytest.mark.parametrize(
    ("record", "row"),
    [
        pytest.param(
            metric(expected=79.6, tolerance=0.02, verdict=Verdict.PASS),
            ["map", "reference", "79.58 percent", "79.60", "0.02", "9/10", "pass"],
            id="gated",
        ),
        pytest.param(metric(), ["map", "reference", "79.58 percent", "-", "-", "9/10", "not gated"], id="not gated"),
        pytest.param(
            metric(value=float("nan")), ["map", "reference", "nan percent", "-", "-", "9/10", "not gated"], id="nan"
        ),
    ],
)
def test_accuracy(capsys: pytest.CaptureFixture[str], record: MetricRecord, row: list[str]) -> None:
    show_report(report(metrics=(record,)), Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert row in [cells(line) for line in lines]
    assert "accuracy" in [line.strip() for line in lines]


def test_performance_names_backend_and_chip(capsys: pytest.CaptureFixture[str]) -> None:
    timed = timing(mean_ms=40.0, median_ms=39.5, p99_ms=44.25, throughput=400.0, end_to_end=350.5, loops=1000)
    gated = timed.model_copy(update={"expected": 445.783, "tolerance": 22.289, "verdict": Verdict.FAIL})
    show_report(report(performance=(gated, timing(loops=0, why="skipped"))), Path("out"))
    lines = capsys.readouterr().out.splitlines()
    rows = [cells(line) for line in lines]
    figures = ["400.00", "40.000", "39.500", "44.250", "1000", "350.50", "445.783", "22.289", "fail"]
    measured, skipped = (row for row in rows if row[0] == "16")  # each on a line of its own
    assert [cell for cell in measured if cell in figures] == figures
    assert set(skipped) == {"16", "-", "0", "not gated"}
    assert "pure inference, ascend on 310P3" in [line.strip() for line in lines]


def test_findings(capsys: pytest.CaptureFixture[str]) -> None:
    here = Prerequisite(name="atc", ok=True, found="/usr/bin/atc")
    gone = Prerequisite(name="ais_bench", ok=False, found="not installed", remedy="pip install 'x[y]'")
    sections = (Section(title="backend a", needs=(here,)), Section(title="backend b", needs=(here, gone)))
    show_findings(Findings(sections=sections, usable=True))
    assert capsys.readouterr().out.split("\n") == [
        "backend a: ready",
        "  ok      atc: /usr/bin/atc",
        "backend b: not ready",
        "  ok      atc: /usr/bin/atc",
        "  missing ais_bench: not installed",
        "          pip install 'x[y]'",
        "",
    ]


def test_progress_is_plain_lines_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal()
    terminal.note(TRICKY)
    terminal.warn(TRICKY)
    with terminal.track("download [x]", 10, "bytes") as outer, terminal.track("inside", None, "files") as inner:
        outer(4)
        inner(1)
        outer(6)
    shown = capsys.readouterr()
    assert shown.out == ""
    noted, warned, inside, outside, rest = shown.err.split("\n")
    assert (noted, warned, rest) == (TRICKY, f"warning: {TRICKY}", "")
    assert inside.startswith("inside: 1 files in ")
    assert outside.startswith("download [x]: 10 bytes in ")


def test_work_that_fails_is_not_said_to_be_done(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="broken"), Terminal().track("work", 1, "items"):
        raise ValueError("broken")
    assert capsys.readouterr().err == ""
