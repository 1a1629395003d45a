"""What the lines of a report are called, and what a manifest expects of which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.chip_keys import chip_of
from zoo_runner.manifest.direction import Direction

if TYPE_CHECKING:
    from zoo_runner.manifest.bands import Band
    from zoo_runner.manifest.expectations import AccuracyFigure
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.section import Rule
    from zoo_runner.manifest.tree import KeyPath


_THROUGHPUT: Final = "throughput/"


@dataclass(frozen=True, kw_only=True)
class ExpectedLine:
    """What is expected of one line.

    Attributes:
        path: Where the manifest says so.
        figures: What passes; several where chips or backends have values of their own.
        direction: Which side is the wrong one; ``None`` leaves it to the metric.
        rule: What is held against the figure.
    """

    path: KeyPath
    figures: tuple[Band, ...]
    direction: Direction | None
    rule: Rule = "point"

    def passes(self, value: float) -> bool:
        """Say whether a value meets every figure; without a direction, whether it does in either."""
        return all(figure.holds(value, self.direction) for figure in self.figures)


def metric_line(name: str, protocol: str, subset: str | None = None) -> str:
    """Return the id of a metric's line, as in ``voc07_map/reference@pr``."""
    return f"{name}/{protocol}{f'@{subset}' if subset else ''}"


def throughput_line(chip: str, batch: int) -> str:
    """Return the id of a throughput's line, as in ``throughput/310P3/16``."""
    return f"{_THROUGHPUT}{chip}/{batch}"


def is_throughput(line: str) -> bool:
    """Say whether the id of a line is a throughput's."""
    return line.startswith(_THROUGHPUT)


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
                figures=(*others, table.tolerance.band(rate)),
                direction=Direction.AT_LEAST,
            )
    return lines


def _of_metric(path: KeyPath, figure: AccuracyFigure, *values: float) -> ExpectedLine:
    bands = tuple(figure.standing.band(value) for value in values)
    return ExpectedLine(path=path, figures=bands, direction=figure.direction, rule=figure.rule)
