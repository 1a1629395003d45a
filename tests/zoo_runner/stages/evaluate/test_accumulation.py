from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from zoo_runner.errors import HookError, PluginError, ResultError
from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample
from zoo_runner.plugin.scoring import ScoredValues, Scoring
from zoo_runner.stages.evaluate.accumulation import Accumulation

SAMPLES = [Sample(index=index, id=f"s{index}", path=Path()) for index in range(1, 8)]
PREDICTIONS: list[Arrays] = [{"x": np.array([sample.index])} for sample in SAMPLES]
PARTS = [slice(0, 3), slice(3, 4), slice(4, 7)]


def named(text: str) -> ScoredValues:
    return ScoredValues((MetricValue(name=text, protocol="", value=0.0, unit=""),))


class Listing:
    """A metric whose value's name tells what it took in; can be told to fail at a sample, or in the end.

    The error of a chunk is not that of all samples at once, which is none unless it is a fault of all of them.
    """

    measures = ()

    def __init__(self, fails_at: int = 0, error: Exception | None = None) -> None:
        self.fails_at = fails_at
        self.error = error
        self.threads: set[str] = set()

    def scoring(self) -> Scoring:
        return Taking(self)


class Taking:
    def __init__(self, metric: Listing) -> None:
        self.metric = metric
        self.taken: list[list[int]] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        self.metric.threads.add(threading.current_thread().name)
        found = [int(each["x"][0]) for each in predictions]
        assert found == [each.index for each in samples]
        self.taken.append(found)
        if self.metric.error is not None and self.metric.fails_at in found and len(found) < len(SAMPLES):
            raise self.metric.error

    def compute(self) -> ScoredValues:
        if self.metric.error is not None and not self.metric.fails_at and self.taken != [[*range(1, 8)]]:
            raise self.metric.error
        return named(str(self.taken))


IN_CHUNKS, WHOLE = "[[1, 2, 3], [4], [5, 6, 7]]", "[[1, 2, 3, 4, 5, 6, 7]]"


def scored(metric: Listing, order: Sequence[int], parts: Sequence[slice] = PARTS) -> str:
    with closing(Accumulation(metric, SAMPLES)) as accumulation:
        for place in order:
            accumulation.add(place, SAMPLES[parts[place]], PREDICTIONS[parts[place]])
        (only,) = accumulation.score(PREDICTIONS).values
    return only.name


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_chunks_may_come_in_any_order(order: Sequence[int]) -> None:
    assert scored(Listing(), order) == IN_CHUNKS


def test_chunks_are_taken_in_on_a_thread_of_its_own() -> None:
    metric, before = Listing(), threading.active_count()
    scored(metric, (0, 1, 2))
    assert metric.threads == {"metric_0"}
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("metric", "order", "parts"),
    [
        pytest.param(Listing(), (), PARTS, id="no chunk came"),
        pytest.param(Listing(), (0, 2), PARTS, id="a chunk did not come"),
    ],
)
def test_otherwise_all_is_scored_at_once(metric: Listing, order: Sequence[int], parts: Sequence[slice]) -> None:
    assert scored(metric, order, parts) == WHOLE


@pytest.mark.parametrize(
    "metric",
    [
        pytest.param(Listing(4, ResultError("why")), id="a chunk that cannot be scored"),
        pytest.param(Listing(0, PluginError("why")), id="all chunks that cannot be scored"),
    ],
)
def test_a_refusal_of_chunks_is_not_lost_where_all_can_be_scored(metric: Listing) -> None:
    with pytest.raises(PluginError, match=r"refused some of the predictions, and accepts all of them at once.*: why"):
        scored(metric, (0, 1, 2))


@pytest.mark.parametrize("fails_at", [0, 1, 7], ids=["in the end", "first chunk", "last chunk"])
def test_a_bug_is_not_swallowed(fails_at: int) -> None:
    with pytest.raises(HookError, match="zoo_metric failed: ZeroDivisionError: a bug"):
        scored(Listing(fails_at, ZeroDivisionError("a bug")), (0, 1, 2))


def test_after_an_error_no_more_is_taken_in() -> None:
    taken: list[int] = []

    class Failing(Taking):
        def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
            taken.append(len(samples))
            super().update(samples, predictions)

    class Broken(Listing):
        def scoring(self) -> Scoring:
            return Failing(self)

    with pytest.raises(HookError):
        scored(Broken(1, ZeroDivisionError("a bug")), (0, 1, 2))
    assert taken == [3]


def test_the_error_is_that_of_all_samples() -> None:
    class Refusing(Taking):
        def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
            raise ResultError(f"{len(samples)} cannot be scored")

    class Metric(Listing):
        def scoring(self) -> Scoring:
            return Refusing(self)

    with pytest.raises(ResultError, match=r"^7 cannot be scored$"):
        scored(Metric(), (0, 1, 2))


def test_no_samples() -> None:
    with closing(Accumulation(Listing(), [])) as accumulation:
        assert accumulation.score([]) == named("[[]]")


def test_what_has_not_begun_is_dropped_when_it_is_closed() -> None:
    begun, may_go_on = threading.Event(), threading.Event()
    calls: list[int] = []

    class Slow(Taking):
        def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
            begun.set()
            assert may_go_on.wait(timeout=60)
            calls.append(len(samples))

    class Metric(Listing):
        def scoring(self) -> Scoring:
            return Slow(self)

    accumulation = Accumulation(Metric(), SAMPLES)
    for place, part in enumerate(PARTS):
        accumulation.add(place, SAMPLES[part], PREDICTIONS[part])
    assert begun.wait(timeout=60)
    closer = threading.Thread(target=accumulation.close)
    closer.start()
    with pytest.raises(CancelledError):
        accumulation.score(PREDICTIONS)
    may_go_on.set()
    closer.join(timeout=60)
    assert (closer.is_alive(), calls) == (False, [3])
