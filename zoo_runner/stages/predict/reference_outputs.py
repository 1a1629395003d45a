"""The first sample's outputs against those of the exported graph, which ONNX Runtime computes on the CPU.

A conversion can exchange two outputs of the same shape, and no look at one of them can tell. The same input through
the graph before the conversion can.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.stages.predict.output_checks import exchange_text, named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Sample, Session, TensorSpec

CLEARLY: Final = 0.2
"""Part of its distance that remains of an output which is compared with the right one, if two are exchanged."""
LARGE: Final = 0.1
"""Relative distance that rounding to fp16 does not explain."""
TOGETHER: Final = 6
"""Outputs of one shape whose orders are all tried; of more, none is."""


@dataclass
class ReferenceOutputs:
    """Compares the first sample that it is shown, and no other.

    Attributes:
        opened: Loads the exported graph for a batch size.
        inputs: What it takes.
        outputs: What it returns, in the manifest's order.
        batch: Samples a call: 1, or what the graph was exported for.
        preprocess: Makes its inputs of a sample.
        warn: Is given a text when the outputs are far apart.
        note: Is given a text when nothing can be compared.
    """

    opened: Callable[[int], Session]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batch: int
    preprocess: Preprocess
    warn: Callable[[str], None]
    note: Callable[[str], None]
    _done: bool = field(default=False, init=False)

    def __call__(self, sample: Sample, outputs: Arrays) -> None:
        """Compare a sample's outputs with the graph's.

        Raises:
            InferenceError: Two outputs of one shape look exchanged.
        """
        if self._done:
            return
        self._done = True
        try:
            expected = self._computed(sample)
        except (InferenceError, PrerequisiteError) as error:
            self.note(f"the converted model's outputs were not compared with the exported graph's: {error}")
            return
        if pairs := exchanges(self.outputs, outputs, expected):
            names = [spec.name for spec in self.outputs]
            texts = [exchange_text(names[one], one, names[other], other) for one, other in pairs]
            raise InferenceError(f"{named(sample, outputs)}: {'; '.join(texts)}")
        far = {name: value for name, value in distances(outputs, expected).items() if not value <= LARGE}
        if far:
            listed = ", ".join(f"{name} by {value:.2g}" for name, value in far.items())
            self.warn(
                f"{named(sample, outputs)} are far from those of the exported graph in ONNX Runtime: {listed} of the "
                "output's size; look at the conversion's precision"
            )

    def _computed(self, sample: Sample) -> Arrays:
        one = self.preprocess(sample)
        batch = {spec.name: repeated(spec, one[spec.name], self.batch) for spec in self.inputs}
        whole = {spec.name for spec in self.outputs if BATCH not in spec.shape}
        session = self.opened(self.batch)
        try:
            found = session.infer(batch)
            return {name: array if name in whole else array[0] for name, array in found.items()}
        finally:
            session.close()


def repeated(spec: TensorSpec, array: NDArray[Any], batch: int) -> NDArray[Any]:
    """Return a batch of copies of one sample's array; a tensor without a batch axis is what it is."""
    return np.repeat(array[np.newaxis], batch, axis=0) if BATCH in spec.shape else array


def distance(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return ``|found - expected| / |expected|`` by the Euclidean norm; infinite where only the divisor is 0."""
    if np.array_equal(found, expected):
        return 0.0
    right = expected.astype(np.float64)
    apart, size = norm(found - right), norm(right)
    return apart / size if size else (np.inf if apart else 0.0)


def norm(array: NDArray[np.float64]) -> float:
    """Euclidean norm; NumPy's own one waits for all of BLAS's threads, which takes long on a busy machine."""
    with np.errstate(over="ignore"):
        return float(np.sqrt(np.square(array).sum()))


def distances(found: Arrays, expected: Arrays) -> Mapping[str, float]:
    """Return the distance of each output from what is expected of it."""
    return {name: distance(found[name], array) for name, array in expected.items()}


def exchanges(specs: Sequence[TensorSpec], found: Arrays, expected: Arrays) -> tuple[tuple[int, int], ...]:
    """Return the places of outputs that look exchanged, two by two.

    Args:
        specs: The outputs, in order.
        found: What came under each name.
        expected: What should have come.

    Returns:
        Pairs (i, j), i < j, where what came as output i is nearly what was expected of j. Of outputs that went
        round in a ring, each with the one that it came as.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, spec in enumerate(specs):
        groups.setdefault((spec.dtype, expected[spec.name].shape), []).append(place)
    pairs: set[tuple[int, int]] = set()
    for places in groups.values():
        if 1 < len(places) <= TOGETHER:
            names = [specs[place].name for place in places]
            table = [[distance(found[one], expected[other]) for other in names] for one in names]
            order = min(permutations(range(len(places))), key=lambda each: _total(table, each))
            for one, other in enumerate(order):
                straight, crossed = table[one][one], table[one][other]
                if one != other and straight > LARGE and crossed < CLEARLY * straight:
                    pairs.add((min(places[one], places[other]), max(places[one], places[other])))
    return tuple(sorted(pairs))


def _total(table: Sequence[Sequence[float]], order: Sequence[int]) -> float:
    return sum(table[one][other] for one, other in enumerate(order))
