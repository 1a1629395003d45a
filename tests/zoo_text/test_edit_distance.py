"""Edit distance: known values, and its laws on random texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from zoo_text.edit_distance import edit_distance

TEXTS = some.text(alphabet="ab1", max_size=7)


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("1324", "1234", 2),
        ("aaaa", "a", 3),
        ("\N{HOT BEVERAGE}x", "x", 1),
    ],
)
def test_known_distances(one: str, other: str, distance: int) -> None:
    assert edit_distance(one, other) == edit_distance(other, one) == distance


def least(one: str, other: str) -> int:
    """Try all first edits."""
    if not one or not other:
        return len(one) + len(other)
    if one[0] == other[0]:
        return least(one[1:], other[1:])
    return 1 + min(least(one[1:], other), least(one, other[1:]), least(one[1:], other[1:]))


@given(TEXTS, TEXTS)
def test_it_is_the_least_number_of_edits(one: str, other: str) -> None:
    assert edit_distance(one, other) == least(one, other)
