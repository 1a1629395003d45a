"""How many digits of a figure a reader is shown."""

from __future__ import annotations

import math
from typing import Final

LEAST: Final = 2
"""Digits after the point that figures have, such as percentages and samples a second."""
OF_FRACTIONS: Final = 4
"""Digits of what is less than 1, such as a share of errors."""
MOST: Final = 17
"""Digits that tell any two doubles near 1 apart."""


def shown(value: float, *limits: float) -> str:
    """Write a figure with two digits after the point, or four below 1, and more where it would seem to cross a limit.

    Args:
        value: The figure.
        limits: What it is held against.

    Returns:
        The shortest such text that is on the same side of each limit as the figure.
    """
    for digits in range(OF_FRACTIONS if 0 < abs(value) < 1 else LEAST, MOST):
        text = f"{value:.{digits}f}"
        if all(_side(float(text), limit) == _side(value, limit) for limit in limits):
            return text
    return repr(value)


def _side(value: float, limit: float) -> int:
    return 0 if math.isnan(limit) else (value > limit) - (value < limit)
