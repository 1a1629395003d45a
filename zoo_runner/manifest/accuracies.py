"""The accuracies that a manifest expects, each with its metric, protocol and unit: the same for one and for several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.checks import Problem, possible
from zoo_runner.manifest.figures import AccuracyExpectation, AccuracyFigure
from zoo_runner.manifest.lines import metric_line

if TYPE_CHECKING:
    from zoo_runner.manifest.chip_figures import ChipExpectation
    from zoo_runner.manifest.figures import MetricFigure
    from zoo_runner.manifest.subsets import Subset
    from zoo_runner.manifest.tree import KeyPath


@dataclass(frozen=True, kw_only=True)
class ExpectedAccuracy:
    """What is expected of one metric by one protocol.

    Attributes:
        metric: Its name.
        protocol: How it is computed.
        unit: Of its figures, as the manifest writes them.
        figure: What the whole data set must reach.
        path: Where that section stands.
        alone: Whether it is the only one, so that figures without metric and protocol can be no other's.
    """

    metric: str
    protocol: str
    unit: str
    figure: AccuracyFigure
    path: KeyPath
    alone: bool

    @property
    def line(self) -> str:
        """The id of its line, of the whole data set."""
        return metric_line(self.metric, self.protocol)

    @property
    def title(self) -> str:
        """As reasons of a verdict call it."""
        return f"{self.metric} ({self.protocol})"

    def by_batch(self, table: ChipExpectation) -> Mapping[int, float]:
        """Return its own figures for a chip, by batch size."""
        return table.own_accuracies.get(self.line if table.accuracy_by_line else "", {})

    def chip_path(self, place: str, table: ChipExpectation) -> KeyPath:
        """Return where its own figures for a chip stand."""
        return ("expected", "chips", place, "accuracy", *((self.line,) if table.accuracy_by_line else ()))

    def of_subset(self, name: str, section: Subset) -> tuple[AccuracyFigure, KeyPath] | None:
        """Return a subset's figure of it, and where that stands; ``None`` without one."""
        path: KeyPath = ("subsets", name, "expected")
        if section.expected is None or isinstance(section.expected, AccuracyFigure):
            return None if section.expected is None else (section.expected, path)
        figure = section.expected.get(self.line)
        return None if figure is None else (figure, (*path, self.line))


def accuracies(given: AccuracyExpectation | Mapping[str, MetricFigure] | None) -> tuple[ExpectedAccuracy, ...]:
    """List what is expected of metrics, in the manifest's order.

    Args:
        given: The section ``expected.accuracy``.
    """
    path = ("expected", "accuracy")
    if given is None:
        return ()
    if isinstance(given, AccuracyExpectation):
        one = ExpectedAccuracy(
            metric=given.metric, protocol=given.protocol, unit=given.unit, figure=given, path=path, alone=True
        )
        return (one,)
    return tuple(
        ExpectedAccuracy(
            metric=line.partition("/")[0],
            protocol=line.partition("/")[2],
            unit=figure.unit,
            figure=figure,
            path=(*path, line),
            alone=len(given) == 1,
        )
        for line, figure in given.items()
    )


def accuracy_problems(known: tuple[ExpectedAccuracy, ...], chips: Mapping[str, ChipExpectation]) -> Iterator[Problem]:
    """Check the accuracies of a section, relative to it: each can be had, and each that is listed is compared."""
    for each in known:
        yield from possible((*each.path[1:], "value"), each.figure.value, each.unit)
    for place, table in chips.items():
        path = ("chips", place, "accuracy")
        if table.accuracy and not known:
            yield path, "would never be compared: expected.accuracy names no metric"
        elif table.accuracy_by_line:
            yield from unknown_lines(path, table.own_accuracies, known)
        elif table.accuracy and len(known) > 1:
            first = ", ".join(f"{batch}: {value:g}" for batch, value in table.own_accuracies[""].items())
            yield path, ambiguous(known, f"{{{first}}}")
        for each in known:
            for batch, value in each.by_batch(table).items():
                yield from possible((*each.chip_path(place, table)[1:], batch), value, each.unit)


def subset_problems(name: str, section: Subset, known: tuple[ExpectedAccuracy, ...]) -> Iterator[Problem]:
    """Check the figures of a subset against what is expected of the whole data set."""
    path = ("subsets", name, "expected")
    if section.expected is None:
        return
    if not known:
        yield path, "would never be compared: expected.accuracy names no metric"
    elif not isinstance(section.expected, AccuracyFigure):
        yield from unknown_lines(path, section.expected, known)
    elif len(known) > 1:
        yield path, ambiguous(known, f"{{value: {section.expected.value:g}, ...}}")
        return
    for each in known:
        if found := each.of_subset(name, section):
            figure, at = found
            yield from possible((*at, "value"), figure.value, each.unit)


def ambiguous(known: tuple[ExpectedAccuracy, ...], shown: str) -> str:
    """Say that a figure does not tell which of several metrics it is of, with the line to write."""
    names = ", ".join(each.line for each in known)
    return (
        f"expected METRIC/PROTOCOL before the figures, as expected.accuracy has {len(known)} ({names}), found none; "
        f"write {{{known[0].line}: {shown}}}"
    )


def unknown_lines(
    path: KeyPath, figures: Mapping[str, object], known: tuple[ExpectedAccuracy, ...]
) -> Iterator[Problem]:
    """Name figures of metrics of which nothing is expected: nothing would ever be held against them."""
    lines = [each.line for each in known]
    for line in figures:
        if line not in lines:
            hint = did_you_mean(line, lines) or f"; it has {', '.join(lines)}"
            yield (*path, line), f"would never be compared: expected.accuracy has no {line}{hint}"
