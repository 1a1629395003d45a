"""Precision-recall curves as a plot needs them: few points, the same shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_detection.mean_ap.average_precision import RECALLS
from zoo_runner.plugin.evidence import ClassCurve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.average_precision import Curve

MAX_POINTS: Final = 200
"""Of one class; a plot is hardly wider in pixels."""
COLUMNS: Final = 80
"""Strips of recall, of each of which the highest and the lowest point are shown."""


def class_curve(label: str, curve: Curve) -> ClassCurve:
    """Thin the curve of a class.

    Its average is the one of VOC2007, which reads precision at eleven recalls. A class without detections has no
    points; its average is what the protocol says, though precision is 0 at every level.
    """
    kept = thinned(curve)
    return ClassCurve(
        label=label,
        average=100.0 * curve.eleven_points(),
        recall=tuple(curve.recall[kept].tolist()),
        precision=tuple(curve.precision[kept].tolist()),
        levels=tuple(RECALLS.tolist()),
        level_precision=tuple(curve.level_precision().tolist()),
    )


def thinned(curve: Curve) -> NDArray[np.intp]:
    """Choose at most ``MAX_POINTS`` points, ascending, that leave the curve's shape as it is.

    Kept are the first and the last point; those that the eleven recalls read precision at; and the highest and the
    lowest point of each of ``COLUMNS`` strips of recall, which are what a line plot shows of a strip (Jugel et al.
    2014, "M4: A Visualization-Oriented Time Series Data Aggregation"). The rest goes to the corners of the envelope
    beyond which it falls most.
    """
    count = len(curve.recall)
    if count <= MAX_POINTS:
        return np.arange(count)
    envelope = curve.envelope()
    corners = curve.precision == envelope
    worth = np.where(corners, envelope - np.append(envelope[1:], 0.0), 0.0)
    strip = np.minimum((curve.recall * COLUMNS).astype(np.intp), COLUMNS - 1)
    for height in (curve.precision, -curve.precision):
        ranked = np.lexsort((height, strip))
        worth[ranked[np.unique(strip[ranked], return_index=True)[1]]] = 2.0  # more than any fall
    # Precision is read at the first corner of the envelope at or beyond a level; the last point is a corner too.
    places = np.searchsorted(curve.recall, RECALLS)
    corner = np.flatnonzero(corners)
    worth[corner[np.searchsorted(corner, places[places < count])]] = np.inf
    worth[[0, count - 1]] = np.inf
    chosen: NDArray[np.intp] = np.sort(np.argsort(-worth, kind="stable")[:MAX_POINTS])
    return chosen
