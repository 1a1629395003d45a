"""The order of equal scores behind the published figure, on every machine and with every release of numpy.

That figure was made when ``np.argsort`` of float64 was one introsort on all processors; :mod:`.introsort` has it. Today
numpy has vectorised sorts, which put equal numbers elsewhere, by processor and release. It still runs the old one for
time spans (timedelta64), as fast as the new ones here. But that is nothing numpy promises: its order is held against a
recorded one before it is used, and where it differs our own introsort does the work.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_detection.mean_ap import introsort

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Keys = NDArray[np.int64]

LENGTHS: Final = (17, 300, 40_000)
"""Of recorded keys: the fewest that the introsort divides, some, and as many as a class of VOC2007 has detections."""
DEEP: Final = bytes.fromhex(
    "00240124022303230422052206210721082009200a1f0b1f0c0d302e2f2e2d2d2c2c2b2b2a2a29292828272726262500"
    "0102030405060708090a0b0c1e1e1d1d1c1c1b1b1a1a19191818171716161515141413131212111110100f0f0e0e250d"
)
"""Keys that the introsort divides so badly that it goes over to its heapsort."""
RECORDED: Final = "01a9cf1b72c96072a657b527f10ef316cb2cc5087a2f392dd4b93dab9c89652f"
"""SHA-256 of the order of the recorded keys by numpy 1.16.6 and 1.24.4, each place as a little-endian int64."""


def published_descending(scores: Floats) -> NDArray[np.intp]:
    """Order [D] of finite scores [D] from the highest down, equal ones as numpy before 1.25 left them."""
    # Read as whole numbers, floats order as they do, once all bits but the sign of a negative one are turned over.
    # Subtracting from 0 makes the two zeros, which are equal, the same.
    bits = (0.0 - scores.astype(np.float64)).view(np.int64)
    keys = bits ^ (bits >> np.int64(63) & np.int64(0x7FFFFFFFFFFFFFFF))
    return numpy_argsort(keys) if numpy_is_as_recorded() else introsort.argsort(keys)


def numpy_argsort(keys: Keys) -> NDArray[np.intp]:
    """Order [K] of keys [K], none of them the least int64, by numpy's sort of time spans."""
    order: NDArray[np.intp] = np.argsort(keys.view("timedelta64[s]"), kind="quicksort")
    return order


@cache
def numpy_is_as_recorded() -> bool:
    """Whether numpy's order of time spans is the published one here; it takes some milliseconds to find out."""
    return digest([numpy_argsort(keys) for keys in recorded_keys()]) == RECORDED


def recorded_keys() -> list[Keys]:
    """Keys with many ties, of which the order is recorded."""
    mixed = [np.arange(length, dtype=np.int64) ** 2 * 7919 % 1009 for length in LENGTHS]
    return [*mixed, np.frombuffer(DEEP, dtype=np.uint8).astype(np.int64)]


def digest(orders: list[NDArray[np.intp]]) -> str:
    """SHA-256 of orders, as ``RECORDED`` has it."""
    return hashlib.sha256(b"".join(order.astype("<i8").tobytes() for order in orders)).hexdigest()
