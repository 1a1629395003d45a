"""What a plugin may have beside, so that ``zoo-run new`` writes a manifest from a checkpoint and a data set.

All of it is optional. Plugins may import this module as they may :mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from zoo_runner.errors import UsageError
from zoo_runner.plugin.interfaces import TensorSpec

Shapes: TypeAlias = "Mapping[str, tuple[int, ...]]"
"""Shapes of tensors by name."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a manifest is drafted from.

    Attributes:
        tensors: The sets of tensors in the checkpoint. A set whose names all begin with a prefix that training puts
            there, such as ``module.``, comes once as it is and once without it.
        data: The folder of the data set.
        config: What the user said of ``plugin.config``; it is valid as far as it goes.
        inputs: Of a model that is given as ONNX, what it takes; there are no ``tensors`` then.
        outputs: Of such a model, what it returns. A size may be the name of an open axis.
        metadata: Of such a model, what its file says of itself.
    """

    tensors: Sequence[Shapes]
    data: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a plugin found out.

    Attributes:
        config: Of ``plugin.config``, what is not the default.
        kinds: What each output of the network is, as ``outputs.kind`` has it, by its name, or nothing; in the order in
            which the converted model returns them.
        sections: What other sections of the manifest say, such as ``{"onnx": {"opset": 11}}``.
        tensors: What the manifest says beside of a tensor, by its name, such as ``{"most": {"steps": 40}}``. With
            ``sections`` for ``atc`` it says the sizes of open axes; of a model with such axes a draft must.
        notes: What was found where, and what the user has to check; one short line each.
    """

    config: Mapping[str, Any]
    kinds: Mapping[str, str]
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tensors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class UndecidedError(UsageError):
    """The files do not tell what a key of ``plugin.config`` has to be.

    On a terminal the user is asked for it, and the plugin is called again; else this is an error that names the flag.

    Args:
        key: Such as ``classes``.
        text: What was expected, and what the files have.
        suggestion: What it may be, in the form in which its flag takes it; a user has to confirm it.
    """

    def __init__(self, key: str, text: str, suggestion: str = "") -> None:
        super().__init__(text)
        self.key = key
        self.suggestion = suggestion
