"""The sizes of open axes at which an export is made and compared. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.shapes import Shapes

if TYPE_CHECKING:
    from zoo_runner.plugin.shapes import Sizes

FIXED: Final[Mapping[str, int]] = {}
"""Of a network without open axes."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What an export leaves open.

    Attributes:
        batch: The size of the batch axis where ``onnx.dynamic_batch`` is off.
        shapes: The sizes that open axes take.
    """

    batch: int = 1
    shapes: Shapes | None = None


def compared_sizes(shapes: Shapes | None) -> tuple[Sizes, ...]:
    """Return sizes that have the least and the greatest of every open axis; the first are those it is made at.

    A size that is baked into the graph shows at one of the others.
    """
    if shapes is None or shapes.opened == "batch":
        return (FIXED,)
    if shapes.bounds:
        ends = ({axis: pair[end] for axis, pair in shapes.bounds.items()} for end in (0, 1))
        return _different(ends)
    axes = shapes.gears[0]
    picked = (pick(shapes.gears, key=lambda gear: gear[axis]) for axis in axes for pick in (min, max))
    return _different(picked)


def calls(batches: Iterable[int], sizes: tuple[Sizes, ...]) -> tuple[tuple[int, Sizes], ...]:
    """Return the batch and sizes of each call to compare: every batch at the first sizes, the others at the last."""
    every = [(batch, sizes[0]) for batch in batches]
    return (*every, *((every[-1][0], each) for each in sizes[1:]))


def _different(sizes: Iterable[Sizes]) -> tuple[Sizes, ...]:
    found: list[Sizes] = []
    for each in sizes:
        if each not in found:
            found.append(each)
    return tuple(found)
