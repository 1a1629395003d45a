from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_reports import make_report
from zoo_runner.errors import ExitCode
from zoo_runner.history.ledger import Entry, EntryLine, Ledger
from zoo_runner.manifest.direction import Direction
from zoo_runner.report.model import (
    ManifestRecord,
    Report,
    Verdict,
)


def test_no_file_means_no_runs_and_reading_makes_none(ledger: Ledger) -> None:
    assert (ledger.last("toy", 5), ledger.names()) == ((), ())
    assert not ledger.path.parent.exists()


def test_a_run_comes_back_whole(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    ledger.append(make_report(), Path("out/report.json"))
    assert ledger.last("toy", 5) == (
        Entry(
            started="2026-11-23T09:00:00+00:00",
            name="toy",
            digest="d" * 64,
            verdict=Verdict.PASS,
            exit_code=0,
            backend="onnxruntime",
            chip="cpu",
            subset=None,
            weights="a" * 64,
            seconds=12.5,
            manifest=tmp_path / "m.yaml",
            report=tmp_path / "out" / "report.json",
            lines=(
                EntryLine(
                    id="voc07_map/reference",
                    value=79.58,
                    unit="percent",
                    expected=79.58,
                    tolerance=0.02,
                    verdict=Verdict.PASS,
                    low=79.1,
                    high=80.0,
                    direction=Direction.AT_LEAST,
                    samples=10,
                    fresh=True,
                ),
                EntryLine(id="throughput/cpu/1", value=None, unit="images/s", direction=Direction.AT_LEAST, fresh=True),
            ),
            devices="0",
            settings={"infer.batch": "1", "plugin.config.size": "2"},
        ),
    )


def test_a_run_that_ended_early_has_no_lines(ledger: Ledger) -> None:
    manifest = ManifestRecord(name="toy", path="m.yaml", files=(), digest="")
    ledger.append(Report(verdict=Verdict.ERROR, exit_code=3, manifest=manifest), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert (entry.verdict, entry.exit_code, entry.lines) == (Verdict.ERROR, ExitCode.STAGE_FAILED, ())
    assert (entry.backend, entry.chip, entry.weights, entry.started) == ("", "", None, "")


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(0, [], id="none"),
        pytest.param(1, [3.0], id="the newest"),
        pytest.param(2, [3.0, 1.0], id="newest first"),
        pytest.param(9, [3.0, 1.0], id="no more than there are"),
    ],
)
def test_the_last_runs_of_one_name(ledger: Ledger, count: int, expected: list[float]) -> None:
    for name, value in (("toy", 1.0), ("other", 2.0), ("toy", 3.0)):
        ledger.append(make_report(name, value=value), Path("report.json"))
    assert [entry.lines[0].value for entry in ledger.last("toy", count)] == expected
    assert ledger.names() == ("other", "toy")


def test_a_line_is_found_by_its_id(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert entry.line("throughput/cpu/1") is entry.lines[1]
    assert entry.line("throughput/cpu/2") is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.floats(), name=st.text(st.characters(codec="utf-8"), max_size=20), verdict=st.sampled_from(Verdict))
def test_any_figure_and_name_is_kept(ledger: Ledger, value: float, name: str, verdict: Verdict) -> None:
    ledger.append(make_report(name, verdict, value=value), Path("report.json"))
    (entry,) = ledger.last(name, 1)
    assert entry.lines[0].value == (None if math.isnan(value) else value)
    assert (entry.name, entry.verdict) == (name, verdict)


def test_entries_are_records(ledger: Ledger) -> None:
    ledger.append(make_report(), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert replace(entry, name="other").lines == entry.lines
    with pytest.raises(AttributeError):
        entry.name = "other"  # type: ignore[misc] # which is the point


@pytest.mark.parametrize(("inferred", "fresh"), [(10, True), (9, False), (0, False), (None, None)])
def test_what_was_kept_is_not_fresh(inferred: int | None, fresh: bool | None, ledger: Ledger) -> None:
    ledger.append(make_report(inferred=inferred), Path("report.json"))
    (entry,) = ledger.last("toy", 1)
    assert [each.fresh for each in entry.lines] == [fresh, True]


def test_equal_settings_are_kept_once(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.append(make_report(), Path("report.json"))
    with closing(sqlite3.connect(ledger.path)) as connection:
        assert connection.execute("SELECT count(*) FROM settings").fetchone() == (1,)
    assert [each.settings for each in ledger.last("toy", 3)] == [{"infer.batch": "1", "plugin.config.size": "2"}] * 3
