"""Predictions -> their score, most of it while other predictions are still being made."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from zoo_runner.errors import HookError, PluginError, ZooError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.scoring import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Metric, Scored


class Accumulation:
    """One scoring of a run's samples; it works on a thread of its own.

    Chunks may come in any order. Those that come early are held back, which costs no memory: the pipeline keeps every
    prediction until the run ends.
    """

    def __init__(self, metric: Metric, samples: Sequence[Sample]) -> None:
        self._metric = metric
        self._samples = samples
        self._scoring = metric.scoring()
        self._missing = len(samples)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="metric")
        self._early: dict[int, tuple[Sequence[Sample], Sequence[Arrays]]] = {}
        self._next = 0
        self._error: BaseException | None = None
        self._scored: Future[Scored] | None = None

    def close(self) -> None:
        """End the thread; what it has not begun is dropped."""
        self._pool.shutdown(cancel_futures=True)

    def add(self, place: int, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Take in a chunk of the samples, and return at once.

        Args:
            place: The chunk's rank among all.
            samples: Consecutive ones; of all chunks, they are those that the accumulation is for.
            predictions: One for each.
        """
        self._early[place] = samples, predictions
        while self._next in self._early:
            chunk = self._early.pop(self._next)
            self._pool.submit(self._update, *chunk)
            self._missing -= len(chunk[0])
            self._next += 1
        if not self._missing and self._scored is None:
            self._scored = self._pool.submit(self._compute)

    def score(self, predictions: Sequence[Arrays]) -> Scored:
        """Return what the predictions of all samples score.

        Raises:
            HookError: The metric raised an exception of its own.
            PluginError: It refused a chunk, and accepts all of them at once.
            ZooError: The metric cannot score them.
        """
        refusal: ZooError | None = None
        if self._scored is not None:
            try:
                return self._scored.result()
            except HookError:
                raise
            except ZooError as error:
                refusal = error  # of one chunk only: what is wrong with all of them is said below
        with calling("zoo_metric"):
            scored = score(self._metric, self._samples, predictions)
        if refusal is not None:
            text = "the metric refused some of the predictions, and accepts all of them at once; correct the plugin"
            raise PluginError(f"{text}: {refusal}") from refusal
        return scored

    def _update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Take in the next chunk, unless one before could not be."""
        if self._error is None:
            try:
                with calling("zoo_metric"):
                    self._scoring.update(samples, predictions)
            except BaseException as error:  # noqa: BLE001 - raised where the score is asked for
                self._error = error

    def _compute(self) -> Scored:
        if self._error is not None:
            raise self._error
        scoring = self._scoring
        del self._scoring  # what it keeps of each chunk is in the score once more
        with calling("zoo_metric"):
            return scoring.compute()
