"""Values held against recorded ones: which input, output or prediction differs, and by how much."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays

HALF: Final = np.float16(2) ** -11
"""What float16 rounds a number by at most, as a part of it."""
TINY: Final = 2.0**-25
"""The same of numbers so small that float16 has few digits of them."""
CLOSE: Final = 1e-4
"""By which part predictions of equal outputs may differ: processors add in different orders."""


def input_hash(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's type, shape and bytes."""
    held = np.ascontiguousarray(array)
    hashed = hashlib.sha256(f"{held.dtype.str} {held.shape}".encode())
    hashed.update(held.tobytes())
    return hashed.hexdigest()


def kept_output(array: NDArray[Any]) -> NDArray[Any]:
    """Return an output as a bundle keeps it: floating ones as float16, where that has room for them."""
    if array.dtype.kind != "f" or (array.size and not np.abs(array).max() < np.finfo(np.float16).max):
        return array
    return array.astype(np.float16)


def used_output(kept: NDArray[Any], dtype: str) -> NDArray[Any]:
    """Return a kept output as the postprocessing takes it."""
    return kept.astype(np.dtype(dtype)) if kept.dtype == np.float16 else kept


def output_excess(found: NDArray[Any], kept: NDArray[Any], limit: float) -> float:
    """Return by how much the worst value is beyond its limit: 0 where none is, infinite for another shape or NaN."""
    if found.shape != kept.shape:
        return float("inf")
    if not kept.size:
        return 0.0
    recorded = kept.astype(np.float64)
    rounding = np.abs(recorded) * float(HALF) + TINY if kept.dtype == np.float16 else 0.0
    with np.errstate(invalid="ignore"):
        beyond = np.abs(found.astype(np.float64) - recorded) - rounding - limit
    same = (found == kept) | (np.isnan(recorded) & np.isnan(found.astype(np.float64)))  # infinite ones too
    worst = float(np.max(np.where(same, 0.0, beyond)))
    return float("inf") if np.isnan(worst) else max(0.0, worst)


def predictions_equal(found: Arrays, recorded: Arrays) -> bool:
    """Say whether two predictions are the same but for how numbers were added up."""
    if found.keys() != recorded.keys():
        return False
    for name, array in recorded.items():
        other = np.asarray(found[name])
        if other.shape != array.shape:
            return False
        if array.dtype.kind == "f":
            scale = float(np.max(np.abs(array), initial=1.0))
            if not np.allclose(other, array, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True):
                return False
        elif not np.array_equal(other, array):
            return False
    return True


def by_name(found: Mapping[str, NDArray[Any]], limits: Mapping[str, float], kept: Arrays) -> dict[str, float]:
    """Return the outputs that are beyond their limits, each with by how much."""
    excess = {name: output_excess(found[name], array, limits.get(name, 0.0)) for name, array in kept.items()}
    return {name: value for name, value in excess.items() if value > 0}
