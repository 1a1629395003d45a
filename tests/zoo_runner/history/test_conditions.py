"""Which figures can be held against each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger_entries import make_entry, make_line
from zoo_runner.history.conditions import Conditions, conditions, labels
from zoo_runner.history.ledger import Entry
from zoo_runner.history.tables import show
from zoo_runner.history.trends import trends

ACCURACY = "voc07_map/reference"
RATE = "throughput/310P3/16"
SETTINGS = {
    "name": "toy",
    "weights.sha256": "a" * 64,
    "weights.url": "https://h/w",
    "onnx.url": "null",
    "onnx.opset": "17",
    "dataset.name": "points",
    "dataset.url": "https://h/d",
    "infer.batch": "1",
    "benchmark.batch": "[1, 16]",
    "benchmark.loop": "100",
    "expected.accuracy.value": "79.58",
    "plugin.config.floor": "1",
}


def run(
    value: float | None = 80.0, line: str = ACCURACY, *, samples: int | None = 10, day: int = 1, **facts: Any
) -> Entry:
    """A run of one line; settings are laid over those above."""
    changed = facts.pop("settings", {})
    settings = None if changed is None else SETTINGS | changed
    usual = {"weights": "a" * 64, "devices": "0", "settings": settings}
    return make_entry(make_line(line, value, samples=samples), day=day, **usual | facts)


def under(entry: Entry) -> Conditions:
    return conditions(entry, entry.lines[0])


@pytest.mark.parametrize(
    ("change", "metric", "timing"),
    [
        pytest.param({}, True, True, id="nothing"),
        pytest.param({"backend": "onnxruntime"}, False, False, id="backend"),
        pytest.param({"chip": "310P1"}, False, False, id="chip"),
        pytest.param({"devices": "1"}, False, False, id="device"),
        pytest.param({"samples": 5}, False, False, id="samples"),
        pytest.param({"weights": "b" * 64}, True, True, id="weights"),
        pytest.param(
            {"settings": {"weights.sha256": "b" * 64, "weights.url": "x"}}, True, True, id="weights' settings"
        ),
        pytest.param({"settings": {"onnx.url": "x", "onnx.sha256": "c" * 64}}, True, True, id="published export"),
        pytest.param({"settings": {"onnx.opset": "18"}}, False, False, id="opset"),
        pytest.param({"settings": {"dataset.url": "https://mirror/d"}}, True, True, id="mirror of the data"),
        pytest.param({"settings": {"dataset.name": "others"}}, False, False, id="data"),
        pytest.param({"settings": {"plugin.config.floor": "2"}}, False, False, id="plugin"),
        pytest.param({"settings": {"expected.accuracy.value": "70"}}, True, True, id="expectation"),
        pytest.param({"settings": {"infer.batch": "8"}}, False, True, id="batch of the scoring"),
        pytest.param({"settings": {"benchmark.batch": "[16]"}}, True, True, id="batches that are timed"),
        pytest.param({"settings": {"benchmark.loop": "10"}}, True, False, id="loops"),
        pytest.param({"settings": {"new.key": "null"}}, True, True, id="a key that a release before did not have"),
        pytest.param({"settings": {"new.key": "1"}}, False, False, id="a new key with a value"),
        pytest.param({"settings": None}, False, False, id="settings that are not known"),
    ],
)
def test_what_keeps_figures_apart(change: dict[str, Any], metric: bool, timing: bool) -> None:
    for line, same in ((ACCURACY, metric), (RATE, timing)):
        before, after = run(line=line), run(line=line, **change)
        assert (under(before) == under(after)) is same
        values = [each.values for each in trends((after, before))]
        assert values == ([(80.0, 80.0)] if same else [(None, 80.0), (80.0, None)])


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"devices": None}, True),
        ({"samples": None}, True),
        ({"settings": None}, True),
        ({"backend": "x"}, False),
        ({"chip": "x"}, False),
        ({"devices": "1"}, False),
        ({"samples": 11}, False),
        ({"settings": {"onnx.opset": "18"}}, False),
    ],
)
def test_what_is_not_known_forbids_nothing(change: dict[str, Any], allowed: bool) -> None:
    assert under(run()).allow(under(run(**change))) is allowed
    assert under(run(**change)).allow(under(run())) is allowed


@pytest.mark.parametrize(
    ("changes", "expected", "texts"),
    [
        pytest.param([], [], [], id="none"),
        pytest.param([{}], ["-"], [], id="one"),
        pytest.param([{}, {"name": "x", "weights.url": "x"}], ["-", "-"], [], id="equal in what tells"),
        pytest.param(
            [{}, {"infer.batch": "8"}, {}, {"new": "1", "infer.batch": "4"}],
            ["#1", "#2", "#1", "#3"],
            ["#1 infer.batch: 1, new: null", "#2 infer.batch: 8, new: null", "#3 infer.batch: 4, new: 1"],
            id="several",
        ),
        pytest.param(
            [{}, {"benchmark.loop": "5"}], ["#1", "#2"], ["#1 benchmark.loop: 100", "#2 benchmark.loop: 5"], id="timing"
        ),
        pytest.param(
            [{}, None, {}], ["#1", "?", "#1"], ["? not known: an earlier release did not keep them"], id="not known"
        ),
        pytest.param([None, None], ["-", "-"], [], id="none known"),
        pytest.param(
            [{}, {f"x{number}": "1" for number in range(10)}],
            ["#1", "#2"],
            [
                f"#1 {', '.join(f'x{number}: null' for number in range(8))} and 2 more",
                f"#2 {', '.join(f'x{number}: 1' for number in range(8))} and 2 more",
            ],
            id="many",
        ),
    ],
)
def test_labels(changes: list[dict[str, str] | None], expected: list[str], texts: list[str]) -> None:
    assert labels([run(settings=each) for each in changes]) == (expected, texts)


def test_no_change_stands_between_runs_that_cannot_be_compared(capsys: pytest.CaptureFixture[str]) -> None:
    show(
        "toy",
        (
            run(81.0, day=5),
            run(70.0, day=4, samples=5),
            run(60.0, day=3, settings={"infer.batch": "8"}, weights="b" * 64),
            run(80.0, day=2),
            run(79.0, day=1, settings=None, devices=None, samples=None),
        ),
    )
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip() and "─" not in line]
    assert lines[1][3:] == ["weights", "samples", "settings", ACCURACY, "change", "expected", "tolerance"]
    assert [line[3:-2] for line in lines[2:7]] == [
        ["a" * 8, "10", "#1", "81.00", "+1.00"],
        ["a" * 8, "5", "#1", "70.00", "-"],
        ["b" * 8, "10", "#2", "60.00", "-"],
        ["a" * 8, "10", "#1", "80.00", "-"],
        ["a" * 8, "-", "?", "79.00", "-"],
    ]
    figures = [line[1:-2] for line in lines if line[0] == ACCURACY]
    assert figures == [
        ["10", "#1", "▁", "█", "81.00", "%", "+1.00"],
        ["5", "#1", "▅", "70.00", "%", "-"],
        ["10", "#2", "▅", "60.00", "%", "-"],
        ["-", "?", "▅", "79.00", "%", "-"],
    ]
    assert [line for line in lines if line[0] == "settings"] == [
        ["settings", "#1", "infer.batch:", "1"],
        ["settings", "#2", "infer.batch:", "8"],
        ["settings", *["?", "not", "known:", "an", "earlier", "release", "did", "not", "keep", "them"]],
    ]


def test_devices_have_a_column_where_they_differ(capsys: pytest.CaptureFixture[str]) -> None:
    show("toy", (run(devices="1"), run(), run(devices="1")))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip() and "─" not in line]
    assert [line[3:6] for line in lines[2:5]] == [["1", "80.00", "0.00"], ["0", "80.00", "-"], ["1", "80.00", "-"]]


def test_a_figure_that_settings_do_not_touch_names_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    timing = make_line(RATE, 400.0)
    show("toy", [replace(each, lines=(*each.lines, timing)) for each in (run(settings={"infer.batch": "8"}), run())])
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip() and "─" not in line]
    assert [line[1] for line in lines if line[0] == ACCURACY] == ["#1", "#2"]
    assert [line[1:4] for line in lines if line[0] == RATE] == [["-", "▅▅", "400.00"]]


def test_figures_of_other_lines_are_not_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """A timing has other settings than a metric; each is alone, so that there is nothing to tell."""
    both = run()
    both = run(lines=(*both.lines, make_line(RATE, 400.0)))
    show("toy", (both, both))
    assert "settings" not in capsys.readouterr().out
