"""What one output of one sample can be, by what the manifest says of it. Pure functions.

An output that says nothing of itself must only be finite.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np

from zoo_runner.plugin.interfaces import BATCH, TensorSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.manifest.schema import Manifest

Kind: TypeAlias = Literal["probabilities", "offsets", "logits"]
ROWS: Final = 256
"""Distributions of one output that are added up for one sample; every sample looks at other ones."""
UNIT: Final = 2.0**-11
"""Largest relative error of rounding to fp16 (IEEE 754 binary16: 11 significant bits)."""
FIXED: Final = 8
"""Roundings of one probability that do not depend on how many there are: exponential, division, result."""
PLACES: Final = 16
"""Values that an output must have for it to be odd that all are equal: two numbers may be."""
MOST: Final = 100
"""Roundings that are allowed for at most, so that a thousand classes do not allow half of everything."""


@dataclass(frozen=True, kw_only=True)
class OutputRule:
    """What one output must be.

    Attributes:
        spec: Its name, dtype and shape.
        kind: What its numbers are; ``None`` says nothing.
        axis: Of probabilities: the axis along which they sum to 1, counted in the sample's array, from 0 or from
            the end.
        low: Least value; ``None`` says nothing.
        high: Greatest value; ``None`` says nothing.
        varies: Whether it follows from the input; what does not is the same for every sample, and no copy.
    """

    spec: TensorSpec
    kind: Kind | None = None
    axis: int = -1
    low: float | None = None
    high: float | None = None
    varies: bool = True

    @property
    def identity(self) -> list[object]:
        """What is looked at, for keys."""
        return [self.spec.name, self.kind, self.axis, self.low, self.high, self.varies]


def rules_of(manifest: Manifest) -> tuple[OutputRule, ...]:
    """Return the rule of each output, in the manifest's order."""
    return tuple(
        OutputRule(
            spec=output.spec,
            kind=output.kind,
            axis=-1 if output.axis is None else output.axis - (BATCH in output.shape),  # the manifest counts it too
            low=output.range[0] if output.range else None,
            high=output.range[1] if output.range else None,
            varies=output.depends_on_input is None,
        )
        for output in manifest.outputs
    )


def allowance(terms: int) -> float:
    """Return how far a sum of so many probabilities, computed in fp16, may be from 1.

    A sum of n terms has a relative error of at most n - 1 roundings, whatever its order (Higham 2002, "Accuracy and
    Stability of Numerical Algorithms", section 4.2); :data:`FIXED` more are in each of the terms.
    """
    return min(terms + FIXED, MOST) * UNIT


def problem(rule: OutputRule, array: NDArray[Any], turn: int = 0) -> str:
    """Say why an array cannot be this output; empty when it can.

    Sums are looked at on :data:`ROWS` rows, evenly spread, and on others for the next turn: all of them come up in a
    data set.

    Args:
        rule: What it must be.
        array: One sample's output, without batch axis.
        turn: Chooses the rows.
    """
    if not array.size:
        return ""
    low, high = float(array.min()), float(array.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        bad = int(np.count_nonzero(~np.isfinite(array)))
        return f"expected finite numbers, found {bad} of {array.size} that are NaN or infinite"
    least, greatest = (0.0, 1.0) if rule.kind == "probabilities" else (rule.low, rule.high)
    slack = UNIT * max(abs(least or 0.0), abs(greatest or 0.0)) if array.dtype.kind == "f" else 0.0
    if rule.kind == "probabilities":  # a certain one is a quotient of numbers that were rounded too
        slack = FIXED * UNIT
    if (least is not None and low < least - slack) or (greatest is not None and high > greatest + slack):
        return f"expected {_phrase(rule)} from {least:g} to {greatest:g}, found {low:g} to {high:g}"
    if rule.kind == "probabilities" and (text := _no_distribution(_rows(array, rule.axis, turn))):
        return text
    if rule.kind is not None and low == high and array.size >= PLACES:
        return f"expected {rule.kind} that differ from place to place, found {low:g} at all {array.size} places"
    return ""


def _rows(array: NDArray[Any], axis: int, turn: int) -> NDArray[Any]:
    """Return rows along an axis, at most :data:`ROWS`: [R, size of the axis]."""
    if array.ndim == 0:
        return array.reshape(1, 1)
    last = axis in {-1, array.ndim - 1}  # the usual case; moving axes takes longer
    rows = (array if last else np.moveaxis(array, axis, -1)).reshape(-1, array.shape[axis])
    step = -(-len(rows) // ROWS)
    return rows[turn % step :: step]


def exchanged(rules: Sequence[OutputRule], arrays: Sequence[NDArray[Any]], place: int) -> int | None:
    """Return the output that looks exchanged with the one at ``place``, which is not what its rule says.

    It has the same shape and another kind, and each of the two is what the other's rule says.
    """
    for other, rule in enumerate(rules):
        same = arrays[other].shape == arrays[place].shape and rule.kind != rules[place].kind
        fits = same and not problem(rules[place], arrays[other]) and not problem(rule, arrays[place])
        if fits:
            return other
    return None


def _no_distribution(rows: NDArray[Any]) -> str:
    sums = np.ascontiguousarray(rows, np.float32) @ np.ones(rows.shape[-1], np.float32)
    allowed = allowance(rows.shape[-1])
    low, high = float(sums.min()), float(sums.max())
    if 1.0 - allowed <= low and high <= 1.0 + allowed:
        return ""
    text = f"expected probabilities that sum to 1 (give or take {allowed:.4f}), found sums from {low:.4g} to {high:.4g}"
    if high == 0.0:
        return f"{text}: all of them are 0"
    even = high - low <= 2 * allowed * max(high, 1.0)
    return f"{text}: they look scaled" if even else f"{text}: they look like those of a sigmoid, not of a softmax"


def _phrase(rule: OutputRule) -> str:
    return rule.kind or "values"
