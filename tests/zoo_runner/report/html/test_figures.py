from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.report.html.figures import Figures, duration, shown

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Reports

MINUS = "\N{MINUS SIGN}"
DASH = "\N{EN DASH}"


@pytest.mark.parametrize(
    ("value", "given", "text"),
    [
        pytest.param(79.584, {"digits": 2}, "79.58", id="rounded"),
        pytest.param(79.584, {}, "79.584", id="as it is"),
        pytest.param(1000, {}, "1000", id="whole"),
        pytest.param(-1.5, {"digits": 1}, f"{MINUS}1.5", id="negative"),
        pytest.param(1.5, {"digits": 1, "sign": True}, "+1.5", id="gain"),
        pytest.param(-0.001, {"digits": 2}, "0.00", id="no loss"),
        pytest.param(0.0, {"digits": 2, "sign": True}, "0.00", id="no difference"),
        pytest.param(0, {"sign": True}, "0", id="no more and no fewer"),
        pytest.param(0.300, {"digits": 3, "least": True}, "0.3", id="short"),
        pytest.param(100.0, {"digits": 0, "least": True}, "100", id="zeros that count"),
        pytest.param(1e-9, {}, "1e-09", id="tiny"),
        pytest.param(None, {"digits": 2}, DASH, id="absent"),
        pytest.param(math.nan, {"digits": 2}, "nan", id="not a number"),
        pytest.param("Infinity", {"digits": 2}, "Infinity", id="infinity as JSON has it"),
    ],
)
def test_shown(value: Any, given: dict[str, Any], text: str) -> None:
    assert shown(value, **given) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (60, "1 min 00 s"),
        (201.4, "3 min 21 s"),
        (7265, "2 h 01 min"),
        (math.inf, "inf"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class _Attributes(HTMLParser):
    found: dict[str, str | None]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = dict(attrs)


@given(name=st.text(min_size=1), value=st.floats())
def test_a_figure_says_which_one_it_is(reports: Reports, name: str, value: float) -> None:
    metric = reports.metric("map", "reference", (), shift=0).model_copy(update={"per_class": {name: value}})
    report = reports.least(metrics=(metric,))
    parser = _Attributes()
    parser.feed(str(Figures(report)(2, ("metrics", 0), "per_class", name)))
    pointer, exact = parser.found["data-field"] or "", parser.found["data-value"] or ""
    found: Any = json.loads(report.model_dump_json())
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    assert json.loads(exact) == found
