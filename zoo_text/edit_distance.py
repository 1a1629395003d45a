"""Edit distance of two texts."""

from __future__ import annotations


def edit_distance(one: str, other: str) -> int:
    """Return the least number of characters to insert, delete or replace that makes one text of the other.

    Characters are Unicode code points.
    """
    if len(one) < len(other):
        one, other = other, one
    before = list(range(len(other) + 1))
    for row, character in enumerate(one, start=1):
        now = [row]
        for column, wanted in enumerate(other, start=1):
            now.append(min(before[column] + 1, now[-1] + 1, before[column - 1] + (character != wanted)))
        before = now
    return before[-1]
