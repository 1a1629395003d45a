"""Recorded inputs in the place of those that the preprocessing makes, so that its faults do not show in the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.golden.bundle import GoldenSample
    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Sample, TensorSpec


@dataclass(frozen=True, kw_only=True)
class RecordedInputs:
    """A preprocessing that has the recorded inputs of some samples.

    Attributes:
        preprocess: Makes those of all others.
        recorded: Inputs by the sample's name.
    """

    preprocess: Preprocess
    recorded: Mapping[str, Arrays]

    @property
    def identity(self) -> str:
        """The other's."""
        return self.preprocess.identity

    def __call__(self, sample: Sample) -> Arrays:
        """Return the inputs of a sample."""
        return self.recorded[sample.id] if sample.id in self.recorded else self.preprocess(sample)


def recorded_inputs(golden: GoldenSample, specs: Sequence[TensorSpec], like: Arrays) -> Arrays:
    """Return a sample's recorded inputs in the network's types; none if they are not kept, or have other shapes."""
    shapes = {name: array.shape for name, array in like.items()}
    if {name: array.shape for name, array in golden.inputs.items()} != shapes:
        return {}
    dtypes = {spec.name: np.dtype(spec.dtype) for spec in specs}
    return {name: array.astype(dtypes.get(name, array.dtype)) for name, array in golden.inputs.items()}


def inputs_apart(found: Arrays, recorded: Arrays) -> float:
    """Return how far inputs are from recorded ones of the same shapes, as a part of their size; infinite with NaN."""
    worst = 0.0
    for name, array in recorded.items():
        one, other = found[name].astype(np.float64), array.astype(np.float64)
        far = float(np.linalg.norm(one - other)) / (float(np.linalg.norm(other)) or 1.0)
        worst = max(worst, float("inf") if np.isnan(far) else far)
    return worst
