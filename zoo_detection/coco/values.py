"""The mean average precision as COCO's leader board defines it, from what became of the detections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.coco.average_precision import Ranked, points
from zoo_detection.coco.matching import AREAS, COMBINATIONS
from zoo_runner.plugin.interfaces import MetricValue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PROTOCOL: Final = "coco"
AP: Final = "coco_map"
"""Mean over ten overlaps from 0.50 to 0.95, and over classes, of the average precision at 101 recalls."""
MEASURES: Final[tuple[tuple[str, int, slice], ...]] = (
    (AP, 0, slice(None)),
    ("coco_map50", 0, slice(0, 1)),
    ("coco_map75", 0, slice(5, 6)),
    *((f"coco_map_{name}", place, slice(None)) for place, (name, _, _) in enumerate(AREAS) if place),
)
"""Name, area range and overlaps of each value, the headline first."""
ABSENT: Final = -100.0
"""The value where no object counts, in percent: the reference says -1."""


def averages_of(ranked: Ranked) -> Floats:
    """Average precision [A, T, C] in 0..1; NaN for a class without objects that count."""
    averages = np.empty((*COMBINATIONS, ranked.count))
    for area in range(len(AREAS)):
        for overlap, each in enumerate(points(ranked, area)):
            averages[area, overlap] = each.averages()
    return averages


def by_class(averages: Floats, area: int, overlaps: slice) -> Floats:
    """Mean [..., C] over overlaps of average precisions [A, T, ..., C], in percent."""
    chosen = averages[area, overlaps]
    total = np.zeros(chosen.shape[1:])
    for each in chosen:  # one after the other: numpy's sums have an order that its releases may change
        total = total + each
    percent: Floats = 100.0 * total / len(chosen)
    return percent


def mean_of(classes: Floats) -> Floats:
    """Mean [...] over the classes [..., C] that have objects; ``ABSENT`` where none has."""
    present = ~np.isnan(classes)
    total, count = np.zeros(classes.shape[:-1]), present.sum(axis=-1)
    for label in range(classes.shape[-1]):
        total = total + np.where(present[..., label], classes[..., label], 0.0)
    return np.where(count > 0, total / np.maximum(count, 1), ABSENT)


def values_of(classes: Sequence[str], ranked: Ranked) -> tuple[MetricValue, ...]:
    """Compute the values of ``MEASURES``, in percent.

    A class without objects that count is left out of the mean, and has no value of its own.
    """
    averages = averages_of(ranked)
    values = []
    for name, area, overlaps in MEASURES:
        precisions, positives = by_class(averages, area, overlaps), ranked.positives(area)
        rows = zip(classes, precisions.tolist(), positives.tolist(), strict=True)
        values.append(
            MetricValue(
                name=name,
                protocol=PROTOCOL,
                value=float(mean_of(precisions)),
                unit="percent",
                per_class={label: value for label, value, count in rows if count},
                support=dict(zip(classes, positives.tolist(), strict=True)),
            )
        )
    return tuple(values)
