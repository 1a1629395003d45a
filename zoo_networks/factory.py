"""A torch network that a function makes, as a manifest names it: ``network: {factory: "module:function", ...}``.

A manifest is data, and must not be able to call whatever is installed. So the function is one of the manifest's own
``code``, which runs only if the user trusts it, of ``torchvision.models``, or of this package; all others are refused
before anything is imported.
"""

from __future__ import annotations

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field, field_validator

from zoo_runner.errors import ExportError, ManifestError, PrerequisiteError, did_you_mean
from zoo_runner.plugin.foreign import code_folder

if TYPE_CHECKING:
    from types import ModuleType

    import torch

    from zoo_runner.plugin.interfaces import TensorSpec

OWN: Final = "zoo_networks.mobilenet"
VISION: Final = "torchvision.models"
WHERE: Final = "plugin.config.network"
PATTERN: Final = r"^[A-Za-z]\w*(\.[A-Za-z]\w*)*:[A-Za-z]\w*(\.[A-Za-z]\w*)?$"
FETCHING: Final = ("weights", "pretrained")
"""Begin the names of arguments with which torchvision would download weights by itself."""


class NetworkFactory(BaseModel):
    """The function that makes the torch network of a checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    factory: str = Field(
        description="module:function, or module:Class.function, of the manifest's code, of torchvision.models, or of "
        "zoo_networks.mobilenet"
    )
    arguments: Mapping[str, Any] = Field(default_factory=dict, description="of the function, by name")

    @field_validator("factory")
    @classmethod
    def _is_named(cls, value: str) -> str:
        import re  # noqa: PLC0415 - pydantic's own patterns cannot say what is expected in words

        if not re.fullmatch(PATTERN, value):
            raise ValueError(
                f"expected module:function, such as torchvision.models:mobilenet_v2, found {value!r}; names that begin "
                "with _ are private"
            )
        return value

    @property
    def module(self) -> str:
        """Its module."""
        return self.factory.partition(":")[0]

    @property
    def function(self) -> str:
        """Its name there."""
        return self.factory.partition(":")[2]


@dataclass(frozen=True)
class FactoryNetwork:
    """A network that a manifest names, or the place of one in a manifest whose model is given as ONNX.

    Attributes:
        made_by: The function; ``None`` where the manifest names none.
        inputs: What the network takes, as the manifest says.
        outputs: What it returns.
    """

    made_by: NetworkFactory | None
    inputs: tuple[TensorSpec, ...] = field(default=())
    outputs: tuple[TensorSpec, ...] = field(default=())

    @property
    def identity(self) -> str:
        """The function with its arguments."""
        return "none" if self.made_by is None else json.dumps(self.made_by.model_dump(mode="json"), sort_keys=True)

    @property
    def modules(self) -> tuple[str, ...]:
        """Where this package has the network's code; the code of others is known by its archive or its version."""
        return (OWN,) if self.made_by is not None and self.made_by.module == OWN else (__name__,)

    def build(self) -> torch.nn.Module:
        """Make the network, in evaluation mode.

        Raises:
            ManifestError: The manifest names no function, or one that it may not name, or not its arguments.
            ExportError: What it names is not there, or makes something else.
            PrerequisiteError: torchvision is not installed.
        """
        if self.made_by is None:
            raise ManifestError(
                f"{WHERE}: expected the function that makes the network of a torch checkpoint, found none; write "
                "network: {factory: 'module:function'}, or give the model as ONNX"
            )
        made = _called(_function(self.made_by), self.made_by)
        from torch import nn  # noqa: PLC0415 - takes long to load

        if not isinstance(made, nn.Module):
            raise ExportError(f"{WHERE}: expected a torch.nn.Module of {self.made_by.factory}, found {type(made)}")
        return made.eval()


def _function(made_by: NetworkFactory) -> Callable[..., Any]:
    module = _module(made_by)
    found: Any = module
    *classes, last = made_by.function.split(".")
    for part in classes:  # a module that it imports, such as os, is nothing of its own
        found = getattr(found, part, None)
        found = found if isinstance(found, type) else None
    found = getattr(found, last, None)
    if not callable(found):
        public = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        raise ExportError(
            f"{WHERE}.factory: expected a function {made_by.function!r} in {made_by.module}, found none"
            f"{did_you_mean(made_by.function, public)}"
        )
    home = str(getattr(found, "__module__", ""))
    top = made_by.module.partition(".")[0] if _of_code(made_by.module) else OWN if made_by.module == OWN else VISION
    if home != top and not home.startswith(f"{top}."):
        raise ManifestError(f"{WHERE}.factory: expected a function of {top}, found {made_by.function} of {home}")
    function: Callable[..., Any] = found
    return function


def _module(made_by: NetworkFactory) -> ModuleType:
    """Import the module of the function, if a manifest may name it."""
    name = made_by.module
    if _of_code(name):
        return _imported(name)
    if name == OWN:
        from zoo_networks import mobilenet  # noqa: PLC0415 - loads torch

        return mobilenet
    if name == VISION or name.startswith(f"{VISION}."):
        fetching = [each for each, value in made_by.arguments.items() if each.startswith(FETCHING) and value]
        if fetching:
            raise ManifestError(
                f"{WHERE}.arguments.{fetching[0]}: expected no argument that downloads weights, found one; "
                "weights are those of the manifest's section weights: remove it"
            )
        try:
            import torchvision  # type: ignore[import-not-found,unused-ignore] # noqa: F401, PLC0415 - of no extra; named here, so that its version counts
        except (ImportError, RuntimeError, OSError) as error:  # RuntimeError: operators that are of another build
            raise PrerequisiteError(
                f"{made_by.factory} needs torchvision, and it cannot be imported ({error}); install the release and "
                "the build (CPU or CUDA) that belong to the installed torch, from the same index"
            ) from error
        return _imported(name)
    raise ManifestError(
        f"{WHERE}.factory: expected a function of the manifest's code, of {VISION} or of {OWN}, found "
        f"{made_by.factory}; a manifest may not name other modules: bring the code along with the key code"
    )


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ExportError(f"{WHERE}.factory: expected a module {name}, found none ({error})") from error


def _of_code(module: str) -> bool:
    """Say whether the manifest's own code has the module, by its top-level name; that code is imported first."""
    folder, top = code_folder(), module.partition(".")[0]
    return folder is not None and _has(folder, top)


def _has(folder: Path, top: str) -> bool:
    return (folder / f"{top}.py").is_file() or any((folder / top).glob("**/*.py"))


def _called(function: Callable[..., Any], made_by: NetworkFactory) -> object:
    arguments = dict(made_by.arguments)
    try:
        signature = inspect.signature(function)
    except ValueError:  # a function that does not say what it takes
        if function.__module__.startswith(VISION):
            raise _hides_weights(made_by) from None
        return function(**arguments)
    of_vision = function.__module__.startswith(VISION)
    any_name = any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    if of_vision and any_name and not any(name.startswith(FETCHING[0]) for name in signature.parameters):
        raise _hides_weights(made_by)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        taken = ", ".join(signature.parameters)
        raise ManifestError(f"{WHERE}.arguments: {made_by.factory} takes {taken}; {error}") from None
    if of_vision:
        # A detector downloads weights of its backbone unless it is told not to.
        arguments |= {name: None for name in signature.parameters if name.startswith(FETCHING)}
    return function(**arguments)


def _hides_weights(made_by: NetworkFactory) -> ManifestError:
    """Return the error of a function that hands on arguments without naming them, and so may fetch weights."""
    named = made_by.arguments.get("name")
    own = f"{VISION}:{named}" if isinstance(named, str) and named.isidentifier() else f"{VISION}:mobilenet_v2"
    return ManifestError(
        f"{WHERE}.factory: expected a function that names its argument weights, so that it downloads none, found "
        f"{made_by.factory}, which hands on whatever it is given; write the model's own function, such as {own}"
    )
