"""The plots of the report. Each goes with a table of its numbers; colours never carry a meaning alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from zoo_runner.report.html.canvas import (
    COLUMN,
    FIRST,
    GAIN,
    INK,
    LOSS,
    MUTED,
    PAPER,
    ZONE,
    Sheet,
    clipped,
    columns,
    plotted,
)
from zoo_runner.report.html.figures import shown

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

    from zoo_runner.manifest.direction import Direction
    from zoo_runner.report.changes import ClassChange, MetricChange
    from zoo_runner.report.evidence import CurveRecord
    from zoo_runner.report.model import MetricRecord, PerformanceRecord

WIDTH: Final = 400.0
"""Of a plot in pixels: on a telephone it shrinks a little, and can still be read."""
ROW: Final = 20.0
LABEL: Final = 20
"""Letters of a class name that a plot shows."""
DRAWN: Final = 40
"""Classes that a plot shows; the tables have all."""
CLOSE: Final = 0.1
"""Distance, as a part of the axis, within which a mark covers the text above a bar."""
CAP: Final = 0.16
"""Half the height of an interval's ends, in rows."""
PERCENT: Final = 100.0


def worst_classes(values: Mapping[str, float]) -> list[str]:
    """Return the classes in the order they are drawn: the lowest value first, and no more than fit."""
    return sorted(values, key=lambda name: (_finite(values[name]), name))[:DRAWN]


def bars(metric: MetricRecord, order: Sequence[str], *, prefix: str, title: str) -> Markup:
    """Plot a metric by class, with the interval of each."""
    return plotted(_rows(order, right=44), partial(_bars, metric, order), prefix=prefix, title=title)


def _bars(metric: MetricRecord, order: Sequence[str], axes: Axes) -> None:
    values = [_finite(metric.per_class[name]) for name in order]
    ends = [end for name in order for end in metric.per_class_interval.get(name, ())]
    top = max([*values, *filter(math.isfinite, ends), PERCENT if metric.unit == "percent" else 0.0], default=1.0) or 1.0
    places = range(len(order))
    axes.barh(places, values, height=0.62, color=FIRST, linewidth=0)
    _intervals(axes, [metric.per_class_interval.get(name) for name in order])
    _values(axes, [shown(metric.per_class[name], 1) for name in order])
    axes.set_xlim(min(0.0, *values, 0.0), top)
    _name_rows(axes, order)


def differences(change: MetricChange, *, prefix: str, title: str) -> Markup:
    """Plot what each class of a metric gained or lost, with the interval of the difference."""
    drawn = change.per_class[:DRAWN]
    sheet = _rows([each.label for each in drawn], right=52)
    return plotted(sheet, partial(_differences, drawn, change.direction), prefix=prefix, title=title)


def _differences(changes: Sequence[ClassChange], direction: Direction, axes: Axes) -> None:
    values = [_finite(change.difference) for change in changes]
    colours = [LOSS if direction.gain(0.0, value) < 0 else GAIN for value in values]
    axes.barh(range(len(values)), values, height=0.62, color=colours, linewidth=0)
    pairs = [_pair(change) for change in changes]
    ends = [0.0, *values, *(end for pair in pairs if pair for end in pair)]
    _intervals(axes, pairs)
    _values(axes, [shown(change.difference, 1, sign=True) for change in changes])
    margin = 0.06 * (max(ends) - min(ends)) or 1.0
    axes.set_xlim(min(ends) - margin, max(ends) + margin)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.spines["left"].set_visible(False)
    _name_rows(axes, [change.label for change in changes])


def precision_recall(curve: CurveRecord, *, prefix: str, title: str) -> Markup:
    """Plot one class's precision against recall, with the points that its average reads."""
    sheet = Sheet(width=200, height=150, left=30, bottom=24)
    return plotted(sheet, partial(_precision_recall, curve), prefix=prefix, title=title)


def _precision_recall(curve: CurveRecord, axes: Axes) -> None:
    axes.grid(visible=True)
    axes.fill_between(curve.recall, curve.precision, color=ZONE, linewidth=0)
    axes.plot(curve.recall, curve.precision, color=FIRST, linewidth=1.8)
    axes.plot(curve.levels, curve.level_precision, "o", color=INK, markersize=4.4, markeredgewidth=0, clip_on=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks([0, 0.5, 1], labels=["0", "0.5", "1"])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.05)


def throughput(records: Sequence[PerformanceRecord], *, prefix: str, title: str) -> Markup:
    """Plot the throughput by batch size: measured, expected with its tolerance, and from file to detections."""
    sheet = Sheet(width=WIDTH, height=250, left=46, bottom=26, top=18)
    return plotted(sheet, partial(_throughput, records), prefix=prefix, title=title)


def _throughput(records: Sequence[PerformanceRecord], axes: Axes) -> None:
    places = range(len(records))
    values = [_finite(record.throughput or 0.0) for record in records]
    axes.grid(visible=True, axis="y")
    axes.bar(places, values, width=0.44, color=FIRST, linewidth=0, zorder=2)
    expected = [record.expected or 0.0 for record in records]
    marked = [_finite(record.end_to_end or 0.0) for record in records]
    top = max([*values, *expected, *marked], default=1.0) or 1.0
    for place, record in enumerate(records):
        if record.expected is not None:
            around, tolerance = [place - 0.4, place + 0.4], record.tolerance or 0.0
            axes.fill_between(around, record.expected - tolerance, record.expected, color=ZONE, linewidth=0, zorder=1.5)
            axes.plot(around, [record.expected] * 2, color=INK, linewidth=2.2)
        if record.end_to_end is not None:
            axes.plot(
                [place], [record.end_to_end], "D", color=PAPER, markersize=8, markeredgewidth=1.6, markeredgecolor=INK
            )
        if record.throughput is not None:
            height = max(values[place], expected[place])
            covered = abs(marked[place] - height) < CLOSE * top  # by the diamond
            axes.annotate(
                shown(record.throughput, 0 if record.throughput >= PERCENT else 1),
                (place, max(height, marked[place]) if covered else height),
                (0, 9 if covered else 4),
                textcoords="offset points",
                ha="center",
                fontsize=12,
            )
    axes.set_xticks(places, labels=[str(record.batch) for record in records])
    axes.tick_params(axis="y", labelcolor=MUTED)
    axes.set_xlim(-0.6, max(len(records), 1) - 0.4)
    axes.set_ylim(0, 1.12 * top)
    axes.spines["left"].set_visible(False)


def _rows(names: Sequence[str], *, right: float) -> Sheet:
    widest = max((columns(clipped(name, LABEL)) for name in names), default=0)
    return Sheet(
        width=WIDTH, height=ROW * max(len(names), 1) + 26, left=COLUMN * widest + 14, right=right, top=4, bottom=22
    )


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    axes.grid(visible=True, axis="x")
    axes.set_yticks(range(len(names)), labels=[clipped(name, LABEL) for name in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.locator_params(axis="x", nbins=5)


def _pair(change: ClassChange) -> tuple[float, float] | None:
    if change.low is None or change.high is None or not math.isfinite(change.low + change.high):
        return None
    return change.low, change.high


def _intervals(axes: Axes, pairs: Sequence[tuple[float, float] | None]) -> None:
    """Draw a line with caps in each row that has an interval, all as one line with gaps: that is fast."""
    xs: list[float] = []
    ys: list[float] = []
    for place, pair in enumerate(pairs):
        if pair and math.isfinite(sum(pair)):
            (low, high), gap = pair, math.nan
            xs += [low, high, gap, low, low, gap, high, high, gap]
            ys += [place, place, gap, place - CAP, place + CAP, gap, place - CAP, place + CAP, gap]
    axes.plot(xs, ys, color=INK, linewidth=1.4)


def _values(axes: Axes, texts: Sequence[str]) -> None:
    """Write a value at the right end of each row."""
    for place, text in enumerate(texts):
        axes.text(1.02, place, text, transform=axes.get_yaxis_transform(), va="center")


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
