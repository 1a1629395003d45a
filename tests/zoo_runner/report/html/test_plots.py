"""The plots as elements of the page: what is in them, and what must not be."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import matplotlib as mpl
import pytest
from defusedxml.ElementTree import fromstring

from zoo_runner.report.evidence import CurveRecord
from zoo_runner.report.html import plots
from zoo_runner.report.html.canvas import clipped, columns

if TYPE_CHECKING:
    from tests.zoo_runner.report.html.conftest import Reports

TITLE = 'A "title" & <more>'
TRICKY = (
    "<script>alert(1)</script>",
    "$x_1$",
    "\N{CJK UNIFIED IDEOGRAPH-732B}\N{CJK UNIFIED IDEOGRAPH-72D7}",
    "a&b\"'",
)


def bars(make: Reports, names: tuple[str, ...] = ("ant", "bee", "cat")) -> str:
    metric = make.metric("map", "reference", names, shift=0)
    return plots.bars(metric, plots.worst_classes(metric.per_class), prefix="p", title=TITLE)


def curve(make: Reports) -> str:
    return plots.precision_recall(make.curve("ant", 80.0), prefix="p", title=TITLE)


def throughput(make: Reports) -> str:
    return plots.throughput([make.timing(1), make.timing(16)], prefix="p", title=TITLE)


def differences(make: Reports) -> str:
    return plots.differences(make.comparison(make.full()).metrics[0], prefix="p", title=TITLE)


ALL = [bars, curve, throughput, differences]
PLOTS = pytest.mark.parametrize("plot", [pytest.param(plot, id=plot.__name__) for plot in ALL])
Plot = Callable[["Reports"], str]


@PLOTS
def test_it_is_an_element_of_the_page(reports: Reports, plot: Plot) -> None:
    root = fromstring(plot(reports))
    assert (root.tag, root.get("role"), root.get("aria-labelledby")) == ("svg", "img", "p-title")
    assert [(each.get("id"), each.text) for each in root.iter("title")] == [("p-title", TITLE)]
    assert {"style", "metadata", "script", "image"}.isdisjoint({each.tag for each in root.iter()})
    names = [name for each in root.iter() if (name := each.get("id"))]
    assert len(names) == len(set(names))
    assert all(name.startswith("p-") for name in names)
    linked = {
        name for each in root.iter() for value in each.attrib.values() for name in re.findall(r"#([\w.-]+)", value)
    }
    assert linked <= set(names)


@PLOTS
def test_the_page_chooses_colours_and_fonts(reports: Reports, plot: Plot) -> None:
    styles = re.findall(r'style="([^"]*)"', plot(reports))
    colours = {value for style in styles for value in re.findall(r"(?:fill|stroke):([^;]+)", style)}
    assert colours
    assert {colour for colour in colours if not re.fullmatch(r"var\(--[a-z-]+\)|none", colour)} == set()
    assert "font-family" not in "".join(styles)


@PLOTS
def test_it_is_the_same_every_time_and_everywhere(reports: Reports, plot: Plot) -> None:
    first = plot(reports)
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30, "svg.fonttype": "path", "text.usetex": True}):
        assert plot(reports) == first
        assert mpl.rcParams["font.size"] == 30


@PLOTS
def test_readers_see_text(reports: Reports, plot: Plot) -> None:
    assert list(fromstring(plot(reports)).iter("text"))


def test_names_are_text_and_nothing_else(reports: Reports) -> None:
    root = fromstring(bars(reports, TRICKY))
    shown = {each.text for each in root.iter("text")}
    assert {clipped(name, plots.LABEL) for name in TRICKY} <= shown
    assert list(root.iter("script")) == []


def test_bars_are_as_long_as_the_values(reports: Reports) -> None:
    metric = reports.metric("map", "reference", ("a", "b"), shift=0).model_copy(
        update={"per_class": {"a": 25.0, "b": 75.0}, "per_class_interval": {}}
    )
    root = fromstring(plots.bars(metric, ["a", "b"], prefix="p", title=TITLE))
    drawn = [each.get("d", "") for each in root.iter("path") if "fill:var(--plot-a)" in each.get("style", "")]
    ends = [[float(x) for x in re.findall(r"[ML] ([\d.]+)", path)] for path in drawn]
    short, long = (max(xs) - min(xs) for xs in ends)
    assert long == pytest.approx(3 * short, abs=0.1)


@pytest.mark.parametrize(
    ("better", "colours"), [(True, ["loss"] * 4 + ["gain"] * 2), (False, ["gain"] * 4 + ["loss"] * 2)]
)
def test_what_is_a_loss_depends_on_the_metric(reports: Reports, *, better: bool, colours: list[str]) -> None:
    change = reports.comparison(reports.full()).metrics[0].model_copy(update={"higher_is_better": better})
    drawn = plots.differences(change, prefix="p", title=TITLE)
    assert re.findall(r"fill:var\(--plot-(loss|gain)\)", drawn) == colours


@pytest.mark.parametrize(
    ("end_to_end", "covered"),
    [
        pytest.param(None, False, id="no mark"),
        pytest.param(390.0, True, id="at the top of the bar"),
        pytest.param(200.0, False, id="inside the bar"),
        pytest.param(800.0, False, id="far above"),
    ],
)
def test_the_figure_of_a_bar_is_not_under_the_mark(
    reports: Reports, end_to_end: float | None, *, covered: bool
) -> None:
    record = reports.timing(1, throughput=389.0, end_to_end=end_to_end, expected=None)
    root = fromstring(plots.throughput([record], prefix="p", title=TITLE))
    (text,) = [each for each in root.iter("text") if each.text == "389"]
    paths = [each.get("d", "") for each in root.iter("path") if "fill:var(--plot-a)" in each.get("style", "")]
    top = min(float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", paths[0]))
    assert top - float(text.get("y", "nan")) == pytest.approx(9 if covered else 4, abs=1.5)


def test_the_lowest_classes_come_first_and_not_too_many() -> None:
    values = {f"c{number}": float(-number) for number in range(100)}
    assert plots.worst_classes(values) == [f"c{number}" for number in range(99, 99 - plots.DRAWN, -1)]
    assert plots.worst_classes({}) == []


def test_what_is_missing_is_not_drawn(reports: Reports) -> None:
    nothing = reports.metric("map", "reference", (), shift=0)
    unknown = reports.metric("map", "reference", ("a", "b"), shift=math.nan)
    changed = reports.comparison(reports.full()).metrics[0]
    empty = CurveRecord(label="a", average=0.0, recall=(), precision=())
    drawn = [
        plots.bars(nothing, [], prefix="p", title=TITLE),
        plots.bars(unknown, ["a", "b"], prefix="p", title=TITLE),
        plots.precision_recall(empty, prefix="p", title=TITLE),
        plots.throughput([reports.timing(1, throughput=None, expected=None)], prefix="p", title=TITLE),
        plots.throughput([], prefix="p", title=TITLE),
        plots.differences(changed.model_copy(update={"per_class": ()}), prefix="p", title=TITLE),
    ]
    assert [fromstring(each).tag for each in drawn] == ["svg"] * len(drawn)
    assert all("nan" not in value for each in drawn for value in re.findall(r' d="([^"]*)"', each))


@pytest.mark.parametrize(
    ("text", "most", "result"),
    [
        pytest.param("short", 10, "short", id="fits"),
        pytest.param("exactly10!", 10, "exactly10!", id="just fits"),
        pytest.param("much too long", 10, "much too …", id="too long"),
        pytest.param("\N{CJK UNIFIED IDEOGRAPH-732B}" * 6, 10, "\N{CJK UNIFIED IDEOGRAPH-732B}" * 4 + "…", id="wide"),
        pytest.param("", 10, "", id="empty"),
    ],
)
def test_clipped(text: str, most: int, result: str) -> None:
    assert clipped(text, most) == result
    assert columns(result) <= most


def test_libraries_are_loaded_for_a_report_only() -> None:
    code = (
        "import sys; import zoo_runner.report.html, zoo_runner.report.gallery;"
        "print({'matplotlib', 'jinja2', 'numpy', 'matplotlib.pyplot'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
