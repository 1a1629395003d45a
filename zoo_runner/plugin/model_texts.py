"""What a plugin offers whose postprocessing depends on what the model's ONNX file says of itself.

All of it is optional. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Postprocess

if TYPE_CHECKING:
    from collections.abc import Mapping


@runtime_checkable
class ToldPostprocess(Postprocess, Protocol):
    """A postprocessing that is told the metadata of a model that is given as ONNX, such as its dictionary."""

    def told(self, metadata: Mapping[str, str]) -> Postprocess:
        """Return the postprocessing for the model whose file says this; its identity has what it took of it.

        Called once, before any output is there. It is not called where the run has no such file: of a network that is
        exported, and where result files alone are scored.

        Args:
            metadata: ``metadata_props`` of the ONNX file.

        Raises:
            PluginError: Something is missing there.
        """
