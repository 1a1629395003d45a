"""Values held against recorded ones: which input, output or prediction differs, and by how much."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from itertools import permutations
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
EXACT: Final = 1e-6
MOST_CHANNELS: Final = 4
"""Channels of which all orders are tried."""


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


def input_guess(found: NDArray[Any], recorded: NDArray[Any]) -> str:
    """Say what would turn the recorded input into the found one; empty where nothing simple does.

    Args:
        found: Float [C, H, W] or [H, W, C], or of any shape.
        recorded: Likewise.
    """
    if found.shape != recorded.shape or not found.size:
        return f"the shape is {_shape(found)}, recorded was {_shape(recorded)}"
    one, other = found.astype(np.float64), recorded.astype(np.float64)
    if order := _exchanged(one, other):
        return f"channels look exchanged ({order})"
    return _affine(one, other) or _shifted(one, other)


def _shape(array: NDArray[Any]) -> str:
    return " x ".join(map(str, array.shape))


def _channel_axis(array: NDArray[Any]) -> int | None:
    """Return the axis with the colours; ``None`` where no end of the shape looks like one."""
    three = 3
    if array.ndim != three:
        return None
    return next((axis for axis in (0, 2) if 2 <= array.shape[axis] <= MOST_CHANNELS), None)  # noqa: PLR2004 - one has no order


def _exchanged(found: NDArray[Any], recorded: NDArray[Any]) -> str:
    """Name the order of channels that explains the difference, an offset of each channel aside."""
    axis = _channel_axis(recorded)
    if axis is None:
        return ""
    one, other = np.moveaxis(found, axis, 0), np.moveaxis(recorded, axis, 0)
    count = len(other)
    plain = tuple(range(count))

    def left(order: tuple[int, ...]) -> float:
        gap = one - other[list(order)]
        return float(np.abs(gap - gap.mean(axis=(1, 2), keepdims=True)).max())

    scale = float(np.abs(other).max()) or 1.0
    if left(plain) <= EXACT * scale:
        return ""
    best = min((each for each in permutations(plain) if each != plain), key=left)
    return " ".join(map(str, best)) if left(best) <= EXACT * scale else ""


def _affine(found: NDArray[Any], recorded: NDArray[Any]) -> str:
    """Say by which factor and offset the input differs, for each channel."""
    axis = _channel_axis(recorded)
    one = found[np.newaxis] if axis is None else np.moveaxis(found, axis, 0)
    other = recorded[np.newaxis] if axis is None else np.moveaxis(recorded, axis, 0)
    factors, offsets = [], []
    for x, y in zip(other.reshape(len(other), -1), one.reshape(len(one), -1), strict=True):
        spread = float(np.var(x))
        factor = float(np.mean((x - x.mean()) * (y - y.mean())) / spread) if spread else 1.0
        offset = float(y.mean() - factor * x.mean())
        size = float(np.abs(y).max()) or 1.0
        if np.abs(factor * x + offset - y).max() > 1e-4 * size:
            return ""
        factors.append(factor)
        offsets.append(offset)
    texts = []
    if any(abs(each - 1) > CLOSE for each in factors):
        texts.append(f"scale: recorded values times {_listed(factors)}")
    if any(abs(each) > CLOSE for each in offsets):
        texts.append(f"mean: values are higher by {_listed(offsets)}")
    return "; ".join(texts)


def _listed(values: list[float]) -> str:
    shown = [f"{each:.4g}" for each in values]
    return shown[0] if len(set(shown)) == 1 else " ".join(shown)


def _shifted(found: NDArray[Any], recorded: NDArray[Any]) -> str:
    """Say whether the input is nearly the recorded one: another resize, or another decoder."""
    size = float(np.linalg.norm(recorded)) or 1.0
    apart = float(np.linalg.norm(found - recorded)) / size
    share = float(np.mean(found != recorded))
    nearly = 0.3
    if apart < nearly:
        return (
            f"{100 * share:.3g} % of the values differ, by {apart:.2g} of the input's size: another resize or decoder?"
        )
    return ""


def by_name(found: Mapping[str, NDArray[Any]], limits: Mapping[str, float], kept: Arrays) -> dict[str, float]:
    """Return the outputs that are beyond their limits, each with by how much."""
    excess = {name: output_excess(found[name], array, limits.get(name, 0.0)) for name, array in kept.items()}
    return {name: value for name, value in excess.items() if value > 0}
