"""Whole runs: what is found after a red gate, and that it changes neither verdict nor exit code."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lab import Lab
from zoo_runner.attribution import search as room
from zoo_runner.attribution.choosing import choose
from zoo_runner.job.options import Stage
from zoo_runner.plugin.loading import Plugin
from zoo_runner.plugin.plain import Plain
from zoo_runner.report import files
from zoo_runner.report.model import Report, Verdict

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample

pytestmark = pytest.mark.slow  # whole runs


def numbers(sample: Sample) -> Arrays:
    return {"numbers": np.loadtxt(sample.path, dtype=np.float32)}


def label(outputs: Arrays, _sample: Sample) -> Arrays:
    scores = outputs["scores"]
    return {"label": scores.argmax(axis=0, keepdims=True), "score": scores.max(keepdims=True)}


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the trial plugin plain implementations."""
    mistakes: Any = {
        "this one breaks": lambda outputs, _: outputs["nothing"],
        "the floor looks like 9": lambda outputs, sample: {**label(outputs, sample), "score": np.array([9.0])},
        "the floor looks like 99": lambda outputs, sample: {**label(outputs, sample), "score": np.array([99.0])},
    }
    made = Plain(preprocess=numbers, postprocess=label, prediction_mistakes=mistakes)
    monkeypatch.setattr(Plugin, "plain", lambda *_: made)


RED = ("expected.accuracy.value=50", "expected.accuracy.direction=within")
"""The trial scores 100."""
OFFSET = "plugin.config.offset=3"
HIGH = "plugin.config.floor=9"


@pytest.mark.usefixtures("plain")
def test_stages_that_differ(lab: Lab) -> None:
    green = lab()
    assert (green.verdict, green.attribution) == (Verdict.PASS, None)
    red = lab(*RED, OFFSET, HIGH, explain="always")
    assert (red.verdict, red.exit_code) == (Verdict.FAIL, 1)
    found = red.attribution
    assert found is not None, lab.listener.heard
    assert [each.stage for each in found.stages] == ["preprocess", "infer", "postprocess", "reuse"]
    assert [each.differs for each in found.stages] == [48, 0, 48, 0]
    assert found.stages[0].mistake == "the mean looks wrong: values are the right ones +3"
    assert found.stages[2].mistake == "the floor looks like 9"
    assert (found.stages[0].points, found.stage_named) == (0, "")  # the largest number stays where it is
    saved = lab.saved()
    assert saved["attribution"]["samples"] == found.samples == 48
    assert saved["verdict"] == "fail"
    again = lab(*RED, OFFSET, HIGH, explain="always").attribution
    assert again is not None
    assert again.stages == found.stages
    for name in ("report.html", "summary.md"):
        assert "Stages against their references" in (lab.folder / "out" / name).read_text(encoding="utf-8")


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("overrides", "options", "expected"),
    [
        pytest.param([*RED], {"explain": "never"}, None, id="never"),
        pytest.param([*RED], {}, 48, id="auto, the default"),
        pytest.param([], {"explain": "auto"}, None, id="green"),
        pytest.param([], {"limit": 20, "explain": "auto"}, None, id="part"),
        pytest.param([], {"explain": "always"}, 48, id="always"),
        pytest.param([*RED], {"limit": 5, "explain": "auto"}, None, id="part-is-not-judged"),
        pytest.param([], {"explain": "always", "last": Stage.EVALUATE}, None, id="no-gate"),
    ],
)
def test_when(lab: Lab, overrides: list[str], options: dict[str, Any], expected: int | None) -> None:
    found = lab(*overrides, **options).attribution
    assert (found and found.samples) == expected


@pytest.mark.usefixtures("plain")
def test_without_time(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LIMIT_S", 0.0)
    report = lab(*RED, explain="auto")
    assert (report.verdict, report.attribution) == (Verdict.FAIL, None)
    said = "not explained: it would have taken longer than 0 s; run with --explain always"
    assert any(said in text for text in lab.listener.heard)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_early_end_leaves_the_first_report(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def ended(*_: Any) -> None:
        raise error("the end")

    def cut(*arguments: Any, **options: Any) -> Report:
        with monkeypatch.context() as patch:
            patch.setattr(files, "write_file", ended)
            return files.rewrite_report(*arguments, **options)

    monkeypatch.setattr("zoo_runner.runner.rewrite_report", cut)
    with nullcontext() if error is OSError else pytest.raises(error):
        report = lab(*RED)
        assert (report.verdict, report.exit_code, report.attribution) == (Verdict.FAIL, 1, None)
    assert (lab.saved()["verdict"], lab.saved()["attribution"]) == ("fail", None)


def test_an_error_costs_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plugin, "plain", lambda *_: "nonsense")
    report = lab(*RED, explain="auto")
    assert (report.verdict, report.exit_code, report.attribution) == (Verdict.FAIL, 1, None)
    assert lab.saved()["verdict"] == "fail"
    assert any("zoo_plain() returned str, expected a Plain" in text for text in lab.listener.heard)


def test_without_plain_implementations(lab: Lab) -> None:
    found = lab(*RED, explain="always").attribution
    assert found is not None
    (line,) = found.findings
    assert line.startswith("on 48 samples this is as its reference: inference; look at what has none: weights, ")
    assert [each.stage for each in found.stages] == ["infer", "reuse"]


def test_choose(lab: Lab) -> None:
    report = lab()
    samples: list[Any] = [type("S", (), {"id": str(place)})() for place in range(9)]
    picked = choose(report, samples, 4)
    assert picked == sorted(set(picked)) == choose(report, samples, 4)
    assert choose(report, samples, 40) == list(range(9))
    assert choose(report, [], 4) == []
