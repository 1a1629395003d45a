"""The average precision from its definition, one detection at a time: what the fast code is held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from zoo_detection.mean_ap.introsort import plain_argsort

Box = tuple[float, float, float, float]
Detection = tuple[int, float, Box]
"""Image, score, 0-based xyxy."""
Truth = tuple[int, Box, bool]
"""Image, 1-based inclusive xyxy, difficult."""


def ranked(scores: Sequence[float], protocol: str) -> list[int]:
    """Positions from the best score down."""
    keys = [-score for score in scores]
    return plain_argsort(keys) if protocol == "reference" else sorted(range(len(keys)), key=keys.__getitem__)


def looped(
    detections: Sequence[Detection],
    ground_truth: Sequence[Truth],
    protocol: str,
    order_of: Callable[[Sequence[float], str], Sequence[int]] = ranked,
) -> tuple[float, float]:
    """11-point AP and area of one class, by the ``reference`` or the ``devkit``."""
    lines = []
    for image, score, box in detections:
        exact = float(np.float32(score)), [float(np.float32(side)) + 1 for side in box]
        if protocol == "reference":
            exact = float(f"{exact[0]:.3f}"), [float(f"{side:.1f}") for side in exact[1]]
        lines.append((image, *exact))
    minus, plus = (1.0, 0.0) if protocol == "reference" else (0.0, 1.0)
    objects = [(image, [side - minus for side in box], difficult) for image, box, difficult in ground_truth]
    order = order_of([score for _, score, _ in lines], protocol)
    taken: set[int] = set()
    true = false = 0
    points = []
    for line in order:
        image, _, sides = lines[line]
        best, chosen = 0.0, -1
        for number, (where, other, _) in enumerate(objects):
            overlap = looped_iou(sides, other, plus)
            if where == image and overlap > best:
                best, chosen = overlap, number
        if best > 0.5 and objects[chosen][2]:
            pass
        elif best > 0.5 and chosen not in taken:
            taken.add(chosen)
            true += 1
        else:
            false += 1
        points.append((true, false))
    positives = sum(not difficult for _, _, difficult in ground_truth)
    return looped_average(points, positives, -1.0 if protocol == "reference" else 0.0)


def looped_iou(one: Sequence[float], other: Sequence[float], plus: float) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0]) + plus
    height = min(one[3], other[3]) - max(one[1], other[1]) + plus
    if width <= 0 or height <= 0:
        return 0.0
    first = (one[2] - one[0] + plus) * (one[3] - one[1] + plus)
    second = (other[2] - other[0] + plus) * (other[3] - other[1] + plus)
    return width * height / (first + second - width * height)


def looped_average(points: Sequence[tuple[int, int]], positives: int, undetected: float) -> tuple[float, float]:
    if not points:
        return undetected, undetected
    if not positives:
        return 0.0, 0.0
    curve = [(true / positives, true / (true + false) if true + false else 0.0) for true, false in points]
    eleven = 0.0
    for level in np.arange(0.0, 1.1, 0.1).tolist():
        eleven += max((precision for recall, precision in curve if recall >= level), default=0.0) / 11
    area, reached = 0.0, 0.0
    for place, (recall, _) in enumerate(curve):
        area += (recall - reached) * max(precision for _, precision in curve[place:])
        reached = recall
    return eleven, area
