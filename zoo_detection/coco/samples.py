"""Images with the objects in them, as COCO annotates them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_detection.samples import DetectionSample

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True, eq=False)
class CocoSample(DetectionSample):
    """One annotated image.

    ``boxes`` are the same boxes as whole pixels count them, for pictures and diagnosis; ``difficult`` marks crowds.

    Attributes:
        bounds: Float64 [K, 4] (x, y, width, height) of the objects, exactly as annotated: 0-based, continuous.
        areas: Float64 [K], of the objects' outlines in square pixels, as annotated.
        crowd: Bool [K]: the box holds several objects, any number of which may be found or not.
    """

    bounds: NDArray[np.float64]
    areas: NDArray[np.float64]
    crowd: NDArray[np.bool_]
