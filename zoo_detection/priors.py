"""The boxes that a single-shot detector starts from: some shapes at every cell of some maps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST: Final = 1_000_000
"""Priors of one network; published ones have at most some hundred thousand."""
MOST_MAPS: Final = 100
"""Maps of a network, and ratios of a map."""
NEAREST, FARTHEST = 1e-6, 1e6
"""Pixels of a side, a stride or a ratio: beyond, 32-bit numbers would become zero or infinite."""
Positive = Annotated[float, Field(ge=NEAREST, le=FARTHEST, allow_inf_nan=False)]
Cells = Annotated[int, Field(gt=0, le=MOST)]
Clip = Literal["none", "centre_size", "size", "corners"]


class PriorMap(BaseModel):
    """One map of cells."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: tuple[Cells, Cells] = Field(description="columns and rows of the map")
    stride: Positive | None = Field(
        default=None, description="pixels of the input from one cell to the next; input divided by cells by default"
    )
    size: Positive = Field(description="side of the first, square prior, in pixels of the input")
    next_size: Positive | None = Field(
        default=None, description="a second square prior has the side sqrt(size * next_size); none by default"
    )
    ratios: tuple[Positive, ...] = Field(
        default=(),
        max_length=MOST_MAPS,
        description="of width to height: each gives a prior with it and one with its inverse",
    )

    @property
    def shapes(self) -> tuple[tuple[float, float], ...]:
        """Width and height of the priors of a cell, in pixels, in the order of the network's outputs."""
        squares = [self.size] if self.next_size is None else [self.size, math.sqrt(self.size * self.next_size)]
        longer = [(self.size * math.sqrt(ratio), self.size / math.sqrt(ratio)) for ratio in self.ratios]
        return (
            *((side, side) for side in squares),
            *(shape for width, height in longer for shape in ((width, height), (height, width))),
        )

    @property
    def count(self) -> int:
        """Number of its priors."""
        return self.cells[0] * self.cells[1] * len(self.shapes)


class Priors(BaseModel):
    """All priors of a network, as SSD's paper and torchvision lay them out (arXiv:1512.02325, section 2.2)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maps: Annotated[tuple[PriorMap, ...], Field(min_length=1, max_length=MOST_MAPS)] = Field(
        description="maps of cells, in the order of the network's outputs"
    )
    clip: Clip = Field(
        default="none",
        description="what is limited to the input: nothing, centre and size each, the size, or the corners",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Priors:
        if self.count > MOST:
            raise ValueError(
                f"expected at most {MOST:,} priors, found {self.count:,}; check the numbers of cells of the maps"
            )
        return self

    @property
    def count(self) -> int:
        """Number N of all priors."""
        return sum(each.count for each in self.maps)

    def boxes(self, width: int, height: int) -> NDArray[np.float32]:
        """Lay them out.

        Maps come in the order given, cells row by row, and each cell holds the square, the larger square, and for each
        ratio the wide and the tall shape. The arithmetic is in doubles, rounded once to float32 and then clipped.

        Args:
            width: Of the network's input, in pixels.
            height: Likewise.

        Returns:
            Float32 [N, 4] of (cx, cy, w, h) as fractions of the input.
        """
        import numpy as np  # noqa: PLC0415 - a configuration is read without it

        scale = np.array((width, height) * 2, dtype=np.float64)
        rows = np.concatenate([np.concatenate(list(_of(each, width, height))) for each in self.maps])
        return self._clipped((rows / scale).astype(np.float32))

    def _clipped(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np  # noqa: PLC0415 - likewise

        if self.clip == "centre_size":
            return boxes.clip(0.0, 1.0)
        if self.clip == "size":
            return np.concatenate((boxes[:, :2], boxes[:, 2:].clip(0.0, 1.0)), axis=1)
        if self.clip == "corners":
            half = boxes[:, 2:] / 2
            low, high = (boxes[:, :2] - half).clip(0.0, 1.0), (boxes[:, :2] + half).clip(0.0, 1.0)
            return np.concatenate(((low + high) / 2, high - low), axis=1)
        return boxes


def _of(one: PriorMap, width: int, height: int) -> Iterator[NDArray[np.float64]]:
    """Centre-size boxes [columns * shapes, 4] of each row of a map, in pixels."""
    import numpy as np  # noqa: PLC0415 - likewise

    columns, rows = one.cells
    across, down = (one.stride or side / cells for side, cells in ((width, columns), (height, rows)))
    shapes = np.array(one.shapes)
    x = np.repeat((np.arange(columns) + 0.5) * across, len(shapes))
    sizes = np.tile(shapes, (columns, 1))
    for row in range(rows):
        yield np.column_stack((x, np.full(len(x), (row + 0.5) * down), sizes))
