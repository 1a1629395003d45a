"""Average precision on many resamples of a data set at once: the fast half of a bootstrap over images.

Whether a detection is right depends on its own image only, so a resample changes neither the matches nor the order of
the detections, only how often each counts (Efron & Tibshirani 1993, "An Introduction to the Bootstrap", section 6.2:
the resampling vector). What is left for each resample is to count true and false positives with other weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.mean_ap.average_precision import EPSILON, eleven_point_sum, least_found, strip_sum
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_detection.mean_ap.average_precision import Definition
    from zoo_detection.mean_ap.matches import JudgedClass
    from zoo_detection.mean_ap.matching import Outcomes

    Indices = NDArray[np.intp]
    Table = NDArray[np.unsignedinteger[Any]]
    Floats = NDArray[np.float64]

CHUNK: Final = 512
"""Resamples that are worked on at a time, which bounds the memory."""
FAN: Final = 8
"""Rows of weights that are added up in one go; the sum of 8 draws of one image still fits a byte."""
BLOCK: Final = 2048
"""Sums that are worked on at a time, so that they stay in the processor's cache."""


def resampled_precisions(
    judged: Sequence[JudgedClass],
    weights: NDArray[Any],
    undetected: float,
    definitions: Sequence[Definition],
) -> list[Floats]:
    """Score R resamples of N images.

    An image that was drawn twice counts as two images with the same detections and objects. Equal scores stay in the
    order that they have in the full data set, and the copies of a detection follow each other. For the 11 points
    the results are those of a data set with such copies to the last bit; for the area, they are where every weight
    is 0 or 1, and otherwise but for rounding.

    Args:
        judged: By class, C of them, all by one protocol.
        weights: Non-negative integers [R, N].
        undetected: The average precision of a class with no detections at all.
        definitions: Which averages to take.

    Returns:
        For each definition, the average precision of each class on each resample, 0..1: float64 [R, C].

    Raises:
        ValueError: ``weights`` has another shape, is not integer or has a negative number.
    """
    drawn = _Drawn(weights)
    results = [np.empty((len(weights), len(judged))) for _ in definitions]
    positives = drawn.totals([each.counted for each in judged])
    seen = drawn.totals([each.images for each in judged])
    for label, each in enumerate(judged):
        counter = _Counter(each.outcomes, each.images, drawn.images)
        for rows, table in drawn.tables():
            curves = counter.curves(table, positives[rows, label])
            for definition, result in zip(definitions, results, strict=True):
                average = curves.eleven_points() if definition == "eleven points" else curves.area()
                result[rows, label] = np.where(seen[rows, label] > 0, average, undetected)
    return results


class _Drawn:
    """How often each image was drawn.

    Attributes:
        images: How many there are, N.
    """

    def __init__(self, weights: NDArray[Any]) -> None:
        if weights.ndim != 2 or weights.dtype.kind not in "iu" or (weights.size and weights.min() < 0):  # noqa: PLR2004 - axes
            expected, found = "non-negative integers[R, N]", tensor_text("", weights.dtype, weights.shape)
            remedy = "count in each row how often each sample was drawn"
            raise ValueError(mismatch("weights", [expected], [found], remedy))
        self.images = weights.shape[1]
        self._weights = weights
        largest = int(weights.max()) if weights.size else 0
        dtype = np.min_scalar_type(FAN * largest)
        self._tables = []
        for start in range(0, len(weights), CHUNK):
            rows = slice(start, min(start + CHUNK, len(weights)))
            table = np.zeros((self.images + 1, rows.stop - rows.start), dtype=dtype)
            table[:-1] = weights[rows].T
            self._tables.append((rows, table))

    def tables(self) -> Iterator[tuple[slice, Table]]:
        """Give the rows of each chunk with its weights [N + 1, chunk]; the last row is 0."""
        yield from self._tables

    def totals(self, images: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
        """Sum up the weights of C lists of images on each resample: [R, C]."""
        counts = np.stack([np.bincount(each, minlength=self.images) for each in images], axis=1).astype(np.float64)
        return np.concatenate(
            [np.zeros((0, len(images)), np.int64)]
            + [(self._weights[rows].astype(np.float64) @ counts).astype(np.int64) for rows, _ in self._tables]
        )


class _Counter:
    """Counts what precedes each true positive of one class, whatever the weights."""

    def __init__(self, judged: Outcomes, images: NDArray[np.int32], count: int) -> None:
        end = int(judged.true[-1]) + 1 if judged.true.size else 0  # after the last true positive precision only falls
        ranked = images.take(judged.order[:end])
        false = np.ones(end, dtype=np.bool_)
        false[judged.true] = False
        false[judged.ignored[judged.ignored < end]] = False
        self._true = ranked[judged.true]
        self._levels = list(_tree(ranked[false], judged.false_before, count)) if end else []

    def curves(self, table: Table, positives: NDArray[np.int64]) -> _Curves:
        """Draw the curves for weights [N + 1, R], of which the last row is 0, and R numbers of positives."""
        true = np.cumsum(_widened(table.take(self._true, axis=0)), axis=1)
        sums = table
        largest = int(table.max(initial=0))
        for index in self._levels:
            largest *= FAN
            sums = _fan_sums(sums, index, np.promote_types(sums.dtype, np.min_scalar_type(largest)))
        false = np.cumsum(_widened(sums[: len(self._true)]), axis=1)
        precision = np.zeros((true.shape[0], true.shape[1] + 1))
        false += true
        np.maximum(false, EPSILON, out=false)
        np.divide(true, false, out=precision[:, :-1])
        return _Curves(true=true, precision=precision, positives=positives)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Curves:
    """Precision at each true positive, on R resamples.

    A true positive of weight 0 repeats the recall before it at a precision no better, which changes no average.

    Attributes:
        true: Float64 [R, T], how many true positives there are up to here, by weight.
        precision: Float64 [R, T + 1], ending in 0.
        positives: Integer [R].
    """

    true: Floats
    precision: Floats
    positives: NDArray[np.int64]

    def eleven_points(self) -> Floats:
        """AP [R] of VOC2007, as ``Curve.eleven_points`` computes it."""
        rows = len(self.true)
        needed = least_found(self.positives)
        # One search through all rows, lifted so that each lies above the one before.
        lifted = np.arange(rows)[:, np.newaxis] * (self.positives.max(initial=0) + 2.0)
        places = np.searchsorted((self.true + lifted).ravel(), (needed + lifted).ravel()).reshape(needed.shape)
        places += np.arange(rows)[:, np.newaxis]  # the rows of the precision are longer by one
        # Where no point lies between two levels this takes the next point's, which the other level counts anyway.
        between = np.maximum.reduceat(self.precision.ravel(), places.ravel()).reshape(needed.shape)
        return eleven_point_sum(np.maximum.accumulate(between[:, ::-1], axis=1)[:, ::-1])

    def area(self) -> Floats:
        """AP [R] of VOC2010, as ``Curve.area`` computes it."""
        if not self.true.size:
            return np.zeros(len(self.true))
        envelope = np.maximum.accumulate(self.precision[:, -2::-1], axis=1)[:, ::-1]
        return strip_sum(self.true / np.maximum(self.positives, 1)[:, np.newaxis], envelope)


def _tree(rows: NDArray[np.signedinteger[Any]], before: Indices, none: int) -> Iterator[Indices]:
    """Plan the sums of rows of a table over segments, eight at a time.

    Args:
        rows: The rows that are summed up, segment by segment.
        before: How many of them belong to each segment and those before it.
        none: Which row is 0.

    Yields:
        For one round after the other, [8, M] rows of the table of the round before, each column of which makes one
        row of the next. The row after its last is 0. The last table has one row for each segment.
    """
    lengths = np.diff(before, prepend=0)
    while True:
        sums = np.maximum(-(-lengths // FAN), 1)
        shift = (np.cumsum(sums) - sums) * FAN - (np.cumsum(lengths) - lengths)
        total = int(sums.sum())
        padded = np.full(total * FAN, none, dtype=np.intp)
        padded[np.arange(len(rows)) + np.repeat(shift, lengths)] = rows
        yield np.ascontiguousarray(padded.reshape(total, FAN).T)
        if total == len(lengths):
            return
        lengths, rows, none = sums, np.arange(total), total


def _fan_sums(table: Table, index: Indices, dtype: np.dtype[Any]) -> Table:
    """Sum up rows [8, M] of a table [K, R]: [M + 1, R], of which the last row is 0."""
    sums = np.empty((index.shape[1] + 1, table.shape[1]), dtype=dtype)
    sums[-1] = 0
    buffer = np.empty((BLOCK, table.shape[1]), dtype=table.dtype)
    for start in range(0, index.shape[1], BLOCK):
        block = index[:, start : start + BLOCK]
        part, taken = sums[start : start + block.shape[1]], buffer[: block.shape[1]]
        part[...] = table.take(block[0], axis=0)
        for rows in block[1:]:
            np.add(part, table.take(rows, axis=0, out=taken, mode="clip"), out=part)  # clip: unbuffered, all are valid
    return sums


def _widened(counts: Table) -> Floats:
    """Turn counts [T, R] around, to float64 [R, T]."""
    return np.asarray(counts.T, dtype=np.float64, order="C")
