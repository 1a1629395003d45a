from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from zoo_runner.manifest.direction import Direction
from zoo_runner.report.html.difference import moved_by_data, recounted, rescored, tone, unmoved

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Reports
    from zoo_runner.report.changes import MetricChange


@pytest.mark.parametrize(
    ("difference", "better", "style"),
    [
        pytest.param(-1.0, True, "loss", id="fell"),
        pytest.param(1.0, True, "gain", id="rose"),
        pytest.param(-1.0, False, "gain", id="fell, which is good"),
        pytest.param(1.0, False, "loss", id="rose, which is bad"),
        pytest.param(0.0, True, "", id="the same"),
        pytest.param(-0.004, True, "", id="shown as zero"),
        pytest.param(math.nan, True, "", id="not a number"),
    ],
)
def test_what_is_a_loss(difference: float, *, better: bool, style: str) -> None:
    assert tone(difference, Direction.of(higher_is_better=better)) == style


@pytest.mark.parametrize(
    ("before", "again", "differs"),
    [
        pytest.param(90.0, None, False, id="no detections"),
        pytest.param(90.0, 90.0, False, id="the same"),
        pytest.param(90.0, 90.0 + 1e-12, False, id="but for rounding"),
        pytest.param(math.nan, math.nan, False, id="never a number"),
        pytest.param(90.0, 89.9, True, id="other"),
    ],
)
def test_what_was_rescored(reports: Reports, before: float, again: float | None, *, differs: bool) -> None:
    comparison = reports.comparison(reports.full())
    last = comparison.metrics[1].model_copy(update={"before": before, "rescored": again})
    assert rescored(comparison.model_copy(update={"metrics": (comparison.metrics[0], last)})) is differs


def test_whether_a_class_moved(reports: Reports) -> None:
    change: MetricChange = reports.comparison(reports.full()).metrics[0]
    still = tuple(each.model_copy(update={"after": each.before}) for each in change.per_class)
    assert not unmoved(change)
    assert unmoved(change.model_copy(update={"per_class": still}))
    assert not unmoved(change.model_copy(update={"per_class": (*still[:-1], change.per_class[-1])}))


@pytest.mark.parametrize(
    ("reported", "differs"),
    [(None, False), (90.0, False), (90.0 + 1e-12, False), (91.0, True), (math.nan, True)],
)
def test_whether_a_class_was_moved_by_data(reports: Reports, reported: float | None, *, differs: bool) -> None:
    change = reports.comparison(reports.full()).metrics[0]
    last = change.per_class[-1].model_copy(update={"before": 90.0, "reported": reported})
    assert moved_by_data(change.model_copy(update={"per_class": (*change.per_class[:-1], last)})) is differs


@pytest.mark.parametrize(
    ("told", "today", "differs"),
    [
        pytest.param({}, {"missed": 1}, False, id="not told"),
        pytest.param({"missed": 1}, {"missed": 1}, False, id="the same"),
        pytest.param({"missed": 1, "other": 0}, {"missed": 1}, False, id="none of a kind"),
        pytest.param({"missed": 1}, {"missed": 1, "other": 2}, True, id="another kind"),
        pytest.param({"missed": 2}, {"missed": 1}, True, id="fewer"),
    ],
)
def test_whether_errors_were_counted_otherwise(
    reports: Reports, told: dict[str, int], today: dict[str, int], *, differs: bool
) -> None:
    comparison = reports.comparison(reports.full())
    assert recounted(comparison.model_copy(update={"errors_reported": told, "errors_before": today})) is differs
