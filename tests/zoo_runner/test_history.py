from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_entries import make_entry, make_line
from zoo_runner.history.conditions import Conditions
from zoo_runner.history.ledger import Entry
from zoo_runner.history.tables import show
from zoo_runner.history.trends import ASCII, BLOCKS, GAP, Trend, as_json, decimals, followed, sparkline, trends
from zoo_runner.manifest.direction import Direction
from zoo_runner.report.model import Verdict

ACCURACY = "voc07_map/reference"
RATE = "throughput/310P3/16"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        pytest.param([], "", id="none"),
        pytest.param([None], " ", id="not measured"),
        pytest.param([5.0], "▅", id="one"),
        pytest.param([5.0, 5.0], "▅▅", id="equal"),
        pytest.param([0.0, 1.0], "▁█", id="two"),
        pytest.param([1.0, None, 0.0, 0.5], "█ ▁▅", id="gap"),
        pytest.param([math.nan, math.inf, 2.0, -math.inf, 1.0], "  █ ▁", id="not finite"),
        pytest.param([float(value) for value in range(8)], "▁▂▃▄▅▆▇█", id="all levels"),
        pytest.param([-1.7e308, 1.7e308], "▁█", id="huge"),
        pytest.param([0.0, 5e-324], "▅▅", id="as good as equal"),
    ],
)
def test_sparkline(values: list[float | None], drawn: str) -> None:
    assert sparkline(values) == drawn
    plain = str.maketrans(BLOCKS, ASCII)
    assert sparkline(values, ASCII) == drawn.translate(plain)


def test_what_nobody_sees_in_the_figures_is_drawn_flat() -> None:
    assert sparkline([79.580, 79.585], least=0.01) == "▅▅"
    assert sparkline([79.58, 79.60], least=0.01) == "▁█"


@given(st.lists(st.none() | st.floats()))
def test_every_value_has_one_character_and_order_is_kept(values: list[float | None]) -> None:
    drawn = sparkline(values)
    assert len(drawn) == len(values)
    levels = [(value, BLOCKS.index(mark)) for value, mark in zip(values, drawn, strict=True) if mark != GAP]
    for value, level in levels:
        for other, other_level in levels:
            assert value is not None
            assert other is not None
            assert value >= other or level <= other_level


def test_trends_are_of_runs_that_can_be_compared() -> None:
    entries = (
        make_entry(make_line(ACCURACY, 79.6), make_line(RATE, None), day=4),
        make_entry(make_line(ACCURACY, 92.0), day=3, backend="onnxruntime", chip="cpu"),
        make_entry(day=2, verdict=Verdict.ERROR, backend="", chip=""),
        make_entry(make_line(ACCURACY, 79.5), make_line(RATE, 440.0), day=1),
    )
    found = trends(entries)
    assert [(each.id, each.conditions.backend, each.conditions.chip, each.values) for each in found] == [
        (ACCURACY, "ascend", "310P3", (79.5, None, None, 79.6)),
        (RATE, "ascend", "310P3", (440.0, None, None, None)),
        (ACCURACY, "onnxruntime", "cpu", (None, None, 92.0, None)),
    ]
    assert found[1] == Trend(
        id=RATE,
        unit="images/s",
        conditions=Conditions(backend="ascend", chip="310P3", unit="images/s"),
        values=(440.0, None, None, None),
        newest=entries[0].lines[1],
    )


def test_no_runs_have_no_trends() -> None:
    assert trends(()) == ()
    assert trends((make_entry(),)) == ()


@pytest.mark.parametrize(("unit", "digits"), [("percent", 2), ("fraction", 4), ("images/s", 2)])
def test_printed_digits(unit: str, digits: int) -> None:
    assert decimals(unit) == digits


def test_json_is_for_any_reader() -> None:
    entry = make_entry(make_line(ACCURACY, math.inf), make_line(RATE, -math.inf, low=1.0, high=2.5))
    found = json.loads(as_json("toy", (entry, make_entry())), parse_constant=pytest.fail)
    assert [run["lines"] for run in found["runs"][1:]] == [[]]
    assert found["name"] == "toy"
    assert found["runs"][0] == {
        "started": "2026-11-01T09:30:59+00:00",
        "name": "toy",
        "noun": None,
        "digest": "d",
        "verdict": "pass",
        "exit_code": 0,
        "backend": "ascend",
        "chip": "310P3",
        "subset": None,
        "weights": None,
        "seconds": 1.0,
        "manifest": "/m.yaml",
        "report": "/out/1/report.json",
        "lines": [
            {
                "id": ACCURACY,
                "value": "Infinity",
                "unit": "percent",
                "expected": None,
                "tolerance": None,
                "verdict": "pass",
                "low": None,
                "high": None,
                "direction": None,
                "samples": None,
                "fresh": None,
            },
            {
                "id": RATE,
                "value": "-Infinity",
                "unit": "images/s",
                "expected": None,
                "tolerance": None,
                "verdict": "pass",
                "low": 1.0,
                "high": 2.5,
                "direction": None,
                "samples": None,
                "fresh": None,
            },
        ],
        "devices": None,
        "settings": None,
        "inputs": None,
    }


def shown(capsys: pytest.CaptureFixture[str], *entries: Entry) -> list[list[str]]:
    """The words of each line that is printed."""
    show("toy", entries)
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip() and "─" not in line]


def test_one_table_of_runs_and_one_of_figures(capsys: pytest.CaptureFixture[str]) -> None:
    gated = {"expected": 79.58, "tolerance": 0.02}
    rate = {"expected": 445.783, "tolerance": 22.289}
    lines = shown(
        capsys,
        make_entry(make_line(ACCURACY, 79.60, low=79.1, high=80.0, **gated), make_line(RATE, 440.0, **rate), day=3),
        make_entry(day=2, verdict=Verdict.ERROR),
        make_entry(
            make_line(ACCURACY, 79.5, verdict=Verdict.FAIL, **gated),
            make_line(RATE, 400.0, **rate),
            day=1,
            verdict=Verdict.FAIL,
        ),
    )
    assert lines == [
        ["last", "3", "runs", "of", "toy,", "on", "310P3", "(ascend)"],
        ["started", "(UTC)", "verdict", ACCURACY, "change", "expected", "tolerance"],
        ["2026-11-03", "09:30", "pass", "79.60", "[79.10,", "80.00]", "+0.10", "79.58", "0.02"],
        ["2026-11-02", "09:30", "error", "-", "-", "-", "-"],
        ["2026-11-01", "09:30", "fail", "79.50", "-", "79.58", "0.02"],
        ["oldest", "to", "newest"],
        ["figure", "trend", "newest", "change", "expected", "tolerance"],
        [ACCURACY, "▁", "█", "79.60", "%", "+0.10", "79.58", "0.02"],
        [RATE, "▁", "█", "440.00", "images/s", "+10.0%", "445.78", "22.29"],
        ["newest", "report:", "/out/3/report.json"],
    ]


def test_what_differs_between_runs_has_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(
        capsys,
        make_entry(make_line(f"{ACCURACY}@pr", 79.0), day=2, subset="pr"),
        make_entry(make_line(ACCURACY, 92.0), day=1, backend="onnxruntime", chip="cpu"),
    )
    assert lines[1:4] == [
        ["started", "(UTC)", "verdict", "on", "subset", ACCURACY, "change", "expected", "tolerance"],
        ["2026-11-02", "09:30", "pass", "310P3", "(ascend)", "pr", "-", "-", "-", "-"],
        ["2026-11-01", "09:30", "pass", "cpu", "(onnxruntime)", "-", "92.00", "-", "-", "-"],
    ]
    assert lines[-2] == [ACCURACY, "cpu", "(onnxruntime)", "▅", "92.00", "%", "-", "-", "-"]


@pytest.mark.parametrize(
    ("runs", "head"),
    [
        pytest.param([], "", id="no runs"),
        pytest.param([(None, [])], "", id="nothing measured"),
        pytest.param([("pr", ["a@pr"]), (None, ["a", "b"])], "a", id="a subset after a whole run"),
        pytest.param([("pr", ["a@pr"]), (None, [])], "a@pr", id="a whole run that measured nothing"),
        pytest.param([("pr", ["a@pr"]), ("nightly", ["a@nightly"])], "a@pr", id="subsets only"),
        pytest.param([(None, ["b"]), (None, ["a", "b"])], "b", id="whole runs"),
    ],
)
def test_the_figure_that_heads_the_runs(runs: list[tuple[str | None, list[str]]], head: str) -> None:
    entries = [make_entry(*(make_line(each, 1.0) for each in names), subset=subset) for subset, names in runs]
    assert followed(entries) == head


@pytest.mark.parametrize(
    ("direction", "written"),
    [
        (Direction.AT_LEAST, ["≥", "2.00"]),
        (Direction.AT_MOST, ["≤", "2.00"]),
        (Direction.WITHIN, ["2.00"]),
        (None, ["2.00"]),
    ],
)
def test_expectations_are_written_as_in_the_table_of_a_run(
    capsys: pytest.CaptureFixture[str], direction: Direction | None, written: list[str]
) -> None:
    line = make_line("a", 1.0, expected=2.0, tolerance=0.5, direction=direction)
    lines = shown(capsys, make_entry(line))
    assert lines[2][-len(written) - 1 :] == lines[-2][-len(written) - 1 :] == [*written, "0.5"]
    assert lines[2][3:5] == ["1.00", "-"]


def test_runs_that_measured_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(capsys, make_entry(verdict=Verdict.NOT_GATED, backend="", chip="", started=""))
    assert lines == [["last", "run", "of", "toy"], ["started", "(UTC)", "verdict"], ["-", "not", "gated"], lines[-1]]


@pytest.mark.parametrize(
    ("unit", "before", "after", "change"),
    [
        pytest.param("percent", 79.5, 79.5, "0.00", id="none"),
        pytest.param("percent", 79.501, 79.5, "0.00", id="none to be seen"),
        pytest.param("percent", 79.5, 79.0, "-0.50", id="less"),
        pytest.param("fraction", 0.795, 0.7949, "-0.0001", id="fraction"),
        pytest.param("images/s", 200.0, 100.0, "-50.0%", id="rate"),
        pytest.param("images/s", 200.0, 200.01, "0.0%", id="rate, none to be seen"),
        pytest.param("ms", 0.0, 1.0, "+1.00", id="from nothing"),
        pytest.param("percent", math.inf, math.inf, "-", id="not a number"),
    ],
)
def test_changes(capsys: pytest.CaptureFixture[str], unit: str, before: float, after: float, change: str) -> None:
    lines = shown(
        capsys, make_entry(make_line("x", after, unit=unit)), make_entry(make_line("x", before, unit=unit), day=2)
    )
    assert lines[2][-3] == lines[-2][-3] == change


def test_text_that_looks_like_markup_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert "[red]x" in " ".join(shown(capsys, make_entry(make_line("[red]x", 1.0)))[-2])
