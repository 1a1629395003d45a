"""The checkpoint that a manifest is drafted from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.draft import checkpoint
from zoo_runner.draft.checkpoint import identified, require_fit, tensors_of
from zoo_runner.errors import ChangedError, ExportError, PrerequisiteError, UsageError
from zoo_runner.plugin.interfaces import TensorSpec

torch = pytest.importorskip("torch")


@dataclass(frozen=True)
class Linear:
    """A network."""

    size: int = 2
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    identity: str = ""

    def build(self) -> Any:
        return torch.nn.Linear(self.size, 1)

    def advice(self, shapes: dict[str, tuple[int, ...]]) -> str:
        return f"set size: {shapes['weight'][1]}"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    state = {f"module.{name}": tensor for name, tensor in torch.nn.Linear(2, 1).state_dict().items()}
    torch.save({"epoch": 3, "model": state}, tmp_path / "w.pth")
    return tmp_path / "w.pth"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_identified(weights: Path) -> None:
    assert identified(weights) == (digest(weights), weights.stat().st_size)


def test_the_tensors_also_without_prefixes(weights: Path) -> None:
    shapes = {"weight": (1, 2), "bias": (1,)}
    assert list(tensors_of(weights, digest(weights))) == [
        {f"module.{name}": each for name, each in shapes.items()},
        shapes,
    ]


@pytest.mark.parametrize(("name", "found"), [("gone.pth", "none: No such file or directory"), ("", "a folder")])
def test_no_file(tmp_path: Path, name: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        identified(tmp_path / name)
    assert str(caught.value) == f"--weights {tmp_path / name}: expected the file of a checkpoint, found {found}"


def test_without_torch(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> ModuleSpec | None:
        assert name == "torch"
        return None

    monkeypatch.setattr(checkpoint, "find_spec", find)
    with pytest.raises(
        PrerequisiteError, match=r"needs the package torch, which is not installed: pip install '.*export"
    ):
        identified(weights)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": Path("a.path")}, tmp_path / "w.pth")
    with pytest.raises(ExportError, match="refers to Python code"):
        tensors_of(tmp_path / "w.pth", digest(tmp_path / "w.pth"))


def test_it_is_the_file_that_was_hashed(weights: Path) -> None:
    sha256 = digest(weights)
    weights.write_bytes(weights.read_bytes() + b"\0")
    with pytest.raises(ChangedError):
        tensors_of(weights, sha256)
    with pytest.raises(ChangedError):
        require_fit(Linear(), weights, sha256)


def test_fit(weights: Path) -> None:
    require_fit(Linear(), weights, digest(weights))
    with pytest.raises(ExportError, match=r"set size: 2$"):
        require_fit(Linear(3), weights, digest(weights))
