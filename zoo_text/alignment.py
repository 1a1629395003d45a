"""Which characters of a text became which of another one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

LARGEST: Final = 4_000_000
"""Pairs of characters that are held against each other: two texts of 2000 characters."""
Pair: TypeAlias = tuple[str, str]
"""A character and what became of it: equal where it is right, empty where there is none on that side."""


def aligned(text: str, found: str) -> tuple[Pair, ...]:
    """Pair the characters of two texts with as few faults as possible, in order.

    Where several ways have equally few, a replaced character comes before a missing one, and that before an added one.
    Of texts that are too long for that, the characters between the equal ends are paired by their places.

    Args:
        text: What is written.
        found: What was read.
    """
    start = next((at for at, (one, other) in enumerate(zip(text, found, strict=False)) if one != other), None)
    start = min(len(text), len(found)) if start is None else start
    ends = zip(reversed(text[start:]), reversed(found[start:]), strict=False)
    stop = next((at for at, (one, other) in enumerate(ends) if one != other), None)
    stop = min(len(text), len(found)) - start if stop is None else stop
    middle = text[start : len(text) - stop], found[start : len(found) - stop]
    return (
        *zip(text[:start], text[:start], strict=True),
        *(_by_place(*middle) if len(middle[0]) * len(middle[1]) > LARGEST else _fewest(*middle)),
        *((each, each) for each in text[len(text) - stop :]),
    )


def _by_place(text: str, found: str) -> Iterator[Pair]:
    for place in range(max(len(text), len(found))):
        yield text[place : place + 1], found[place : place + 1]


def _fewest(text: str, found: str) -> Iterator[Pair]:
    """Walk from the start; ``left[i][j]`` is how many faults the rests from ``i`` and ``j`` on have."""
    left = _left(text, found)
    row = column = 0
    while row < len(text) or column < len(found):
        now = left[row][column]
        if row < len(text) and column < len(found):
            fault = text[row] != found[column]
            if now == left[row + 1][column + 1] + fault:
                yield text[row], found[column]
                row, column = row + 1, column + 1
                continue
        if row < len(text) and now == left[row + 1][column] + 1:
            yield text[row], ""
            row += 1
        else:
            yield "", found[column]
            column += 1


def _left(text: str, found: str) -> list[list[int]]:
    below = list(range(len(found), -1, -1))
    rows = [below]
    for character in reversed(text):
        now = [below[-1] + 1]
        for column in range(len(found) - 1, -1, -1):
            fault = character != found[column]
            now.append(min(below[column] + 1, now[-1] + 1, below[column + 1] + fault))
        now.reverse()
        below = now
        rows.append(below)
    rows.reverse()
    return rows
