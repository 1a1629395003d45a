"""What a plugin offers whose samples take several inferences each: crops, windows of a long recording, flipped copies.

All of it is optional. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`. Preprocessing and
postprocessing go together: the one says how many parts a sample has and makes them, the other joins what comes of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Postprocess, Preprocess

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample


@runtime_checkable
class FanOutPreprocess(Preprocess, Protocol):
    """A preprocessing that makes several inputs of a sample; ``__call__`` is not used then."""

    def parts(self, sample: Sample) -> int:
        """Return how many inferences the sample takes: 1 to 99,999.

        Called several times for a sample, from several threads at once, and also where only results are scored.

        Raises:
            DatasetError: The sample's file is missing or cannot be read.
        """

    def make_part(self, sample: Sample, number: int) -> Arrays:
        """Return the inputs of one part by name, without batch axis, C-contiguous.

        Args:
            sample: The sample.
            number: Of the part, counted from 0. Parts of one sample are made on several threads at once.
        """


class Joiner(Protocol):
    """One sample's prediction in the making; used by one thread at a time."""

    def add(self, outputs: Arrays) -> None:
        """Take in the outputs of the next part by name, without batch axis; parts come in their order.

        The arrays are parts of larger ones: what is to be kept of them is copied.
        """

    def finish(self) -> Arrays:
        """Return the sample's prediction as named arrays; called once, after the last part."""


@runtime_checkable
class JoiningPostprocess(Postprocess, Protocol):
    """A postprocessing that joins the parts of a sample as they come; ``__call__`` is not used then."""

    def start(self, sample: Sample, parts: int) -> Joiner:
        """Begin with a sample of so many parts."""
