"""Which confidences of an image can still become a detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from zoo_detection.compiled import Compiled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

ROOM: Final = 1 << 13
"""Candidates that the compiled loop has room for, ten times the usual number; of images with more, numpy takes care."""
EXPONENT: Final = np.uint32(0x7F800000)
"""The bits that are all set in NaN and infinity, and in no other float32."""


class Candidates(NamedTuple):
    """Confidences that pass both thresholds, rows ascending and within a row labels.

    Attributes:
        rows: Integer [M], the prior.
        labels: int16 [M], the class, 0 for the first.
        scores: float32 [M], the confidence.
    """

    rows: NDArray[np.intp]
    labels: NDArray[np.int16]
    scores: Floats


def is_finite(values: Floats) -> bool:
    """Whether float32 values of any shape are free of NaN and infinity."""
    kernel = LARGEST.ready()
    if kernel is not None and values.flags.c_contiguous:
        return bool(kernel(values.reshape(-1).view(np.uint32)) < EXPONENT)
    return bool(np.isfinite(values).all())


def candidates_of(confidences: Floats, objectness: Floats, *, confidence: np.float32, least: np.float32) -> Candidates:
    """Find what passes.

    Args:
        confidences: float32 [N, C + 1], background first.
        objectness: float32 [N, 2], background first.
        confidence: What a confidence has to exceed.
        least: What the prior's objectness has to exceed.
    """
    kernel = PICK.ready()
    if kernel is not None and confidences.flags.c_contiguous and objectness.flags.c_contiguous:
        rows, labels, scores = np.empty(ROOM, np.intp), np.empty(ROOM, np.int16), np.empty(ROOM, np.float32)
        found = kernel(confidences, objectness, confidence, least, rows, labels, scores)
        if found <= ROOM:
            return Candidates(rows[:found], labels[:found], scores[:found])
    alive = np.flatnonzero(objectness[:, 1] > least)
    rated = confidences.take(alive, axis=0)
    passing = rated > confidence
    passing[:, 0] = False
    hits = np.flatnonzero(passing)
    place = hits // passing.shape[1]
    channels = hits - place * passing.shape[1]
    return Candidates(alive.take(place), (channels - 1).astype(np.int16), rated.ravel().take(hits))


def largest_exponent(bits: NDArray[np.uint32]) -> Any:
    """The greatest of the exponents, in their place among the bits of float32 values [P]; written to be compiled."""
    largest = np.uint32(0)
    for place in range(len(bits)):
        largest = max(largest, bits[place] & EXPONENT)
    return largest


def pick(
    confidences: Floats,
    objectness: Floats,
    confidence: np.float32,
    least: np.float32,
    rows: NDArray[Any],
    labels: NDArray[np.int16],
    scores: Floats,
) -> int:
    """Write what passes to the last three arrays, as far as they reach, and count it; written to be compiled.

    Counts are added up where one would write ``if``: a processor cannot guess which priors are objects, and each
    wrong guess would cost more than looking at a row.
    """
    alive = np.empty(len(objectness), np.intp)
    count = 0
    for row in range(len(objectness)):
        alive[count] = row
        count += objectness[row, 1] > least
    found = 0
    for row in alive[:count]:
        hits = 0
        for channel in range(1, confidences.shape[1]):
            hits += confidences[row, channel] > confidence
        if hits and found + hits <= len(rows):
            place = found
            for channel in range(1, confidences.shape[1]):
                if confidences[row, channel] > confidence:
                    rows[place], labels[place], scores[place] = row, channel - 1, confidences[row, channel]
                    place += 1
        found += hits
    return found


LARGEST: Final = Compiled(largest_exponent, "uint32(Array(uint32, 1, 'C', readonly=True))")
PICK: Final = Compiled(
    pick,
    "intp(Array(float32, 2, 'C', readonly=True), Array(float32, 2, 'C', readonly=True), float32, float32, "
    "intp[::1], int16[::1], float32[::1])",
)
