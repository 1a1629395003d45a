"""A small network with its weights, and what a checkpoint of it is refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo_runner.errors import ExportError
from zoo_runner.stages.export.checkpoint import load_checkpoint

torch = pytest.importorskip("torch")


def network() -> Any:
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.BatchNorm2d(4))


def weights() -> dict[str, Any]:
    """A state_dict with other values than a fresh network's."""
    return {
        key: torch.arange(tensor.numel()).reshape(tensor.shape).to(tensor.dtype)
        for key, tensor in network().state_dict().items()
    }


def failure(path: Path, module: Any = None) -> str:
    with pytest.raises(ExportError) as caught:
        load_checkpoint(module or network(), path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def prefixed(prefix: str, tensors: dict[str, Any] | None = None) -> dict[str, Any]:
    return {f"{prefix}{key}": tensor for key, tensor in (tensors or weights()).items()}


def without(prefix: str) -> str:
    return f"the prefix {prefix!r} of all names of the checkpoint was left out"
