"""The sizes of open axes that a model is given for a sample: those of its gear, or its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from zoo_runner.job.padded_inputs import sizes_used

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Progress, Sample, TensorSpec
    from zoo_runner.plugin.shapes import Sizes

SizesOf: TypeAlias = "Callable[[Sample], Sizes]"
"""Tells the sizes by axis name that the model is given for a sample; none for a model without open axes."""
NOTHING_OPEN: Final[Sizes] = MappingProxyType({})
"""The sizes of a model without open axes."""
SHOWN: Final = 5
"""Sizes of samples that a run names."""


def nothing_open(_sample: Sample) -> Sizes:
    """Return no sizes: all shapes are fixed."""
    return NOTHING_OPEN


@dataclass(frozen=True, kw_only=True)
class GivenSizes:
    """What is known of open axes; nothing is open by default.

    Attributes:
        of: Tells the sizes that the model is given for a sample.
        most: The greatest size of each open axis, those of the outputs alone included.
    """

    of: SizesOf = nothing_open
    most: Sizes = field(default_factory=dict)

    def filled(self, specs: Iterable[TensorSpec], sample: Sample) -> list[TensorSpec]:
        """Return tensors as they are for a sample; what is open in them then, only the tensors themselves tell."""
        sizes = self.of(sample)
        return [spec.at(sizes) for spec in specs]


FIXED: Final = GivenSizes()
"""Nothing is open."""


def note_sizes(recipe: Recipe, samples: Sequence[Sample], progress: Progress) -> None:
    """Say how many samples go to which gear, or have which sizes."""
    if recipe.padded is not None:
        used = sizes_used(recipe.padded, samples)
        listed = [f"{count} at {sizes}" for sizes, count in itertools.islice(used.items(), SHOWN)]
        more = f"; and {len(used) - SHOWN} more sizes" if len(used) > SHOWN else ""
        progress.note(f"{recipe.noun} by the sizes that the model is given: {'; '.join(listed)}{more}")
