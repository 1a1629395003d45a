"""A checkpoint is copied into a network key for key, or refused with every difference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import failure, network, weights
from zoo_runner.errors import ChangedError
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.store.fingerprints import file_digest

torch = pytest.importorskip("torch")


def test_what_is_loaded_is_what_was_hashed(tmp_path: Path) -> None:
    path, module = tmp_path / "c.pth", network()
    torch.save(weights(), path)
    digest = file_digest(path)
    load_checkpoint(module, path, digest)
    torch.save({key: tensor + 1 for key, tensor in weights().items()}, path)
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    with pytest.raises(ChangedError, match=rf"^{path}: changed .*\n  expected sha256 {digest}.*\n  found    sha256 "):
        load_checkpoint(module, path, digest)
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())


@pytest.mark.parametrize(
    ("content", "options"),
    [
        pytest.param(lambda w: w, {}, id="state_dict"),
        pytest.param(lambda w: w, {"_use_new_zipfile_serialization": False}, id="older-format"),
        pytest.param(lambda w: w, {"pickle_protocol": 3}, id="other-pickle-protocol"),
        pytest.param(lambda w: {"state_dict": w, "epoch": 3}, {}, id="wrapped"),
        pytest.param(lambda w: {f"module.{k}": v for k, v in w.items()}, {}, id="data-parallel"),
        pytest.param(
            lambda w: {"state_dict": {f"module.{k}": v for k, v in w.items()}}, {}, id="wrapped-data-parallel"
        ),
        pytest.param(lambda w: {k: v.half() if v.is_floating_point() else v for k, v in w.items()}, {}, id="float16"),
        pytest.param(lambda w: {k: v.double() if v.is_floating_point() else v for k, v in w.items()}, {}, id="float64"),
        pytest.param(
            lambda w: {k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in w.items()},
            {},
            id="parameters",
        ),
    ],
)
def test_loads(content: Callable[[dict[str, Any]], Any], options: dict[str, Any], tmp_path: Path) -> None:
    torch.save(content(weights()), tmp_path / "c.pth", **options)
    module = network()
    load_checkpoint(module, tmp_path / "c.pth")
    for key, tensor in module.state_dict().items():
        assert tensor.dtype == network().state_dict()[key].dtype
        assert torch.equal(tensor, weights()[key])


def test_tensors_without_values_are_a_difference(tmp_path: Path) -> None:
    torch.save({key: tensor.to("meta") for key, tensor in weights().items()}, tmp_path / "c.pth")
    assert "0.bias: expected float32[4], found float32[4] without values (meta)" in failure(tmp_path / "c.pth")


def test_a_prefix_of_the_network_itself_stays(tmp_path: Path) -> None:
    module = torch.nn.Module()
    module.module = torch.nn.Linear(2, 2)
    torch.save(module.state_dict(), tmp_path / "c.pth")
    load_checkpoint(module, tmp_path / "c.pth")


def test_every_difference_is_listed(tmp_path: Path) -> None:
    found = weights()
    del found["0.bias"], found["1.weight"]
    found |= {"extra": torch.ones(2), "0.weight": torch.ones(4, 3, 3, 3), "1.num_batches_tracked": torch.ones(())}
    torch.save(found, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "which has 7 tensors; the file has 6" in text
    assert "2 missing: 0.bias float32[4], 1.weight float32[4]\n" in text
    assert "1 unexpected: extra float32[2]\n" in text
    assert "0.weight: expected float32[4, 3, 1, 1], found float32[4, 3, 3, 3]" in text
    assert "1.num_batches_tracked: expected int64[], found float32[]" in text
    assert "2 different" in text
    assert "correct plugin.config" in text


def test_a_refused_checkpoint_changes_nothing(tmp_path: Path) -> None:
    module = network()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    torch.save(weights() | {"extra": torch.ones(2)}, tmp_path / "c.pth")
    failure(tmp_path / "c.pth", module)
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())


def test_long_lists_are_cut(tmp_path: Path) -> None:
    torch.save(weights() | {f"x{i:02}": torch.ones(1) for i in range(25)}, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "25 unexpected: x00 float32[1]" in text
    assert "x09 float32[1], and 15 more" in text
    assert "x10" not in text
    torch.save({name: tensor.unsqueeze(0) for name, tensor in weights().items()}, tmp_path / "c.pth")
    assert failure(tmp_path / "c.pth").count("expected") == 3


def test_an_unusual_layout_is_a_difference(tmp_path: Path) -> None:
    found = weights()
    found["0.bias"] = found["0.bias"].to_sparse()
    torch.save(found, tmp_path / "c.pth")
    assert "0.bias: expected float32[4], found float32[4] sparse_coo" in failure(tmp_path / "c.pth")


@pytest.mark.parametrize(
    ("dtype", "value", "listed"),
    [
        pytest.param(torch.float32, float("nan"), "0.weight (1 of 12)", id="nan"),
        pytest.param(torch.float32, float("-inf"), "0.weight (1 of 12)", id="infinite"),
        pytest.param(torch.float64, 1e300, "0.weight (1 of 12)", id="too-large-for-float32"),
    ],
)
def test_values_must_be_finite(dtype: Any, value: float, listed: str, tmp_path: Path) -> None:
    found = weights()
    found["0.weight"] = found["0.weight"].to(dtype)
    found["0.weight"][1, 2] = value
    torch.save(found, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "not finite" in text
    assert listed in text
