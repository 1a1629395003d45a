"""A network that is given as an ONNX file: its weights' address ends in ``.onnx``, and nothing is exported."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ExportError
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    import torch

    from zoo_runner.plugin.interfaces import TensorSpec

SUFFIX: Final = ".onnx"
_SCHEME: Final = re.compile("[a-z][a-z0-9+.-]+:", re.IGNORECASE)


@dataclass(frozen=True)
class GivenGraph:
    """Stands for the network of a plugin that has none: all that is known of it is what the manifest says.

    Attributes:
        inputs: What the graph takes.
        outputs: What it returns.
    """

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @property
    def identity(self) -> str:
        """The tensors, in words."""
        return json.dumps(["given as ONNX", declared_texts(self.inputs), declared_texts(self.outputs)])

    def build(self) -> torch.nn.Module:
        """Refuse: there is no network to build.

        Raises:
            ExportError: Always.
        """
        raise ExportError(f"the plugin has no network to export: give an ONNX file, whose name ends in {SUFFIX}")


def names_onnx(address: str) -> bool:
    """Say whether an address or a path is that of an ONNX file, by its name; also of one that is no valid address."""
    path = re.split("[?#]", address, maxsplit=1)[0] if _SCHEME.match(address) else address
    return path.lower().endswith(SUFFIX)
