"""The average precision of every image on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_detection.mean_ap.average_precision import eleven_point_sum, least_found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from zoo_detection.mean_ap.matches import JudgedClass
    from zoo_detection.mean_ap.matching import Outcomes

    Floats = NDArray[np.float64]
    Indices = NDArray[np.intp]


def image_scores(judged: Sequence[JudgedClass], images: int) -> Floats:
    """Score every image as if it were the data set, over the classes that it has counted objects of.

    Args:
        judged: By class, all by one protocol. Equal scores stay in the order that they have in the full data set.
        images: How many images there are, N.

    Returns:
        Float64 [N]: the mean of the classes' 11-point average precision, 0..1; NaN for an image without counted
        objects. A class of which nothing was detected in the image counts 0 by any protocol.
    """
    total, classes = np.zeros(images), np.zeros(images)
    for each in judged:
        positives = np.bincount(each.counted, minlength=images)
        shown = np.flatnonzero(positives)
        total[shown] += _class_scores(each.outcomes, each.images, positives, shown)
        classes[shown] += 1
    with np.errstate(invalid="ignore"):
        return np.asarray(total / classes, dtype=np.float64)


def _class_scores(judged: Outcomes, images: NDArray[np.int32], positives: NDArray[np.intp], shown: Indices) -> Floats:
    """11-point AP [S] of one class in S images that show it, given its number of objects [N] in all."""
    ranked = images.take(judged.order)
    true, ignored = np.zeros((2, len(ranked)), dtype=np.bool_)
    true[judged.true] = True
    ignored[judged.ignored] = True
    # Detections of these images, image by image, and within one from the best score down.
    places = np.flatnonzero((positives > 0).take(ranked))
    narrow = np.uint16 if len(positives) <= np.iinfo(np.uint16).max else np.intp  # uint16 sorts by radix
    places = places[np.argsort(ranked[places].astype(narrow), kind="stable")]
    true = true[places]
    counted = np.cumsum(true | ~ignored[places])
    at = np.flatnonzero(true)
    group = np.searchsorted(shown, ranked[places[at]])
    before = np.append(0, counted)[np.searchsorted(ranked[places], shown)]  # counted in the images before
    counts = np.bincount(group, minlength=len(shown))
    starts = np.cumsum(counts) - counts
    rank = np.arange(1, len(at) + 1) - starts[group]
    best = np.append(_best_beyond(rank / (counted[at] - before[group]), group), 0.0)
    needed = np.maximum(least_found(positives[shown]), 1.0).astype(np.intp)
    reached = needed <= counts[:, np.newaxis]
    return eleven_point_sum(best[np.where(reached, starts[:, np.newaxis] + needed - 1, -1)])


def _best_beyond(precision: Floats, group: Indices) -> Floats:
    """The largest precision [T] from each place to the end of its group; groups [T] ascend.

    The running maximum is taken of whole numbers that hold group and rank, so that one pass serves all groups.
    """
    order = np.argsort(precision)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    lifted = (group.max(initial=0) - group) * len(order)
    best = np.maximum.accumulate((lifted + rank)[::-1])[::-1] - lifted
    beyond: Floats = precision[order[best]]
    return beyond
