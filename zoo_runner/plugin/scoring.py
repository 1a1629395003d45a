"""What a metric is: it scores chunk by chunk; and a short way for one that needs all predictions at once.

Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, MetricValue, Sample


class Scored(Protocol):
    """What a set of predictions scores.

    What else a metric may tell of it is in :mod:`zoo_runner.plugin.evidence`.
    """

    @property
    def values(self) -> tuple[MetricValue, ...]:
        """One for each of the metric's ``measures``, in that order; the first one is the headline."""


class Scoring(Protocol):
    """One scoring of a set of predictions: it takes them in chunk by chunk, and computes the score in the end.

    However the samples are divided into chunks, the score is the same to the last bit.
    """

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Take in the next chunk: do what needs no other samples, and keep what the rest needs.

        Called on a thread beside the pipeline, while other samples are predicted.

        Args:
            samples: Consecutive ones, those after the last chunk's.
            predictions: One for each; they must not be changed, and may be kept.

        Raises:
            ZooError: The predictions cannot be scored. A new scoring then takes all of them in at once, and says so.
        """

    def compute(self) -> Scored:
        """Score everything that was taken in.

        Called once, after the last ``update``.

        Raises:
            ZooError: As ``update``.
        """


class Metric(Protocol):
    """Predictions -> numbers."""

    @property
    def measures(self) -> tuple[tuple[str, str], ...]:
        """Which values it gives, as ``(name, protocol)``, headline first."""

    def scoring(self) -> Scoring:
        """Begin a scoring: return a new one, which has taken nothing in."""


@dataclass(frozen=True)
class ScoredValues:
    """A score that has its values and nothing else.

    Attributes:
        values: One for each of the metric's ``measures``, in that order.
    """

    values: tuple[MetricValue, ...]


class WholeSet:
    """A scoring that keeps what it takes in, and scores all of it with one function.

    Args:
        function: Scores ``predictions[i]`` against ``samples[i]``.
    """

    def __init__(self, function: Callable[[Sequence[Sample], Sequence[Arrays]], Scored]) -> None:
        self._function = function
        self._samples: list[Sample] = []
        self._predictions: list[Arrays] = []

    def update(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> None:
        """Keep the next chunk."""
        self._samples += samples
        self._predictions += predictions

    def compute(self) -> Scored:
        """Return what the function does, for all chunks."""
        return self._function(self._samples, self._predictions)


def score(metric: Metric, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Scored:
    """Score ``predictions[i]`` against ``samples[i]``, all in one chunk.

    Raises:
        ZooError: The predictions cannot be scored.
    """
    scoring = metric.scoring()
    scoring.update(samples, predictions)
    return scoring.compute()
