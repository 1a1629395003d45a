from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from zoo_runner.report.html.difference import rescored, tone, unmoved

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
    assert tone(difference, higher_is_better=better) == style


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
