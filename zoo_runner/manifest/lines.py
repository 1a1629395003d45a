"""What the lines of a report are called, and what a manifest expects of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoo_runner.manifest.expectations import AccuracyFigure, Direction, Rule
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.tree import KeyPath


AT: Final = "@"
"""Stands between a chip and the backend that figures are for."""


@dataclass(frozen=True, kw_only=True)
class ExpectedLine:
    """What is expected of one line.

    Attributes:
        path: Where the manifest says so.
        figures: Value and allowed distance from it; several where chips or backends have values of their own.
        direction: Which side is the wrong one; ``None`` leaves it to the metric.
        rule: What is held against the figure.
    """

    path: KeyPath
    figures: tuple[tuple[float, float], ...]
    direction: Direction | None
    rule: Rule = "point"

    def passes(self, value: float) -> bool:
        """Say whether a value meets every figure; without a direction, whether it does in either."""
        return all(self._meets(value, figure, margin) for figure, margin in self.figures)

    def _meets(self, value: float, figure: float, margin: float) -> bool:
        if self.direction == "at_least":
            return value >= figure - margin
        if self.direction == "at_most":
            return value <= figure + margin
        return abs(value - figure) <= margin


def metric_line(name: str, protocol: str, subset: str | None = None) -> str:
    """Return the id of a metric's line, as in ``voc07_map/reference@pr``."""
    return f"{name}/{protocol}{f'@{subset}' if subset else ''}"


def throughput_line(chip: str, batch: int) -> str:
    """Return the id of a throughput's line, as in ``throughput/310P3/16``."""
    return f"throughput/{chip}/{batch}"


def chip_of(place: str) -> str:
    """Return the chip of a key of ``expected.chips``, such as ``310P3`` or ``310P3@ascend``."""
    return place.partition(AT)[0]


def backend_of(place: str) -> str:
    """Return the backend of a key of ``expected.chips``; empty if its figures are for all."""
    return place.partition(AT)[2]


def expected_lines(manifest: Manifest) -> dict[str, ExpectedLine]:
    """List the lines that some run of the manifest can gate, by id."""
    lines: dict[str, ExpectedLine] = {}
    accuracy, chips = manifest.expected.accuracy, manifest.expected.chips
    if accuracy is not None:
        own = [value for table in chips.values() for value in table.accuracy.values()]
        whole = metric_line(accuracy.metric, accuracy.protocol)
        lines[whole] = _of_metric(("expected", "accuracy"), accuracy, accuracy.value, *own)
        for name, subset in manifest.subsets.items():
            if (figure := subset.expected) is not None:
                path = ("subsets", name, "expected")
                lines[metric_line(accuracy.metric, accuracy.protocol, name)] = _of_metric(path, figure, figure.value)
    for place, table in chips.items():
        for batch, rate in table.throughput.items():
            line = throughput_line(chip_of(place), batch)
            others = lines[line].figures if line in lines else ()
            lines[line] = ExpectedLine(
                path=("expected", "chips", place, "throughput", batch),
                figures=(*others, (rate, table.tolerance.margin(rate))),
                direction="at_least",
            )
    return lines


def _of_metric(path: KeyPath, figure: AccuracyFigure, *values: float) -> ExpectedLine:
    bands = tuple((value, figure.tolerance.margin(value)) for value in values)
    return ExpectedLine(path=path, figures=bands, direction=figure.direction, rule=figure.rule)
