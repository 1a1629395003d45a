"""Predictions -> a metric's values, most of it while other predictions are still being made."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from zoo_runner.errors import ZooError
from zoo_runner.speed import AccumulatingMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.interfaces import Arrays, Metric, MetricValue, Sample


class Accumulation:
    """What a metric has taken in so far; it works on a thread of its own.

    Neither the order in which parts come nor how the samples are divided changes a value.
    """

    def __init__(self, metric: Metric, samples: Sequence[Sample]) -> None:
        self._metric = metric
        self._samples = samples
        self._missing = len(samples)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="metric")
        self._tallies: dict[int, Future[Any]] = {}
        self._values: Future[tuple[MetricValue, ...]] | None = None

    def close(self) -> None:
        """End the thread; what it has not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def add(self, place: int, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Take in a part of the samples, and return at once.

        Args:
            place: The part's rank among all.
            samples: Consecutive ones; of all parts, they are those that the accumulation is for.
            predictions: One for each.
        """
        if not isinstance(self._metric, AccumulatingMetric):
            return
        self._tallies[place] = self._pool.submit(self._metric.tally, samples, predictions)
        self._missing -= len(samples)
        if not self._missing:
            self._values = self._pool.submit(self._total, self._metric)

    def evaluate(self, predictions: Sequence[Arrays]) -> tuple[MetricValue, ...]:
        """Return what the metric's ``evaluate`` does, for the predictions of all samples.

        Raises:
            ZooError: As ``evaluate``.
        """
        if self._values is not None:
            try:
                return self._values.result()
            except ZooError:
                pass  # of one part only: what is wrong with all of them is said below
        return self._metric.evaluate(self._samples, predictions)

    def _total(self, metric: AccumulatingMetric) -> tuple[MetricValue, ...]:
        return metric.total([self._tallies[place].result() for place in sorted(self._tallies)])
