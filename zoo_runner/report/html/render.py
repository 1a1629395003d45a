"""Making the page: the report's records and plots in the templates of this package."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, TypeVar

from zoo_runner.language.translation import translated
from zoo_runner.report.characters import visible
from zoo_runner.report.deciding import bound, bounds, deciding, decimals
from zoo_runner.report.html import plots
from zoo_runner.report.html.cards import gallery, tag_size
from zoo_runner.report.html.difference import NOTES, moved_by_data, recounted, rescored, tone, unmoved
from zoo_runner.report.html.figures import Figures, duration, shown
from zoo_runner.report.html.language import Texts, texts
from zoo_runner.report.html.strip import difference_strip, strip
from zoo_runner.report.html.trendline import trendline
from zoo_runner.report.in_language import in_language
from zoo_runner.report.next_steps import REMEDY, next_steps
from zoo_runner.report.table import rate_noun

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

    from zoo_runner.report.changes import Comparison, MetricChange
    from zoo_runner.report.evidence import CurveRecord
    from zoo_runner.report.model import Line, MetricRecord, PerformanceRecord, Report
    from zoo_runner.report.picture import Picture

_Metric = TypeVar("_Metric", "MetricRecord", "MetricChange")
PACKAGE: Final = "zoo_runner.report.html"
SIGNIFICANT: Final = 4
"""Digits of a time that was measured."""
TIMING_FIELDS: Final = (
    (("throughput", 2), ("expected", 2), ("mean_ms", 3), ("p99_ms", 3)),
    (
        ("min_ms", 3),
        ("median_ms", 3),
        ("to_device_ms", 3),
        ("from_device_ms", 3),
        ("end_to_end", 2),
        ("tolerance", 2),
        ("loops", None),
        ("per_sample", None),
    ),
)
"""Columns of the two tables of timings, each with its decimals."""


def render(report: Report, pictures: Sequence[Picture], language: str = "en") -> str:
    """Return ``report.html``.

    The page is complete in itself: it asks for no other file. All names and texts of the report are escaped in it,
    control characters are written out, and its content security policy lets no script run but its own.

    Args:
        report: What to show.
        pictures: Samples to show, in this order.
        language: One of :data:`~zoo_runner.report.html.language.LANGUAGES`.

    Raises:
        UsageError: There are no texts in that language.
    """
    words = replace(texts(language), noun=report.noun, rate=rate_noun(report))
    steps = [
        replace(step, text=translated(step.text, language)) if step.kind == REMEDY else step
        for step in next_steps(report)
    ]
    report = in_language(report, language)
    script = _file("script.js")
    page = environment(words).get_template("page.html.j2")
    return page.render(
        report=report,
        num=Figures(report),
        gallery=gallery(report, pictures, words),
        sections=_sections(report, pictures),
        decided=deciding(report),
        steps=steps,
        timings=_timings(report),
        curves=_worst_curves(report),
        levels=sorted({level for curve in report.curves for level in curve.levels}),
        plot=Plots(report, words),
        style=style(),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


class Plots:
    """The plots of a report, for the templates to ask for; the ids in each begin with its name."""

    def __init__(self, report: Report, words: Texts) -> None:
        self._report = report
        self._texts = words
        charted = [metric for metric in report.metrics if metric.per_class]
        self._order = plots.worst_classes(charted[0].per_class) if charted else []

    def bars(self, position: int) -> Markup:
        """Plot a metric by class; the classes have the same order in all metrics."""
        metric = self._report.metrics[position]
        order = [name for name in self._order if name in metric.per_class]
        order = order or plots.worst_classes(metric.per_class)
        title = self._texts("classes.plot", name=metric.name, protocol=metric.protocol, count=len(order))
        return plots.bars(metric, order, prefix=f"bars-{position}", title=title)

    def curve(self, position: int) -> Markup:
        """Plot the curve of one class."""
        curve = self._report.curves[position]
        title = self._texts("curves.plot", label=curve.label, average=shown(curve.average, 1))
        return plots.precision_recall(curve, prefix=f"curve-{position}", title=title)

    def throughput(self, group: int, records: Sequence[PerformanceRecord]) -> Markup:
        """Plot the throughput on one chip."""
        first = records[0]
        title = self._texts(
            "throughput.plot", backend=first.backend, chip=first.chip, unit=self._texts.unit(first.unit)
        )
        return plots.throughput(records, prefix=f"throughput-{group}", title=title)

    def differences(self, position: int, change: MetricChange) -> Markup:
        """Plot what became of each class of a metric since the baseline."""
        count = min(len(change.per_class), plots.DRAWN)
        title = self._texts("baseline.plot", name=change.name, count=count)
        return plots.differences(change, prefix=f"differences-{position}", title=title)


def style() -> str:
    """Return the style sheet of all pages."""
    return _file("style.css")


def environment(words: Texts) -> Environment:
    """Return what makes pages of the templates: it escapes all texts, and writes out their control characters."""
    import jinja2  # noqa: PLC0415 - only a report needs it

    from zoo_runner.report.html.compiled import COMPILED  # noqa: PLC0415 - likewise

    environment = jinja2.Environment(
        bytecode_cache=COMPILED,
        loader=jinja2.PackageLoader(PACKAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=words,
        shown=shown,
        duration=duration,
        strip=strip,
        difference_strip=difference_strip,
        tag_size=tag_size,
        line_digits=_line_digits,
        measured_digits=_measured_digits,
        limits=bounds,
        trendline=trendline,
        drawn=plots.DRAWN,
        noted=NOTES,
        moved_by_data=moved_by_data,
        recounted=recounted,
        rescored=rescored,
        tone=tone,
        unmoved=unmoved,
        timing_fields=TIMING_FIELDS,
        with_classes=_with_classes,
        error_names=_error_names,
    )
    environment.tests["link"] = _is_link
    return environment


def _finalized(value: Any) -> Any:
    """Write out the control characters of whatever text enters the page, be it escaped already or not."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja, which is loaded only for a report

    if isinstance(value, Markup):
        return Markup(visible(value))  # noqa: S704 - what is put in needs no escaping
    return visible(value) if isinstance(value, str) else value


def _sections(report: Report, pictures: Sequence[Picture]) -> list[str]:
    """Name the parts of the page, in their order; parts without content are left out."""
    held: dict[str, Any] = {
        "expectations": True,
        "baseline": report.comparison,
        "gallery": pictures or report.diagnosis,
        "classes": report.curves or any(metric.per_class for metric in report.metrics),
        "throughput": report.performance,
        "stages": report.stages,
        "provenance": True,
    }
    return [name for name, content in held.items() if content]


def _worst_curves(report: Report) -> list[tuple[int, CurveRecord]]:
    """Pick the curves that are drawn, the lowest average first, each with its place in the report."""
    places = {curve.label: place for place, curve in enumerate(report.curves)}
    order = plots.worst_classes({curve.label: curve.average for curve in report.curves})
    return [(places[label], report.curves[places[label]]) for label in order]


def _timings(report: Report) -> list[list[tuple[int, PerformanceRecord]]]:
    """Group the timings by what can be compared, each with its place in the report."""
    groups: dict[tuple[str, str, str], list[tuple[int, PerformanceRecord]]] = {}
    for place, record in enumerate(report.performance):
        groups.setdefault((record.backend, record.chip, record.unit), []).append((place, record))
    return list(groups.values())


def _with_classes(metrics: Sequence[_Metric]) -> list[tuple[int, _Metric]]:
    """Pick the metrics that are known by class, each with its place in the report."""
    return [(place, metric) for place, metric in enumerate(metrics) if metric.per_class]


def _error_names(comparison: Comparison) -> list[str]:
    """Name the kinds of errors of both runs, once each."""
    return list(dict.fromkeys([*comparison.errors_after, *comparison.errors_before]))


def _line_digits(line: Line, value: float | None) -> int:
    return decimals(value, bound(line, value), line.tolerance)


def _measured_digits(record: PerformanceRecord, name: str, digits: int | None) -> int | None:
    """Return the decimals of a timing: milliseconds have as many digits as a few calls can tell."""
    value = getattr(record, name)
    if not name.endswith("_ms") or digits is None or not value or not math.isfinite(value):
        return digits
    return min(max(SIGNIFICANT - 1 - math.floor(math.log10(abs(value))), 0), digits)


def _is_link(text: str | None) -> bool:
    """Say whether a text from the manifest is an address that a page may lead to."""
    return bool(text) and str(text).lower().startswith(("https://", "http://"))


def _file(name: str) -> str:
    return (resources.files(PACKAGE) / name).read_text(encoding="utf-8")
