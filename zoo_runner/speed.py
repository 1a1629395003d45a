"""What parts of a plugin can have to be faster.

All of it is optional, and none of it may change a result. Plugins may import this module as they may
:mod:`zoo_runner.interfaces`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo_runner.interfaces import Metric

if TYPE_CHECKING:
    from zoo_runner.interfaces import Arrays, MetricValue, Sample


@runtime_checkable
class Warmable(Protocol):
    """A preprocessing or postprocessing that can make itself faster before it is called many times."""

    def warm(self, samples: int) -> None:
        """Begin, in the background, what pays for that many samples, such as loading compiled code.

        Called once, while the model is being opened. Results must not depend on it.
        """


@runtime_checkable
class AccumulatingMetric(Metric, Protocol):
    """A metric that takes predictions in while others are being made, so that little is left to do after the last.

    For any division of the samples into consecutive parts, ``total([tally(part) for each part])`` is what
    ``evaluate`` returns for all of them, to the last bit.
    """

    def tally(self, samples: Sequence[Sample], predictions: Sequence[Arrays]) -> Any:
        """Do what needs no other samples, and keep what the rest needs.

        Called on a thread beside the pipeline, for parts in any order.

        Args:
            samples: Some consecutive samples.
            predictions: One for each; they must not be changed.

        Raises:
            ZooError: The predictions cannot be scored. ``evaluate`` is then called with all of them, and says so.
        """

    def total(self, tallies: Sequence[Any]) -> tuple[MetricValue, ...]:
        """Do the rest.

        Args:
            tallies: Of all parts, in the order of their samples.

        Returns:
            What ``evaluate`` does.
        """
