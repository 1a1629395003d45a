"""The small line of the last runs: where its points lie, what the band is, and that its numbers are the report's."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest

from zoo_runner.manifest.direction import Direction
from zoo_runner.report.html.render import render
from zoo_runner.report.html.trendline import HEIGHT, MARGIN, WIDTH, trendline
from zoo_runner.report.trends import TrendRecord

if TYPE_CHECKING:
    from tests.zoo_runner.report.conftest import Parsed
    from tests.zoo_runner.report.html.conftest import Reports
    from zoo_runner.report.model import Report

LOW, HIGH, MIDDLE = HEIGHT - MARGIN, MARGIN, HEIGHT / 2


def report(reports: Reports, *values: float, **facts: object) -> Report:
    head = reports.full().metrics[0].model_copy(update={"id": "a/b", "expected": None, "tolerance": None, **facts})
    record = TrendRecord(line="a/b", started=tuple(f"2026-11-{n + 1:02d}" for n in range(len(values))), values=values)
    return reports.full(metrics=(head,), trends=(record,))


@pytest.mark.parametrize(
    ("values", "heights"),
    [
        ((1.0, 2.0, 3.0), [LOW, MIDDLE, HIGH]),
        ((5.0, 5.0), [MIDDLE, MIDDLE]),
        ((-1e308, 1e308), [LOW, HIGH]),
    ],
)
def test_points(reports: Reports, values: tuple[float, ...], heights: list[float]) -> None:
    made = report(reports, *values)
    drawn = trendline(made, made.metrics[0])
    assert drawn is not None
    assert [y for _, y in drawn.points] == pytest.approx(heights)
    assert (drawn.points[0][0], drawn.points[-1][0]) == (MARGIN, WIDTH - MARGIN)
    assert (drawn.zone, drawn.limits) == (None, ())


@pytest.mark.parametrize(
    ("direction", "zone", "limits"),
    [
        (Direction.AT_LEAST, (0.0, MIDDLE), 1),
        (Direction.AT_MOST, (MIDDLE, HEIGHT - MIDDLE), 1),
        (Direction.WITHIN, (MIDDLE, 0.0), 2),
    ],
)
def test_the_band_is_where_the_figure_passes(
    reports: Reports, direction: Direction, zone: tuple[float, float], limits: int
) -> None:
    made = report(reports, 1.0, 3.0, expected=2.0, tolerance=0.0, direction=direction)
    drawn = trendline(made, made.metrics[0])
    assert drawn is not None
    assert (drawn.zone, len(drawn.limits)) == (zone, limits)


@pytest.mark.parametrize("values", [(), (1.0,), (1.0, math.inf), (math.nan, 1.0)])
def test_what_cannot_be_drawn_is_not(reports: Reports, values: tuple[float, ...]) -> None:
    made = report(reports, *values)
    assert trendline(made, made.metrics[0]) is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_numbers_are_those_of_the_report(reports: Reports, parsed: Parsed, language: str) -> None:
    made = report(reports, 91.25, 92.5, 90.75)
    page = parsed(render(made, (), language))
    fields = {each.attributes["data-field"]: each.attributes["data-value"] for each in page.all(class_="num")}
    shown = {name: json.loads(value) for name, value in fields.items() if name.startswith("/trends/")}
    assert shown == {f"/trends/0/values/{place}": value for place, value in enumerate(made.trends[0].values)}
    drawn = list(page.all("svg", class_="trend"))
    assert len(drawn) == 2  # beside the verdict, and in the line's row
    assert all("91.25" in each.attributes["aria-label"] and "90.75" in each.attributes["aria-label"] for each in drawn)
    assert [each.text for each in drawn[0].all("title")][-1].startswith("2026-11-03: 90.75")


def test_without_earlier_runs_nothing_speaks_of_them(reports: Reports, parsed: Parsed) -> None:
    page = parsed(render(reports.full(), ()))
    assert not list(page.all("svg", class_="trend"))
    assert "the last runs" not in page.text
