"""Annotated objects one by one: found or missed, and of which class, size and place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.mean_ap.evidence.diagnosis import IGNORED, TRUTH, judge
from zoo_runner.plugin.targets import Targets, Trait

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.evidence.kept import Kept
    from zoo_detection.samples import DetectionSample

SIZES: Final = ("small", "medium", "large")
SMALL, LARGE = 32.0**2, 96.0**2
"""Areas in pixels between the sizes, as COCO has them (Lin et al. 2014, "Microsoft COCO", arXiv:1405.0312)."""
COLUMNS: Final = ("left", "middle", "right")
ROWS: Final = ("top", "middle", "bottom")
PLACES: Final = tuple(
    "centre" if row == column == "middle" else f"{row} {column}" for row in ROWS for column in COLUMNS
)
"""Thirds of the image that an object's centre lies in, row by row."""


def targets_of(kept: Kept, samples: Sequence[DetectionSample], classes: Sequence[str]) -> Targets:
    """Say what became of the objects that count.

    Args:
        kept: Detections and objects, joined over all images.
        samples: The images.
        classes: Names in label order.
    """
    ground_truth = kept.ground_truth
    objects = judge(kept.detections, ground_truth).objects
    counted = np.flatnonzero(objects != IGNORED)
    boxes, images = ground_truth.boxes[counted].astype(np.float64), ground_truth.images[counted]
    sizes = np.array([(each.width, each.height) for each in samples], dtype=np.float64).reshape(-1, 2)[images]
    return Targets(
        noun="objects",
        samples=images,
        found=objects[counted] == TRUTH,
        traits=(
            Trait(name="class", values=tuple(classes), codes=ground_truth.labels[counted]),
            Trait(name="size", values=SIZES, codes=_sizes(boxes)),
            Trait(name="place", values=PLACES, codes=_places(boxes, sizes)),
        ),
    )


def _sizes(boxes: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions in ``SIZES`` of boxes, float64 [G, 4] xyxy in pixels."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return np.digitize(areas, (SMALL, LARGE))


def _places(boxes: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions in ``PLACES`` of boxes, float64 [G, 4] xyxy, in images of widths and heights, float64 [G, 2]."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    thirds = np.clip(np.floor(3 * centres / np.maximum(sizes, 1.0)), 0, 2).astype(np.intp)
    places: NDArray[np.intp] = 3 * thirds[:, 1] + thirds[:, 0]
    return places
