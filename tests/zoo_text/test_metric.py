"""Accuracy by character and by line, and the canaries that notice another definition."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import PluginError, ResultError
from zoo_runner.plugin.interfaces import Arrays, Sample
from zoo_runner.plugin.scoring import score
from zoo_runner.stages.evaluate.canaries import check_canaries
from zoo_text.metric import CLAMPED, EXACT, NORMALISED, TextMetric, decoded, encoded
from zoo_text.samples import TextSample


def line(text: str) -> TextSample:
    return TextSample(index=1, id="a", path=Path("a.png"), text=text)


@pytest.mark.parametrize(
    ("text", "found", "normalised", "clamped", "exact"),
    [
        ("abcd", "abcd", 100, 100, 100),
        ("abcd", "abxd", 75, 75, 0),
        ("ab", "abxy", 50, 0, 0),
        ("ab", "xyzw", 0, 0, 0),
        ("", "", 100, 100, 100),
        ("", "x", 0, 0, 0),
        ("x", "", 0, 0, 0),
        ("A b", "ab", 100 / 3, 100 / 3, 0),
    ],
)
def test_one_line(text: str, found: str, normalised: float, clamped: float, exact: float) -> None:
    got = TextMetric().scores({"text": encoded(found)}, line(text))
    assert got == pytest.approx({NORMALISED: normalised, CLAMPED: clamped, EXACT: exact})


@pytest.mark.parametrize(
    ("ignored", "value"),
    [
        ({}, 25.0),
        ({"ignore_case": True}, 50.0),
        ({"ignore_space": True}, 100 / 3),
        (dict.fromkeys(("ignore_case", "ignore_space"), True), 200 / 3),
    ],
)
def test_what_counts_for_nothing(ignored: dict[str, bool], value: float) -> None:
    assert TextMetric(**ignored).scores({"text": encoded("axb")}, line("A b "))[NORMALISED] == pytest.approx(value)


def test_the_whole_is_the_mean_over_lines() -> None:
    lines, found = [line("ab"), line("abcd")], [{"text": encoded("ab")}, {"text": encoded("abc")}]
    values = score(TextMetric(), lines, found).values
    assert [(each.name, each.protocol, each.value, each.unit) for each in values] == [
        ("character_accuracy", "normalised", 87.5, "percent"),
        ("character_accuracy", "clamped", 87.5, "percent"),
        ("line_accuracy", "exact", 50.0, "percent"),
    ]


class ByText(TextMetric):
    def scores(self, prediction: Arrays, sample: Sample) -> Mapping[tuple[str, str], float]:
        found = super().scores(prediction, sample)
        return {**found, NORMALISED: found[CLAMPED]}


class Unclamped(TextMetric):
    def scores(self, prediction: Arrays, sample: Sample) -> Mapping[tuple[str, str], float]:
        found = super().scores(prediction, sample)
        return {**found, CLAMPED: found[CLAMPED] or -50.0}


@pytest.mark.parametrize(
    ("metric", "rule"),
    [
        (ByText, "an inserted character costs one, of the longer text where normalised"),
        (Unclamped, "more edits than characters are no less than nothing"),
    ],
)
def test_canaries_notice_another_definition(metric: type[TextMetric], rule: str) -> None:
    check_canaries(TextMetric(), "recognise")
    check_canaries(TextMetric(ignore_case=True, ignore_space=True), "recognise")
    with pytest.raises(PluginError, match=f"(?s)breaks a rule.*\n  {rule}"):
        check_canaries(metric(), "recognise")


@pytest.mark.parametrize("points", [np.array([[1]]), np.array([1.0]), np.array([-1]), np.array([0x110000])])
def test_what_is_no_text(points: Any) -> None:
    with pytest.raises(ResultError, match="sample 'a': expected a text as code points, found "):
        decoded(points, line("a"))
    assert decoded(encoded("1\N{HOT BEVERAGE}"), line("a")) == "1\N{HOT BEVERAGE}"
