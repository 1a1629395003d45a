"""The chosen samples' inputs, outputs and predictions once more: from files by the parts of the plugin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo_runner.plugin.calls import calling
from zoo_runner.stages.iterators import closed
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.joining import joined, parts_of

if TYPE_CHECKING:
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.stages.predict.pipeline import OutputSource


@dataclass(frozen=True)
class GivenOutputs:
    """Outputs that are there already, one mapping for each part, as a source of them.

    Attributes:
        given: In the order in which they are asked for.
    """

    given: Sequence[Arrays]

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return nothing: what is made of them is not kept in a store."""
        del samples
        return ""

    def check(self, samples: Sequence[Sample]) -> None:
        """Find nothing changed."""

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield them."""
        for _, arrays in zip(samples, self.given, strict=True):
            yield arrays


def prediction_of(recipe: Recipe, sample: Sample, outputs: Sequence[Arrays]) -> dict[str, Any]:
    """Return what the plugin makes of a sample's outputs.

    Args:
        recipe: Has the plugin's parts.
        sample: The sample.
        outputs: One mapping for each part of it.

    Raises:
        ZooError: The plugin cannot.
    """
    with closed(joined(recipe, GivenOutputs(outputs), Clocks()).outputs([sample])) as found:
        (whole,) = found
    with calling("zoo_postprocess", sample, whole):
        prediction = recipe.postprocess(whole, sample)
    return {name: np.array(array) for name, array in prediction.items()}


def inputs_of(recipe: Recipe, sample: Sample, *, of_the_graph: bool = False) -> tuple[dict[str, Any], ...]:
    """Return what the plugin makes of a sample's files, for each part of it.

    Args:
        recipe: Has the plugin's parts.
        sample: The sample.
        of_the_graph: Whether they are those of the exported graph; else those that the host fed the model.

    Raises:
        ZooError: The plugin cannot.
    """
    preprocess = recipe.preprocess if of_the_graph else recipe.host_preprocess
    made = []
    for part in parts_of(recipe, [sample]):
        with calling("zoo_preprocess", part):
            made.append({name: np.array(array) for name, array in preprocess(part).items()})
    return tuple(made)


def outputs_by_sample(
    recipe: Recipe, source: OutputSource, samples: Sequence[Sample]
) -> Iterator[tuple[Sample, tuple[Arrays, ...]]]:
    """Yield each sample with the outputs of its parts, as they come.

    Raises:
        ZooError: There are none, or they cannot be.
    """
    counts = [len(parts_of(recipe, [sample])) for sample in samples]
    with closed(source.outputs(iter(parts_of(recipe, samples)))) as outputs:
        for sample, count in zip(samples, counts, strict=True):
            yield sample, tuple(next(outputs) for _ in range(count))


def equal(one: Arrays, other: Arrays) -> bool:
    """Say whether arrays are the same to the last bit; NaN is the same as NaN."""
    return one.keys() == other.keys() and all(bits(one[name]) == bits(other[name]) for name in one)


def bits(array: object) -> tuple[str, tuple[int, ...], bytes]:
    """Return what makes an array what it is."""
    held = np.asarray(array)
    return held.dtype.str, held.shape, held.tobytes()
