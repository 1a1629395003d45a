"""Rounding numbers as writing them to a text file and reading them back does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_DECIMALS: Final = 7
"""``text_rounded`` splits numbers in halves whose product with ``10**decimals`` must be exact."""


def text_rounded(values: NDArray[np.floating[Any]], decimals: int) -> NDArray[np.float64]:
    """What ``float(f"{value:.{decimals}f}")`` gives, to the last bit, for an array.

    Formatting rounds the exact binary value to the nearest decimal, exact ties to the even digit. The product
    with a power of ten is itself rounded, which can invent a tie but neither hide nor cross one; so only
    where it ends in one half is the product's rounding error looked at (Dekker 1971 gives it exactly).

    Args:
        values: Floating array with at least one axis; float32 is widened first.
        decimals: Digits after the point, 0 to 7.

    Returns:
        Float64 array of the same shape.

    Raises:
        ValueError: ``decimals`` is out of range.
    """
    if not 0 <= decimals <= MAX_DECIMALS:
        raise ValueError(f"expected decimals from 0 to {MAX_DECIMALS}; found {decimals}")
    exact = np.asarray(values, dtype=np.float64)
    scale = 10.0**decimals
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = exact * scale
        rounded = np.rint(scaled)
        ties = np.abs(scaled - rounded) == 0.5  # noqa: PLR2004 - a half is what makes it a tie
    tied, product = exact[ties], scaled[ties]
    high = (tied.view(np.int64) & ~np.int64(0x7FFFFFF)).view(np.float64)
    error = (high * scale - product) + (tied - high) * scale
    away = np.where(error > 0.0, np.ceil(product), np.floor(product))
    rounded[ties] = np.where(error == 0.0, np.rint(product), away)
    result: NDArray[np.float64] = rounded / scale
    for place in np.argwhere(np.abs(scaled) >= 2.0**52):  # beyond whole numbers that doubles tell apart
        result[tuple(place)] = float(f"{exact[tuple(place)]:.{decimals}f}")
    return result
