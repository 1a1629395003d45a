from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import ScoredValues, WholeSet, score

SAMPLES = [Sample(index=index, id=str(index), path=Path()) for index in (1, 2, 3)]
PREDICTIONS: list[Arrays] = [{"x": np.array([sample.index])} for sample in SAMPLES]


class Listing:
    """Its value's name lists what it was given."""

    measures = ()

    def scoring(self) -> WholeSet:
        return WholeSet(self.score)

    def score(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> ScoredValues:
        given = [(sample.id, int(each["x"][0])) for sample, each in zip(samples, predictions, strict=True)]
        return ScoredValues((MetricValue(name=str(given), protocol="", value=0.0, unit=""),))


@pytest.mark.parametrize("ends", [[3], [1, 3], [0, 2, 2, 3]], ids=["one", "two", "empty ones"])
def test_a_whole_set_is_what_came_in_chunks(ends: Sequence[int]) -> None:
    scoring, start = Listing().scoring(), 0
    for end in ends:
        scoring.update(SAMPLES[start:end], PREDICTIONS[start:end])
        start = end
    assert [each.name for each in scoring.compute().values] == ["[('1', 1), ('2', 2), ('3', 3)]"]


def test_scorings_know_nothing_of_each_other() -> None:
    metric = Listing()
    found = [score(metric, SAMPLES[:count], PREDICTIONS[:count]).values[0].name for count in (2, 0)]
    assert found == ["[('1', 1), ('2', 2)]", "[]"]
