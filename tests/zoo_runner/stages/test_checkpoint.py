from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.errors import ExportError
from zoo_runner.stages.checkpoint import load_checkpoint

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
    assert "correct plugin.config (classes, width)" in text


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
    assert "x19 float32[1], and 5 more" in text
    assert "x20" not in text


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


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param([1, 2], "holds a list, expected a state_dict", id="list"),
        pytest.param(torch.ones(2), "holds a Tensor, expected a state_dict", id="tensor"),
        pytest.param(
            {"model": {"a": torch.ones(1)}, "epoch": 3},
            "neither a state_dict (names and tensors only) nor {'state_dict': …}: it holds 'model' (dict), "
            "'epoch' (int)",
            id="other-wrapping",
        ),
        pytest.param({1: torch.ones(1)}, "it holds 1 (Tensor)", id="numbered"),
        pytest.param({}, "the file has 0:\n  7 missing", id="empty-dictionary"),
    ],
)
def test_not_a_state_dict(content: Any, text: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "c.pth")
    assert text in failure(tmp_path / "c.pth")


def saved(path: Path, **options: Any) -> bytes:
    torch.save(weights(), path, **options)
    return path.read_bytes()


def scripted(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's deprecation of the format under test
        torch.jit.save(torch.jit.script(network()), path)


def other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no tensors")


@pytest.mark.parametrize(
    ("write", "text"),
    [
        pytest.param(lambda _: None, "cannot be read: No such file", id="absent"),
        pytest.param(Path.mkdir, "cannot be read: Is a directory", id="folder"),
        pytest.param(Path.touch, "is empty; fetch it again", id="empty"),
        pytest.param(lambda p: p.write_bytes(saved(p)[:900]), "is damaged or incomplete (", id="truncated"),
        pytest.param(
            lambda p: p.write_bytes(saved(p, _use_new_zipfile_serialization=False)[:-8]),
            "is not a torch checkpoint, or a damaged one (",
            id="truncated-older-format",
        ),
        pytest.param(lambda p: p.write_bytes(b"<html>404</html>"), "it begins with b'<html>404</html>'", id="web-page"),
        pytest.param(
            lambda p: saved(p, pickle_protocol=4),
            "was pickled in a form that torch does not load safely; save it again",
            id="newer-pickle-protocol",
        ),
        pytest.param(other_zip, "is damaged or incomplete (", id="another-zip"),
        pytest.param(scripted, "is a TorchScript archive, expected a state_dict", id="torchscript"),
        pytest.param(lambda p: p.write_bytes(pickle.dumps([1])), "is not a torch checkpoint", id="plain-pickle"),
        pytest.param(
            lambda p: torch.save(network(), p),
            "refers to Python code (torch.nn.modules.container.Sequential) that would run on loading",
            id="whole-module",
        ),
    ],
)
def test_unreadable(write: Callable[[Path], object], text: str, tmp_path: Path) -> None:
    write(tmp_path / "c.pth")
    assert text in failure(tmp_path / "c.pth")


class Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.target,))


def test_code_in_a_checkpoint_is_named_and_not_run(tmp_path: Path) -> None:
    torch.save({"a": Malicious(tmp_path / "ran")}, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "refers to Python code (" in text
    assert "save it again as torch.save(model.state_dict(), path)" in text
    assert not (tmp_path / "ran").exists()
