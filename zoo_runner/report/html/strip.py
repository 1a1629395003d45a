"""Where a figure lies between what is expected and what is not allowed, as positions on a small scale."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.bands import Band
from zoo_runner.report.deciding import bounds

if TYPE_CHECKING:
    from zoo_runner.manifest.direction import Direction
    from zoo_runner.report.model import Line

MARGIN: Final = 0.12
"""Free space at both ends, as a fraction of what is shown."""


@dataclass(frozen=True, kw_only=True)
class Strip:
    """Positions in percent of the scale's length.

    Attributes:
        value: What was measured.
        low: Lower end of its interval; equal to ``value`` if it has none.
        high: Upper end.
        expected: The figure it is held against.
        allowed: From where to where a figure passes.
    """

    value: float
    low: float
    high: float
    expected: float
    allowed: tuple[float, float]

    @property
    def interval(self) -> bool:
        """Whether there is an interval to draw."""
        return self.high > self.low


def strip(line: Line, value: float | None, interval: tuple[float, float] | None) -> Strip | None:
    """Place a line's figures on a scale; ``None`` where nothing was expected or measured."""
    if line.expected is None or value is None:
        return None
    low, high = interval or (value, value)
    return _scale(value=value, low=low, high=high, expected=line.expected, allowed=bounds(line))


def difference_strip(difference: float, low: float | None, high: float | None, direction: Direction) -> Strip | None:
    """Place a difference on a scale around zero, whose better side is what is allowed."""
    ends = (difference if low is None else low, difference if high is None else high)
    better = Band(Decimal(0)).bounds(direction)
    return _scale(value=difference, low=ends[0], high=ends[1], expected=0.0, allowed=better)


def _scale(*, value: float, low: float, high: float, expected: float, allowed: tuple[float, float]) -> Strip | None:
    points = [value, low, high, expected, *(end for end in allowed if math.isfinite(end))]
    if not all(map(math.isfinite, points)):
        return None
    start, length = min(points), max(points) - min(points)
    margin = MARGIN * length or 1.0
    start, length = start - margin, length + 2 * margin

    def place(point: float) -> float:
        return round(100 * min(max((point - start) / length, 0.0), 1.0), 2)

    return Strip(
        value=place(value),
        low=place(low),
        high=place(high),
        expected=place(expected),
        allowed=(place(allowed[0]), place(allowed[1])),
    )
