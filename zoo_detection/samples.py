"""What a detector is scored on: images with the objects in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.plugin.interfaces import Sample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class DetectionSample(Sample):
    """One annotated image. Samples are equal if index, id and path are; the arrays are read-only.

    Attributes:
        width: Of the image, in pixels, as annotated.
        height: Likewise.
        boxes: Float32 [K, 4] xyxy of the objects, as annotated: 1-based pixels, both corners inside.
        labels: Integer [K], position of the object's class in the data set's class list.
        difficult: Bool [K]; such objects are left out of the score.
    """

    width: int
    height: int
    boxes: NDArray[np.float32]
    labels: NDArray[np.intp]
    difficult: NDArray[np.bool_]
