"""A figure over the last runs as a small line, with the band in which it passes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.report.deciding import bounds

if TYPE_CHECKING:
    from zoo_runner.report.model import Line, Report
    from zoo_runner.report.trends import TrendRecord

WIDTH: Final = 120.0
HEIGHT: Final = 32.0
MARGIN: Final = 4.0
"""Free space around what is drawn, for its dots."""


@dataclass(frozen=True, kw_only=True)
class Trendline:
    """Positions on a sheet of :data:`WIDTH` by :data:`HEIGHT`.

    Attributes:
        place: Of the trend in the report.
        record: What is drawn.
        points: From left to right.
        zone: Upper edge and height of the band in which the figure passes; ``None`` where nothing is expected.
        limits: The edges of that band that are on the sheet.
    """

    place: int
    record: TrendRecord
    points: tuple[tuple[float, float], ...]
    zone: tuple[float, float] | None
    limits: tuple[float, ...]

    @property
    def path(self) -> str:
        """The points, as SVG has them."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)


def trendline(report: Report, line: Line) -> Trendline | None:
    """Draw the trend of a line; ``None`` where it has none.

    The band is that of this run: earlier ones may have been held against other figures.
    """
    for place, record in enumerate(report.trends):
        if record.line == line.id and len(record.values) == len(record.started) > 1:
            return _drawn(place, record, bounds(line))
    return None


def _drawn(place: int, record: TrendRecord, allowed: tuple[float, float]) -> Trendline | None:
    ends = [end for end in allowed if math.isfinite(end)]
    seen = [*record.values, *ends]
    least, most = min(seen), max(seen)
    span = most / 2 - least / 2  # halves: the difference of two large numbers has no float
    if not math.isfinite(least) or not math.isfinite(most):
        return None

    def height(value: float) -> float:
        part = (value / 2 - least / 2) / span if span > 0 else 0.5
        return round(HEIGHT - MARGIN - part * (HEIGHT - 2 * MARGIN), 2)

    step = (WIDTH - 2 * MARGIN) / (len(record.values) - 1)
    top = height(allowed[1]) if math.isfinite(allowed[1]) else 0.0
    bottom = height(allowed[0]) if math.isfinite(allowed[0]) else HEIGHT
    return Trendline(
        place=place,
        record=record,
        points=tuple((round(MARGIN + at * step, 2), height(value)) for at, value in enumerate(record.values)),
        zone=(top, round(bottom - top, 2)) if ends else None,
        limits=tuple(height(end) for end in ends),
    )
