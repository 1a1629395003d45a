from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo_runner.errors import PluginError, ResultError
from zoo_runner.interfaces import Arrays, Metric, MetricValue, Sample
from zoo_runner.speed import AccumulatingMetric
from zoo_runner.stages.accumulation import Accumulation

SAMPLES = [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, 8)]
PREDICTIONS: list[Arrays] = [{"x": np.array([sample.index])} for sample in SAMPLES]
PARTS = [slice(0, 3), slice(3, 4), slice(4, 7)]


def value(text: str) -> tuple[MetricValue, ...]:
    return (MetricValue(name=text, protocol="", value=0.0, unit=""),)


class Plain:
    """Its value's name tells what it was asked for."""

    measures = ()

    def evaluate(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        assert len(samples) == len(predictions)
        return value(f"whole {len(samples)}")


class Joining(Plain):
    """Tallies list the samples; can be told to fail at one of them."""

    def __init__(self, fails_at: int = 0, error: Exception | None = None) -> None:
        self.fails_at = fails_at
        self.error = error
        self.threads: set[str] = set()

    def tally(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> list[int]:
        self.threads.add(threading.current_thread().name)
        found = [int(each["x"][0]) for each in predictions]
        assert found == [each.index for each in samples]
        if self.error is not None and self.fails_at in found:
            raise self.error
        return found

    def total(self, tallies: Sequence[Any]) -> tuple[MetricValue, ...]:
        if self.error is not None and not self.fails_at:
            raise self.error
        return value(f"joined {[each for tally in tallies for each in tally]}")


def evaluated(metric: Metric, order: Sequence[int], parts: Sequence[slice] = PARTS) -> str:
    with closing(Accumulation(metric, SAMPLES)) as accumulation:
        for place in order:
            accumulation.add(place, SAMPLES[parts[place]], PREDICTIONS[parts[place]])
        (only,) = accumulation.evaluate(PREDICTIONS)
    return only.name


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_parts_may_come_in_any_order(order: Sequence[int]) -> None:
    assert evaluated(Joining(), order) == "joined [1, 2, 3, 4, 5, 6, 7]"


def test_parts_are_taken_in_on_a_thread_of_its_own() -> None:
    metric, before = Joining(), threading.active_count()
    evaluated(metric, (0, 1, 2))
    assert metric.threads == {"metric_0"}
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("metric", "order", "parts"),
    [
        pytest.param(Plain(), (0, 1, 2), PARTS, id="the metric cannot"),
        pytest.param(Joining(), (), PARTS, id="no part came"),
        pytest.param(Joining(), (0, 2), PARTS, id="a part did not come"),
        pytest.param(Joining(4, ResultError("of one part")), (0, 1, 2), PARTS, id="a part that cannot be scored"),
        pytest.param(Joining(0, PluginError("of all")), (0, 1, 2), PARTS, id="all parts that cannot be scored"),
    ],
)
def test_otherwise_all_is_scored_at_once(metric: Metric, order: Sequence[int], parts: Sequence[slice]) -> None:
    assert evaluated(metric, order, parts) == "whole 7"


@pytest.mark.parametrize("fails_at", [0, 1, 7], ids=["in the end", "first part", "last part"])
def test_a_bug_is_not_swallowed(fails_at: int) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        evaluated(Joining(fails_at, ZeroDivisionError("a bug")), (0, 1, 2))


def test_no_samples() -> None:
    with closing(Accumulation(Joining(), [])) as accumulation:
        assert accumulation.evaluate([]) == value("whole 0")


def test_what_has_not_begun_is_dropped_when_it_is_closed() -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    class Slow(Joining):
        def tally(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> list[int]:
            begun.set()
            assert may_go_on.wait(timeout=60)
            calls.append(len(samples))
            return []

    calls: list[int] = []
    accumulation = Accumulation(Slow(), SAMPLES)
    for place, part in enumerate(PARTS):
        accumulation.add(place, SAMPLES[part], PREDICTIONS[part])
    assert begun.wait(timeout=60)
    closer = threading.Thread(target=accumulation.close)
    closer.start()
    with pytest.raises(CancelledError):
        accumulation.evaluate(PREDICTIONS)
    may_go_on.set()
    closer.join(timeout=60)
    assert (closer.is_alive(), calls) == (False, [3])


def test_the_protocol_is_told_apart() -> None:
    assert isinstance(Joining(), AccumulatingMetric)
    assert not isinstance(Plain(), AccumulatingMetric)
