"""Which values an expectation accepts, worked out in the decimals that a manifest writes and rounded once.

In binary arithmetic ``100.0 - 0.1`` is not the double nearest to 99.9, so that a value on the bound would fail.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from zoo_runner.manifest.direction import Direction

WIDE: Final = Decimal("0.05")
"""A tolerance of more than this part of the figure needs a confirmation."""
_EXACT: Final = Context(prec=100)
"""More digits than sums and products of doubles that people write have."""
_WHOLE: Final = {"percent": Decimal(100), "%": Decimal(100), "fraction": Decimal(1)}
"""What all of something is, in the units that can be converted."""


def decimal(number: float) -> Decimal:
    """Return the decimal that was written for a double: the shortest one that reads as it."""
    return Decimal(repr(float(number)))


def factor(written: str, measured: str) -> Decimal | None:
    """Return what a figure in one unit is multiplied by in another; ``None`` where that is not known exactly."""
    if written == measured:
        return Decimal(1)
    ends = _all(written), _all(measured)
    return None if ends[0] is None or ends[1] is None else ends[1] / ends[0]


def whole(unit: str) -> float | None:
    """Return what all of something is in a unit, such as 100 in percent; ``None`` where there is no such thing."""
    end = _all(unit)
    return None if end is None else float(end)


def points(count: int, unit: str) -> Decimal | None:
    """Return so many percentage points in a unit; ``None`` where it has none."""
    end = _all(unit)
    return None if end is None else end * count / 100


def _all(unit: str) -> Decimal | None:
    return _WHOLE.get(unit.lower())


@dataclass(frozen=True)
class Band:
    """A figure and how far from it still passes.

    Attributes:
        value: The figure.
        margin: Not negative, in the unit of the figure.
    """

    value: Decimal
    margin: Decimal = Decimal(0)

    def bounds(self, direction: Direction | None) -> tuple[float, float]:
        """Return the least and the greatest double that pass; without a direction both sides are wrong ones."""
        least = float(_EXACT.subtract(self.value, self.margin)) if direction is not Direction.AT_MOST else -math.inf
        greatest = float(_EXACT.add(self.value, self.margin)) if direction is not Direction.AT_LEAST else math.inf
        return least, greatest

    def holds(self, value: float, direction: Direction | None) -> bool:
        """Say whether a value passes; what is not a number does not."""
        least, greatest = self.bounds(direction)
        return least <= value <= greatest

    def scaled(self, by: Decimal) -> Band:
        """Return the same in another unit."""
        return Band(_EXACT.multiply(self.value, by), _EXACT.multiply(self.margin, by))

    @property
    def wide(self) -> bool:
        """Whether the margin is more than :data:`WIDE` of the figure."""
        return self.margin > _EXACT.multiply(WIDE, abs(self.value))


def floor_band(figure: Decimal, floor: Decimal, direction: Direction | None) -> Band:
    """Return what passes down to a waiver's floor: as far on both sides of the figure where both are wrong ones."""
    return Band(figure, abs(figure - floor)) if direction is Direction.WITHIN else Band(floor)


def product(part: float, value: float) -> Decimal:
    """Multiply two numbers as they were written."""
    return _EXACT.multiply(decimal(part), abs(decimal(value)))


def exact_product(value: float, by: Decimal) -> float:
    """Multiply a number as it was written, and round once."""
    return float(_EXACT.multiply(decimal(value), by))
