"""Several networks that form one result: the plugin runs them in a loop of its own, on any backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays


class Model(Protocol):
    """One of the loaded networks."""

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch.

        Args:
            inputs: By name, with the dtypes and shapes of the model's ``inputs`` in the manifest; ``infer.batch``
                samples, and any size that the manifest allows of an open axis.

        Returns:
            The outputs by name, with the dtypes and shapes of the model's ``outputs``.

        Raises:
            PluginError: The inputs are other ones.
            InferenceError: The device failed.
        """


class Driver(Protocol):
    """Inputs of a batch -> outputs of a batch, through several networks. Called by one thread at a time."""

    @property
    def identity(self) -> str:
        """Everything in the configuration that shapes the outputs, as text."""

    def __call__(self, models: Mapping[str, Model], inputs: Arrays) -> Arrays:
        """Return what the manifest's ``outputs`` say, by name, with the batch axis first.

        Args:
            models: By their names in the manifest.
            inputs: What the manifest's ``inputs`` say, of a full batch: a short last one is filled up, and what comes
                of the filling is dropped. While timing they are those of the first samples.
        """
