"""What a plugin offers whose samples decide sizes: open axes, as :mod:`zoo_runner.plugin.shapes` has them.

All of it is optional. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Postprocess, Preprocess

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.shapes import Fit, Sizes


@runtime_checkable
class SizedPreprocess(Preprocess, Protocol):
    """A preprocessing whose inputs have open axes."""

    def sizes(self, sample: Sample) -> Sizes:
        """Return the size of each open axis of the sample's inputs, without padding.

        Called several times for a sample, from several threads at once. What ``__call__`` returns must have these
        sizes.

        Raises:
            DatasetError: The sample's file is missing or cannot be read.
        """


@runtime_checkable
class FittedPostprocess(Postprocess, Protocol):
    """A postprocessing that needs the true size of a sample, and where it lies in a padded input."""

    def fitted(self, outputs: Arrays, sample: Sample, fit: Fit) -> Arrays:
        """Return the sample's prediction; called instead of ``__call__`` where the model has open axes.

        Args:
            outputs: By name, without batch axis, with the sizes that the model returned for the padded inputs.
            sample: The sample.
            fit: How its inputs were padded.
        """
