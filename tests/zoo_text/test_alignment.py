"""Which characters became which: as few faults as possible, and always in the same way."""

from __future__ import annotations

import random

import pytest

from zoo_text import alignment
from zoo_text.alignment import aligned
from zoo_text.edit_distance import edit_distance


@pytest.mark.parametrize(
    ("text", "found", "pairs"),
    [
        ("", "", []),
        ("", "ab", [("", "a"), ("", "b")]),
        ("ab", "", [("a", ""), ("b", "")]),
        ("ab", "ab", [("a", "a"), ("b", "b")]),
        ("abc", "axc", [("a", "a"), ("b", "x"), ("c", "c")]),
        ("abc", "ac", [("a", "a"), ("b", ""), ("c", "c")]),
        ("ac", "abc", [("a", "a"), ("", "b"), ("c", "c")]),
        ("aa", "a", [("a", "a"), ("a", "")]),
        ("1324", "1234", [("1", "1"), ("3", "2"), ("2", "3"), ("4", "4")]),
        ("ab", "xyz", [("a", "x"), ("b", "y"), ("", "z")]),
    ],
)
def test_pairs(text: str, found: str, pairs: list[tuple[str, str]]) -> None:
    assert list(aligned(text, found)) == pairs


def test_the_texts_and_their_distance_come_out_again() -> None:
    draw = random.Random(0)  # noqa: S311 - made-up texts
    for _ in range(300):
        text, found = ("".join(draw.choices("ab c", k=draw.randrange(9))) for _ in range(2))
        pairs = aligned(text, found)
        assert "".join(one for one, _ in pairs) == text
        assert "".join(other for _, other in pairs) == found
        assert sum(one != other for one, other in pairs) == edit_distance(text, found)


def test_texts_that_are_too_long_are_paired_by_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "LARGEST", 5)
    assert aligned("abcd", "axyd") == (("a", "a"), ("b", "x"), ("c", "y"), ("d", "d"))
    assert aligned("abcde", "axcye") == (("a", "a"), ("b", "x"), ("c", "c"), ("d", "y"), ("e", "e"))
