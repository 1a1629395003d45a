"""What is shown where there is no terminal: plain lines. At a terminal it is tested through real processes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shown_reports import GATED, INTERVAL, PLACE, environment, metric, report, timing, waiver
from zoo_runner.backends.doctor import Checklist, Findings
from zoo_runner.plugin.interfaces import Prerequisite
from zoo_runner.report.changes import Comparison
from zoo_runner.report.model import (
    MetricRecord,
    StageRecord,
    Verdict,
    WaiverState,
)
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.screen import LOG, show_findings, show_report, show_reports

TRICKY = "C:\\x [bold]not bold[/] :cat: " + "long " * 60


def cells(line: str) -> list[str]:
    return re.split(r"\s{2,}", line.strip())


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        pytest.param({}, ["PASS trial"], id="least"),
        pytest.param({"why": ("met",)}, ["PASS trial"], id="the table says why"),
        pytest.param(
            {"verdict": Verdict.FAIL, "why": ("first", "second"), "subset": "pr"},
            ["FAIL trial (subset pr)", "  first", "  second"],
            id="reasons",
        ),
        pytest.param({"verdict": Verdict.ERROR, "why": (TRICKY,)}, ["ERROR trial", f"  {TRICKY}"], id="as it stands"),
        pytest.param(
            {"verdict": Verdict.ERROR, "name": "a\x1b[2J", "why": ("\x1b]0;x\x0750 % \u202e!",)},
            ["ERROR a\\x1b[2J", "  \\x1b]0;x\\x0750 % \\x202e!"],
            id="control characters",
        ),
        pytest.param(
            {"verdict": Verdict.STOPPED, "environment": environment()},
            ["STOPPED trial", "  onnxruntime (onnxruntime 1.2) on cpu"],
            id="where",
        ),
        pytest.param(
            {"environment": environment(backend="result files", backend_version="", chip="result files")},
            ["PASS trial", "  result files"],
            id="from files",
        ),
        pytest.param(
            {"notice": "made with stand-ins", "verdict": Verdict.INCONCLUSIVE},
            ["made with stand-ins", "INCONCLUSIVE trial"],
            id="notice",
        ),
        pytest.param({"warnings": ("a",)}, ["PASS trial", "", "1 warning: see the report"], id="a warning"),
        pytest.param({"warnings": ("a", "b")}, ["PASS trial", "", "2 warnings: see the report"], id="warnings"),
        pytest.param(
            {
                "waivers": (
                    waiver(),
                    waiver(why="waived until 2026-01-31 (li, https://example.org/1)"),
                    waiver(WaiverState.NOT_NEEDED, "it is met"),
                )
            },
            [
                "PASS trial",
                "",
                "waiver of map/reference: not needed, until 2026-01-31, li, https://example.org/1 (it is met)",
                "waiver of map/reference: used, until 2026-01-31, li, https://example.org/1",
                "waiver of map/reference: used (waived until 2026-01-31 (li, https://example.org/1))",
            ],
            id="waivers",
        ),
        pytest.param(
            {
                "comparison": Comparison(
                    path="runs/[main]", verdict="pass", same_samples=9, notes=tuple(map(str, range(LOG.notes + 2)))
                )
            },
            [
                "PASS trial",
                "",
                "compared with runs/[main] (its verdict: pass)",
                *(f"  {number}" for number in range(LOG.notes)),
                "  … and 2 more, see the report",
            ],
            id="comparison",
        ),
    ],
)
def test_summary(capsys: pytest.CaptureFixture[str], given: dict[str, Any], lines: list[str]) -> None:
    show_report(report(**given), Path("out"))
    shown = capsys.readouterr()
    blank = [] if "" in lines else [""]
    assert shown.out.split("\n") == ["", *lines, *blank, PLACE, ""]
    assert shown.err == ""


@pytest.mark.parametrize("page", [True, False], ids=["page", "no page"])
def test_it_names_the_page_if_there_is_one(capsys: pytest.CaptureFixture[str], tmp_path: Path, page: bool) -> None:
    if page:
        (tmp_path / "report.html").write_text("")
    show_report(report(), tmp_path)
    assert capsys.readouterr().out.endswith(f"report: {tmp_path}/report.{'html' if page else 'json'}\n")


def test_many_reasons_stay_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    long = report(verdict=Verdict.ERROR, why=("missing:\n" + "\n".join(map(str, range(300))),))
    show_report(long, Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == LOG.reasons + 5
    assert f"  … and {301 - LOG.reasons} more, see the report" in lines
    show_report(long, Path("out"), Detail.VERBOSE)
    assert "  299" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("record", "row"),
    [
        pytest.param(
            metric(expected=79.6, tolerance=0.02, verdict=Verdict.PASS, interval=INTERVAL),
            ["map/reference", "79.58 ± 0.50 %", "≥ 79.60", "0.02", "pass"],
            id="gated",
        ),
        pytest.param(metric(), ["map/reference", "79.58 %", "-", "-", "not gated"], id="not gated"),
        pytest.param(metric(value=float("nan")), ["map/reference", "nan %", "-", "-", "not gated"], id="nan"),
        pytest.param(metric(id="[a]"), ["[a]", "79.58 %", "-", "-", "not gated"], id="markup"),
    ],
)
def test_accuracy(capsys: pytest.CaptureFixture[str], record: MetricRecord, row: list[str]) -> None:
    show_report(report(metrics=(record,), environment=environment()), Path("out"))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "  onnxruntime (onnxruntime 1.2) on cpu, 9 of 10 samples"
    assert [cells(lines[4]), cells(lines[6])] == [["line", "measured", "expected", "tolerance", "verdict"], row]


def test_timings(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(report(performance=(GATED, timing(batch=32, why="skipped"))), Path("out"))
    rows = [cells(line) for line in capsys.readouterr().out.splitlines()]
    assert ["throughput/310P3/16", "400.00 images/s", "≥ 445.78", "22.29", "fail"] in rows
    assert ["batch", "images/s", "mean ms", "p99 ms", "end to end images/s", "note"] in rows
    assert ["16", "400.00", "40.00", "44.25", "350.50"] in rows
    assert ["32", "-", "-", "-", "-", "skipped"] in rows
    assert "throughput/310P3/32" not in {row[0] for row in rows}  # nothing is expected of it


def test_verbose_shows_everything(capsys: pytest.CaptureFixture[str]) -> None:
    whole = report(
        why=("met",),
        performance=(GATED, timing(batch=32)),
        stages=(StageRecord(name="fetch", seconds=0.51, why="everything [is] here", skipped=True),),
        warnings=("no hash [x]",),
        comparison=Comparison(path="runs", verdict="same", same_samples=9, notes=tuple("abcdefgh")),
    )
    show_report(whole, Path("out"), Detail.VERBOSE)
    lines = capsys.readouterr().out.splitlines()
    rows = [cells(line) for line in lines]
    assert ["16", "400.00", "40.00", "38.00", "39.50", "44.25", "-", "-", "1000", "350.50"] in rows
    assert ["throughput/310P3/32", "-", "-", "-", "not gated"] in rows
    assert ["fetch", "0.51", "everything [is] here"] in rows
    assert {"  met", "  h", "warning: no hash [x]"} <= set(lines)


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        pytest.param({}, ["PASS trial"], id="pass"),
        pytest.param({"verdict": Verdict.FAIL, "why": ("a",), "metrics": (metric(),)}, ["FAIL trial"], id="fail"),
        pytest.param({"verdict": Verdict.ERROR, "why": ("a",)}, ["ERROR trial", "  a"], id="error"),
        pytest.param({"notice": "made with stand-ins"}, ["made with stand-ins", "PASS trial"], id="notice"),
        pytest.param({"remarks": ("no [figure]", "two")}, ["PASS trial (no [figure]; two)"], id="remarks"),
    ],
)
def test_quiet(capsys: pytest.CaptureFixture[str], given: dict[str, Any], lines: list[str]) -> None:
    show_report(report(**given), Path("out"), Detail.QUIET)
    assert capsys.readouterr() == ("\n".join([*lines, ""]), "")


SEVERAL = (
    (report(name="one", metrics=(metric(expected=79.0, tolerance=0.5, verdict=Verdict.PASS),)), Path("a")),
    (report(name="two", verdict=Verdict.FAIL, why=("too slow",), performance=(GATED, timing(batch=1))), Path("b")),
    (report(name="three", verdict=Verdict.ERROR, why=("three.yaml:3: unknown key",)), None),
)


def test_several_runs_make_one_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports(SEVERAL)
    lines = capsys.readouterr().out.split("\n")
    assert [cells(line) for line in lines[1:9]] == [
        ["line", "measured", "expected", "tolerance", "verdict"],
        ["─" * len(lines[2])],
        ["one", "pass"],
        ["map/reference", "79.58 %", "≥ 79.00", "0.5", "pass"],
        ["two", "fail"],
        ["throughput/310P3/16", "400.00 images/s", "≥ 445.78", "22.29", "fail"],
        ["three", "error"],
        [""],
    ]
    assert lines[9:] == [
        "FAIL two",
        "  too slow",
        "ERROR three",
        "  three.yaml:3: unknown key",
        "report: a/report.json",
        "report: b/report.json",
        "",
    ]


def test_what_every_reader_must_know_is_above_the_table_once(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports([(report(notice="made with stand-ins"), Path("a")), (report(notice="made with stand-ins"), Path("b"))])
    assert capsys.readouterr().out.startswith("\nmade with stand-ins\n\nline ")


def test_a_run_with_a_remark_is_named_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports([(report(remarks=("accuracy only",)), Path("a")), (report(), Path("b"))])
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("PASS")] == [
        "PASS trial (accuracy only)"
    ]


def test_several_runs_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    show_reports(SEVERAL, Detail.QUIET)
    assert capsys.readouterr().out == "PASS one\nFAIL two\nERROR three\n  three.yaml:3: unknown key\n"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits_the_screen(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    monkeypatch.setattr("zoo_runner.terminal.console.LOG_WIDTH", width)
    long = metric(id="voc07_map/reference@nightly", interval=INTERVAL, expected=1.0, verdict=Verdict.INCONCLUSIVE)
    show_report(report(metrics=(long,), performance=(GATED,)), Path("out"), Detail.VERBOSE)
    shown = capsys.readouterr().out
    assert max(len(line) for line in shown.splitlines()) <= width
    assert "…" not in shown  # what does not fit is on the next line
    assert width < 80 or "  inconclusive\n" in shown


def test_findings(capsys: pytest.CaptureFixture[str]) -> None:
    here = Prerequisite(name="atc", ok=True, found="/usr/bin/atc")
    gone = Prerequisite(name="ais_bench", ok=False, found="not installed", remedy="pip install 'x[y]'")
    sections = (Checklist(title="backend a", needs=(here,)), Checklist(title="backend b", needs=(here, gone)))
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


def test_what_is_missing_for_what(capsys: pytest.CaptureFixture[str]) -> None:
    atc = Prerequisite(name="atc", ok=False, found="not on PATH", ways=("convert",))
    card = Prerequisite(name="npu-smi", ok=True, found="23", ways=("infer",))
    findings = Findings(sections=(Checklist(title="backend a", needs=(atc, card)),), usable=False)
    show_findings(findings)
    assert capsys.readouterr().out.split("\n")[-3:] == [
        "  to convert (zoo-run pack): lacks atc",
        "  to infer with what was packed (--om PACK): ready",
        "",
    ]


@pytest.mark.parametrize("spread", [(71.065, 71.1907), (71.065, 71.065), None], ids=["ties", "none", "unknown"])
def test_spread_over_orders_of_ties(capsys: pytest.CaptureFixture[str], spread: tuple[float, float] | None) -> None:
    show_report(report(metrics=(metric(id="map/reference", tie_spread=spread),)), Path("out"))
    shown = "equal scores, in any order: map/reference [71.06, 71.19]" in capsys.readouterr().out
    assert shown == (spread == (71.065, 71.1907))


def test_the_line_that_decided_comes_first_with_how_far_it_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    missed = metric(Verdict.FAIL, value=40.0, expected=79.5, tolerance=0.1, why="40.00, expected at least 79.5 - 0.1")
    whole = report(
        Verdict.FAIL, metrics=(missed,), why=("a waiver: overdue", "map (reference): 40.00, expected at least 79.5")
    )
    show_report(whole, Path("out"))
    assert capsys.readouterr().out.splitlines()[1:4] == [
        "FAIL trial",
        "  map (reference): 40.00, expected at least 79.5; short of 79.40 by 39.40",
        "  a waiver: overdue",
    ]


def test_the_step_that_looks_closer_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    unclear = metric(Verdict.INCONCLUSIVE, cause="no_interval")
    show_report(report(Verdict.INCONCLUSIVE, metrics=(unclear,)), Path("out"))
    assert "next: Score more samples, or use the rule point.\n" in capsys.readouterr().out


def test_calls_too_few_for_a_percentile_have_no_column_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    show_report(report(performance=(timing(throughput=4.0, mean_ms=1.0),)), Path("out"))
    assert "p99" not in capsys.readouterr().out
