"""Open axes: sizes that a sample decides, and the sizes that a model takes.

A tensor's axis may have a name instead of a size, as in ``[batch, 3, height, width]``. Axes of one name have one size.
A model takes the sizes of its gears, and a smaller sample is padded to the smallest gear that holds it; or it takes
any size within bounds.

What a plugin offers for them is in :mod:`zoo_runner.plugin.sized`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Sizes: TypeAlias = "Mapping[str, int]"
"""Sizes by axis name."""
Opened: TypeAlias = "Literal['batch', 'image_size', 'dims', 'range']"
"""What is open: the batch axis, height and width of one input, any axes by gears, or any axes within bounds."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The sizes that a model with open axes takes.

    Attributes:
        opened: What is open. The batch axis is never open together with others.
        gears: The sizes of each gear, in the manifest's order; of an open batch axis by the name ``batch``. None where
            bounds are given.
        bounds: The least and the greatest size of each axis of the inputs, where there are no gears.
        most: The greatest size of each open axis, those of the outputs alone included: memory is reserved by it.
    """

    opened: Opened
    gears: tuple[Sizes, ...] = ()
    bounds: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    most: Sizes = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Fit:
    """How one sample's inputs lie in what the model was given.

    Attributes:
        sample: The sample's own sizes.
        model: The sizes that the model was given.
        before: How much padding stands in front of the sample on each axis; the rest of it is behind.
    """

    sample: Sizes
    model: Sizes
    before: Sizes
