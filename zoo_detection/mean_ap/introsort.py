"""An argsort that gives one order to equal keys on every machine: the introsort of numpy before 1.25.

There, ``np.argsort`` of numbers was a quicksort with the median of three as its pivot. It left parts of at most 16 keys
to an insertion sort, and parts that it reached after too many divisions to a heapsort (Musser 1997, "Introspective
Sorting and Selection Algorithms"; numpy's reference of ``sort``, kind "quicksort"). None of the three is stable, so the
order of equal keys follows from which keys are compared and exchanged, one after the other. That is the same here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from zoo_detection.compiled import Compiled

if TYPE_CHECKING:
    from collections.abc import MutableSequence, Sequence

    from numpy.typing import NDArray

    from zoo_detection.compiled import Kernel

    Keys: TypeAlias = Sequence[Any] | NDArray[np.int64]
    Indices: TypeAlias = MutableSequence[int] | NDArray[np.intp]

SMALL: Final = 15
"""A part is divided if its last place is more than this far from its first."""


def argsort(keys: NDArray[np.int64]) -> NDArray[np.intp]:
    """Order [K] of keys [K], the least first, equal ones as numpy before 1.25 leaves them.

    Its loops run compiled where numba is installed, and otherwise in Python, at about 3 microseconds a key.
    """
    kernels = [each.wait() for each in (DIVIDE, HEAPSORT, INSERT)]
    loops = [each for each in kernels if each is not None]
    if len(loops) < len(kernels):
        return np.array(plain_argsort(keys.tolist()), dtype=np.intp)
    order = np.arange(len(keys))
    _introsort(np.ascontiguousarray(keys), order, *loops)
    return order


def plain_argsort(keys: Sequence[Any]) -> list[int]:
    """Do what ``argsort`` does in plain Python, for keys [K] of any kind that ``<`` compares."""
    order = list(range(len(keys)))
    _introsort(keys, order, divide, heapsort, insert)
    return order


def _introsort(keys: Keys, order: Indices, divide_: Kernel, heapsort_: Kernel, insert_: Kernel) -> None:
    """Sort the places ``order``, at first ascending, of keys, by three loops.

    Of two parts the larger one waits, and is asked for its depth only when its turn comes.
    """
    waiting = [(0, len(order) - 1, 2 * (max(len(order), 1).bit_length() - 1))]
    while waiting:
        low, high, depth = waiting.pop()
        if depth < 0:
            heapsort_(keys, order, low, high)
            continue
        while high - low > SMALL:
            middle = divide_(keys, order, low, high)
            depth -= 1
            if middle - low < high - middle:
                waiting.append((middle + 1, high, depth))
                high = middle - 1
            else:
                waiting.append((low, middle - 1, depth))
                low = middle + 1
        insert_(keys, order, low, high)


def divide(keys: Keys, order: Indices, low: int, high: int) -> int:
    """Divide the part from ``low`` to ``high`` by a pivot, and give the pivot's place; written to be compiled.

    First, middle and last key are put in order, so that the outer two stop the search from both sides. The middle
    one is the pivot; it stands last but one meanwhile.
    """
    middle = low + (high - low) // 2
    for one, other in ((low, middle), (middle, high), (low, middle)):
        if keys[order[other]] < keys[order[one]]:
            order[one], order[other] = order[other], order[one]
    pivot = keys[order[middle]]
    order[middle], order[high - 1] = order[high - 1], order[middle]
    left, right = low + 1, high - 2
    while True:
        while keys[order[left]] < pivot:
            left += 1
        while pivot < keys[order[right]]:
            right -= 1
        if left >= right:
            break
        order[left], order[right] = order[right], order[left]
        left += 1
        right -= 1
    order[left], order[high - 1] = order[high - 1], order[left]
    return left


def heapsort(keys: Keys, order: Indices, low: int, high: int) -> None:
    """Sort the part from ``low`` to ``high`` by a heap with the greatest key on top; written to be compiled.

    In the first half of the steps one place after the other gets a heap below it; then the top goes to the end, and
    what stood there goes down from the top.
    """
    before, size = low - 1, high - low + 1  # places in the heap are counted from 1
    halves = size // 2
    for step in range(halves + size - 1):
        if step < halves:
            place = halves - step
            moving = order[before + place]
        else:
            place = 1
            moving = order[before + size]
            order[before + size] = order[low]
            size -= 1
        below = 2 * place
        while below <= size:
            if below < size and keys[order[before + below]] < keys[order[before + below + 1]]:
                below += 1
            if not keys[moving] < keys[order[before + below]]:
                break
            order[before + place] = order[before + below]
            place, below = below, 2 * below
        order[before + place] = moving


def insert(keys: Keys, order: Indices, low: int, high: int) -> None:
    """Sort the part from ``low`` to ``high`` by insertion, which is stable; written to be compiled."""
    for start in range(low + 1, high + 1):
        moving = order[start]
        place = start
        while place > low and keys[moving] < keys[order[place - 1]]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = moving


_SIGNATURE: Final = "(Array(int64, 1, 'C', readonly=True), intp[::1], intp, intp)"
DIVIDE: Final = Compiled(divide, f"intp{_SIGNATURE}")
HEAPSORT: Final = Compiled(heapsort, f"void{_SIGNATURE}")
INSERT: Final = Compiled(insert, f"void{_SIGNATURE}")
