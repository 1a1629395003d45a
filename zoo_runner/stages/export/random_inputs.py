"""Seeded random inputs, on which two forms of a network are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, TensorSpec
    from zoo_runner.plugin.shapes import Sizes


def random_inputs(declared: Sequence[TensorSpec], batch: int, sizes: Sizes) -> Arrays:
    """Return an array for each input, the same ones for the same arguments.

    Floating types are drawn from the standard normal distribution; 8-bit integers from their whole range, wider ones
    from 0 and 1.

    Args:
        declared: The inputs.
        batch: Size of the batch axis.
        sizes: Of the open axes.
    """
    import numpy as np  # noqa: PLC0415 - kept out of the command line's start

    generator = np.random.default_rng(0)
    inputs = {}
    for spec in (each.at(sizes) for each in declared):
        dtype = np.dtype(spec.dtype)
        if dtype.kind == "f":
            inputs[spec.name] = generator.standard_normal(spec.sized(batch)).astype(dtype)
        else:
            limits = np.iinfo(dtype) if dtype.itemsize == 1 else None
            low, high = (limits.min, limits.max) if limits else (0, 1)
            inputs[spec.name] = generator.integers(low, high, spec.sized(batch), dtype=dtype, endpoint=True)
    return inputs
