from __future__ import annotations

import math
from typing import Any

import pytest

from shown_reports import metric, report, timing, waiver
from zoo_runner.report.deciding import bound, bounds, deciding, decimals, shortfall
from zoo_runner.report.model import Line, PerformanceRecord, Verdict, WaiverState


def line(**given: Any) -> PerformanceRecord:
    fields = {"backend": "ascend", "chip": "310P3", "batch": 1, "loops": 1, "expected": 90.0, "tolerance": 2.0}
    return PerformanceRecord(**{**fields, **given})


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        pytest.param({}, (88.0, math.inf), id="at least"),
        pytest.param({"direction": "at_most"}, (-math.inf, 92.0), id="at most"),
        pytest.param({"direction": "within"}, (88.0, 92.0), id="within"),
        pytest.param({"tolerance": None}, (90.0, math.inf), id="no tolerance"),
        pytest.param({"expected": None}, (-math.inf, math.inf), id="nothing"),
    ],
)
def test_bounds(given: dict[str, Any], ends: tuple[float, float]) -> None:
    assert bounds(line(**given)) == ends


@pytest.mark.parametrize(
    ("given", "value", "nearest"),
    [
        pytest.param({"direction": "within"}, 91.5, 92.0, id="upper"),
        pytest.param({"direction": "within"}, 80.0, 88.0, id="lower"),
        pytest.param({}, None, 88.0, id="not measured"),
        pytest.param({"expected": None}, 80.0, None, id="nothing expected"),
    ],
)
def test_bound(given: dict[str, Any], value: float | None, nearest: float | None) -> None:
    assert bound(line(**given), value) == nearest


GOOD = metric(Verdict.PASS, expected=79.5, tolerance=0.1)
BAD = metric(Verdict.FAIL, value=40.0, expected=79.5, tolerance=0.1)
FREE = metric(id="other")
SLOW = timing(throughput=400.0, expected=445.783, tolerance=22.0, verdict=Verdict.FAIL)
UNCLEAR = metric(Verdict.INCONCLUSIVE, expected=79.5, tolerance=0.1, cause="partial")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({}, None, id="nothing measured"),
        pytest.param({"metrics": (FREE,)}, ("metrics", 0), id="nothing expected"),
        pytest.param({"metrics": (FREE, GOOD)}, ("metrics", 1), id="what is gated, not what comes first"),
        pytest.param({"metrics": (GOOD,), "performance": (SLOW,)}, ("performance", 0), id="the missed throughput"),
        pytest.param({"metrics": (GOOD, BAD), "performance": (SLOW,)}, ("metrics", 1), id="the first that failed"),
        pytest.param({"metrics": (GOOD, UNCLEAR)}, ("metrics", 1), id="not clear"),
        pytest.param({"metrics": (UNCLEAR,), "performance": (SLOW,)}, ("performance", 0), id="failed before unclear"),
        pytest.param(
            {"metrics": (FREE, GOOD), "waivers": (waiver(WaiverState.NOT_NEEDED),), "verdict": Verdict.FAIL},
            ("metrics", 1),
            id="a waiver failed the run",
        ),
        pytest.param(
            {"performance": (timing(why="no time"),)}, ("performance", 0), id="nothing but a line without time"
        ),
        pytest.param({"metrics": (BAD,), "verdict": Verdict.ERROR}, None, id="an error has no figure"),
    ],
)
def test_the_line_that_decided(given: dict[str, Any], field: tuple[str, int] | None) -> None:
    found = deciding(report(**given))
    assert (None if found is None else found.field) == field


@pytest.mark.parametrize(
    ("line", "limit", "distance", "text"),
    [
        pytest.param(BAD, 79.4, -39.4, "short of 79.40 by 39.40", id="missed"),
        pytest.param(SLOW, 423.783, -23.783, "short of 423.78 by 23.78", id="missed throughput"),
        pytest.param(GOOD, 79.4, 0.184, "", id="met"),
        pytest.param(FREE, None, None, "", id="nothing expected"),
        pytest.param(
            metric(Verdict.FAIL, value=0.31, expected=0.2, tolerance=0.01, direction="at_most"),
            0.21,
            -0.1,
            "short of 0.210 by 0.100",
            id="less is better",
        ),
        pytest.param(
            metric(Verdict.FAIL, value=90.0, expected=80.0, tolerance=2.0, direction="within"),
            82.0,
            -8.0,
            "short of 82.00 by 8.00",
            id="within, above",
        ),
        pytest.param(
            metric(Verdict.FAIL, value=79.3999999, expected=79.5, tolerance=0.1),
            79.4,
            -0.0000001,
            "short of 79.400000 by 0.000000",
            id="by a hair",
        ),
        pytest.param(metric(Verdict.FAIL, value=math.nan, expected=79.5), 79.5, None, "", id="not a number"),
        pytest.param(timing(expected=4.0, verdict=Verdict.INCONCLUSIVE), 4.0, None, "", id="not measured"),
    ],
)
def test_how_far_it_is_off(line: Line, limit: float | None, distance: float | None, text: str) -> None:
    key = "performance" if isinstance(line, PerformanceRecord) else "metrics"
    given: dict[str, Any] = {key: (line,)}
    found = deciding(report(**given))
    assert found is not None
    assert found.limit == limit
    assert found.distance == (None if distance is None else pytest.approx(distance))
    assert shortfall(found) == text
    assert found.figure == ("throughput" if key == "performance" else "value")


@pytest.mark.parametrize(
    ("value", "bound", "tolerance", "digits"),
    [
        pytest.param(92.6, None, None, 2, id="nothing expected"),
        pytest.param(92.6, 92.3, 0.3, 2, id="coarse"),
        pytest.param(79.584, 79.56, 0.02, 3, id="fine"),
        pytest.param(79.5596, 79.56, 0.0, 4, id="as close as it gets"),
        pytest.param(79.56, 79.56, 0.0, 2, id="on the bound"),
        pytest.param(79.560000001, 79.56, 0.0, 6, id="closer than that"),
        pytest.param(math.nan, 79.56, 0.1, 2, id="not a number"),
        pytest.param(None, 79.56, 0.1, 2, id="not measured"),
    ],
)
def test_decimals(value: float | None, bound: float | None, tolerance: float | None, digits: int) -> None:
    assert decimals(value, bound, tolerance) == digits
