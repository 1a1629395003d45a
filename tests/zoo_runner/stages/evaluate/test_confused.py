"""The confusions in a report: all of them of few names, and never more than fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from zoo_runner.plugin.evidence import Confusions
from zoo_runner.plugin.scoring import ScoredValues
from zoo_runner.stages.evaluate.confused import LARGEST, WHOLE, confusions_record


@dataclass(frozen=True)
class Score(ScoredValues):
    counts: dict[tuple[str, str], int]

    def confusions(self) -> Confusions:
        return Confusions(noun="classes", counts=self.counts)


def record(counts: dict[tuple[str, str], int]) -> Any:
    return confusions_record(Score(values=(), counts=counts))


@pytest.mark.parametrize("counts", [{}, {("a", "b"): 0}])
def test_of_nothing_there_is_no_table(counts: dict[tuple[str, str], int]) -> None:
    assert record(counts) is None
    assert confusions_record(ScoredValues(values=())) is None


def test_of_few_names_all_counts_are_there() -> None:
    found = record({("b", "a"): 1, ("a", "a"): 5, ("a", "b"): 2, ("", "b"): 1, ("b", ""): 0})
    assert (found.total, found.wrong, found.pairs) == (9, 4, 3)
    assert [(each.truth, each.found, each.count, each.of) for each in found.largest] == [
        ("a", "b", 2, 7),
        ("", "b", 1, 0),
        ("b", "a", 1, 1),
    ]
    assert found.labels == ("b", "a", "")
    assert found.counts == ((0, 1, 0), (2, 5, 0), (1, 0, 0))


def test_of_many_names_the_most_frequent_confusions_are_listed() -> None:
    counts = {(f"c{place}", f"c{place}"): 40 for place in range(1000)}
    counts |= {(f"c{place}", f"c{(place + shift) % 1000}"): shift for place in range(1000) for shift in (1, 2)}
    found = record(counts)
    assert (found.total, found.wrong, found.pairs) == (43000, 3000, 2000)
    assert len(found.largest) == LARGEST
    assert {each.count for each in found.largest} == {2}
    assert (found.labels, found.counts) == ((), ())
    assert len(found.model_dump_json()) < 5000


@pytest.mark.parametrize(("names", "whole"), [(WHOLE, True), (WHOLE + 1, False)])
def test_how_many_names_are_few(names: int, whole: bool) -> None:
    found = record({(str(place), str(place)): 1 for place in range(names)})
    assert bool(found.labels) is bool(found.counts) is whole
    assert (found.wrong, found.largest) == (0, ())
