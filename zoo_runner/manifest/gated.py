"""What a manifest expects of which line of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.manifest.chip_keys import chip_of
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import metric_line, throughput_line

if TYPE_CHECKING:
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.manifest.bands import Band
    from zoo_runner.manifest.figures import AccuracyFigure
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.section import Rule
    from zoo_runner.manifest.tree import KeyPath


@dataclass(frozen=True, kw_only=True)
class ExpectedLine:
    """What is expected of one line.

    Attributes:
        path: Where the manifest says so.
        figures: What passes; several where chips or backends have values of their own.
        direction: Which side is the wrong one; ``None`` leaves it to the metric.
        rule: What is held against the figure.
        unit: Of the figures, and of the floor of a waiver.
        measure: The metric and protocol, as the line of the whole data set has them; empty for a throughput.
    """

    path: KeyPath
    figures: tuple[Band, ...]
    direction: Direction | None
    rule: Rule = "point"
    unit: str
    measure: str = ""

    def passes(self, value: float) -> bool:
        """Say whether a value meets every figure; without a direction, whether it does in either."""
        return all(figure.holds(value, self.direction) for figure in self.figures)


def expected_lines(manifest: Manifest) -> dict[str, ExpectedLine]:
    """List the lines that some run of the manifest can gate, by id."""
    lines: dict[str, ExpectedLine] = {}
    chips = manifest.expected.chips
    for each in manifest.expected.accuracies:
        own = [value for table in chips.values() for value in each.by_batch(table).values()]
        lines[each.line] = _of_metric(each, each.path, each.figure, each.figure.value, *own)
        for name, subset in manifest.subsets.items():
            if found := each.of_subset(name, subset):
                figure, path = found
                lines[metric_line(each.metric, each.protocol, name)] = _of_metric(each, path, figure, figure.value)
    for place, table in chips.items():
        for batch, rate in table.throughput.items():
            line = throughput_line(chip_of(place), batch)
            others = lines[line].figures if line in lines else ()
            lines[line] = ExpectedLine(
                path=("expected", "chips", place, "throughput", batch),
                figures=(*others, table.tolerance.band(rate)),
                direction=Direction.AT_LEAST,
                unit=table.rate_name,
            )
    return lines


def _of_metric(accuracy: ExpectedAccuracy, path: KeyPath, figure: AccuracyFigure, *values: float) -> ExpectedLine:
    return ExpectedLine(
        path=path,
        figures=tuple(figure.standing.band(value) for value in values),
        direction=figure.direction,
        rule=figure.rule,
        unit=accuracy.unit,
        measure=accuracy.line,
    )
