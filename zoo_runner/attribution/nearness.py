"""When two stages' results are the same: within rounding, and no closer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.stages.predict.reference_outputs import distance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays

INPUTS: Final = 0.02
"""Relative distance of inputs up to which they are the same: resized pixels rounded otherwise are well within."""
SAME_CHIP: Final = 1e-3
"""The same of outputs that the host's processor computed, by another library or in another order."""
GOLDEN: Final = 0.01
"""The same of outputs that another processor or release may have computed, and that were kept as float16."""
OTHER_CHIP: Final = 0.1
"""The same of an accelerator's outputs: half precision is within (see the check of the first sample)."""
PREDICTIONS: Final = 0.02
"""The same of predictions, and the part of their rows that may come or go: some are at the threshold."""
ROWS: Final = 200
"""Rows of a table that are looked for in the other."""
FOUND: Final = 0.9
"""Part of them that has to be there."""
FEW: Final = 2
"""Rows that may come or go whatever the number."""


def apart(one: Arrays, other: Arrays) -> float:
    """Return the largest relative distance of two results' arrays; infinite where names or shapes differ."""
    if one.keys() != other.keys() or any(one[name].shape != other[name].shape for name in one):
        return float("inf")
    return max((distance(one[name], other[name]) for name in one), default=0.0)


def alike(one: Arrays, other: Arrays, limit: float = PREDICTIONS) -> bool:
    """Say whether two predictions are the same, but for some rows at a threshold."""
    table = len(one) > 1
    return one.keys() == other.keys() and all(_close(one[name], other[name], limit, table=table) for name in one)


def _close(one: NDArray[Any], other: NDArray[Any], limit: float, *, table: bool) -> bool:
    """Compare arrays by what they hold."""
    kinds = {one.dtype.kind, other.dtype.kind}
    if kinds <= set("iub"):
        return _same_numbers(one, other, limit, table=table)
    if not kinds <= set("fiub"):
        return bool(np.array_equal(one, other))
    return bool(distance(one, other) <= limit) if one.shape == other.shape else _same_rows(one, other, limit)


def _same_rows(one: NDArray[Any], other: NDArray[Any], limit: float) -> bool:
    """Compare arrays of which rows are missing: how many there are, and what each column sums to."""
    if one.ndim != other.ndim or not one.ndim or one.shape[1:] != other.shape[1:]:
        return False
    if abs(len(one) - len(other)) > max(FEW, limit * len(other)):
        return False
    if not len(one) or not len(other):
        return True
    sums, wanted, size = one.astype(float).sum(0), other.astype(float).sum(0), np.abs(other.astype(float)).sum(0)
    room = limit + 2 * abs(len(one) - len(other)) / len(other)
    return bool((np.abs(sums - wanted) <= room * np.maximum(size, 1e-9)).all()) and _found(one, other, limit)


def _same_numbers(one: NDArray[Any], other: NDArray[Any], limit: float, *, table: bool) -> bool:
    """Compare whole numbers, which mostly name things: that 500 is near 501 says nothing of classes or characters.

    In a table some rows may come or go, and rows of nearly equal scores may change places. A single array, such as a
    text, is in its order.
    """
    if one.shape == other.shape and np.count_nonzero(one != other) <= limit * one.size:
        return True
    if not table or one.ndim != 1 or other.ndim != 1:
        return False
    found, wanted = Counter(one.tolist()), Counter(other.tolist())
    changed = sum(((found - wanted) + (wanted - found)).values())
    gone = abs(len(one) - len(other))
    return gone <= max(FEW, limit * len(other)) and changed <= gone + 2 * limit * len(other)


def _found(one: NDArray[Any], other: NDArray[Any], limit: float) -> bool:
    """Say whether most rows of a table are near one of the other's; some rows of a large one stand for all."""
    if one.ndim == 1:
        return True
    rows = one.reshape(len(one), -1)[:: max(1, len(one) // ROWS)].astype(float)
    others = other.reshape(len(other), -1).astype(float)
    room = limit * max(float(np.abs(others).mean()), 1e-9)
    near = [bool((np.abs(others - row).max(axis=1) <= room).any()) for row in rows]
    return sum(near) >= FOUND * len(near)
