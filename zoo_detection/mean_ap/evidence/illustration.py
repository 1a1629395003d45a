"""A small picture of a sample and the boxes to draw on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.images.decoding import decode_image
from zoo_detection.mean_ap.evidence.diagnosis import KINDS, judge
from zoo_images.thumbnail import thumbnail, thumbnail_size
from zoo_runner.plugin.evidence import Illustration, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from zoo_detection.mean_ap.by_class import LabelledDetections, LabelledGroundTruth
    from zoo_detection.samples import DetectionSample

MAX_MARKS: Final = 60
DECIMALS: Final = 1
"""Of the marks' pixels."""


def illustrate(
    sample: DetectionSample, detections: LabelledDetections, ground_truth: LabelledGroundTruth, classes: Sequence[str]
) -> Illustration:
    """Draw one sample, judged as :func:`judge` says.

    An object is marked ``truth`` also where a localisation error or confusion is about it: that error has a mark of
    its own. Where there are more than ``MAX_MARKS``, the detections with the lowest scores go first.

    Args:
        sample: Whose image is drawn, small.
        detections: Its detections.
        ground_truth: Its objects.
        classes: Names in label order.

    Raises:
        DatasetError: The image file is missing, cannot be decoded, or does not have the annotated size.
    """
    pixels = decode_image(sample)
    width, height = thumbnail_size(sample.width, sample.height)
    scale = np.array((width / sample.width, height / sample.height) * 2)
    limit = np.array((width, height) * 2)
    marks = [
        Mark(kind=kind, label=classes[label], box=_corners(box * scale, limit), score=score)
        for kind, label, box, score in _judged(detections, ground_truth)
    ]
    return Illustration(
        width=width, height=height, image=thumbnail(pixels, width, height), media_type="image/jpeg", marks=tuple(marks)
    )


def _judged(
    detections: LabelledDetections, ground_truth: LabelledGroundTruth
) -> Iterator[tuple[str, int, NDArray[np.float64], float | None]]:
    """Kind, label, box in continuous pixels of the original image, and score: objects, then the best detections."""
    judgement = judge(detections, ground_truth)
    objects = list(zip(judgement.objects, ground_truth.labels, ground_truth.boxes.astype(np.float64), strict=True))[
        :MAX_MARKS
    ]
    for kind, label, box in objects:
        yield KINDS[kind], int(label), box - (1, 1, 0, 0), None  # 1-based pixels, the last one inside
    best = np.argsort(-detections.scores[judgement.detections], kind="stable")[: MAX_MARKS - len(objects)]
    for place in best:
        detection = judgement.detections[place]
        box = detections.boxes[detection].astype(np.float64)
        yield KINDS[judgement.kinds[place]], int(detections.labels[detection]), box, float(detections.scores[detection])


def _corners(box: NDArray[np.float64], limit: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = np.round(np.clip(box, 0.0, limit), DECIMALS).tolist()
    return x1, y1, x2, y2
