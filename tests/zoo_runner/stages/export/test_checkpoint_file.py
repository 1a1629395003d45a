"""Files that are read as checkpoints, and those that are not: by kind, within bounds, without running their code."""

from __future__ import annotations

import os
import pickle
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checkpoints import failure, network, prefixed, weights, without
from zoo_runner.errors import PrerequisiteError
from zoo_runner.stages.export.checkpoint import load_checkpoint

torch = pytest.importorskip("torch")

CHECKPOINT = "expected a checkpoint (a state_dict saved by torch.save, or safetensors)"


def test_safetensors(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    path, module = tmp_path / "c.safetensors", network()
    safetensors.save_file({key: tensor.contiguous() for key, tensor in prefixed("model.").items()}, path)
    assert load_checkpoint(module, path) == (without("model."),)
    assert torch.equal(module.state_dict()["0.weight"], weights()["0.weight"])
    path.write_bytes(path.read_bytes()[:-4])
    assert "is a damaged safetensors file (" in failure(path)


def test_safetensors_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c").write_bytes((2).to_bytes(8, "little") + b"{}")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(PrerequisiteError, match=r"is a safetensors file, which needs the package safetensors: pip"):
        load_checkpoint(network(), tmp_path / "c")


def inflating(path: Path, size: int) -> None:
    """A checkpoint whose record of zeros is packed."""
    torch.save({"a": torch.zeros(4)}, path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in records.items():
            archive.writestr(name, bytes(size) if name.endswith("data/0") else content)


def test_a_small_file_that_fills_the_memory_is_refused_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inflating(tmp_path / "c.pth", 200_000_000)
    assert (tmp_path / "c.pth").stat().st_size < 1_000_000
    text = failure(tmp_path / "c.pth")
    assert "expected at most 4 bytes unpacked for each of its " in text
    assert ", found 200,00" in text
    monkeypatch.setenv("ZOO_RUNNER_CHECKPOINT_LIMIT", "100MB")
    assert "expected at most 100,000,000 bytes unpacked, found 200,00" in failure(tmp_path / "c.pth")
    monkeypatch.setenv("ZOO_RUNNER_CHECKPOINT_LIMIT", "1kB")
    text = failure(tmp_path / "c.pth")
    assert "cannot be read: expected at most 1,000 bytes, found " in text
    assert "set ZOO_RUNNER_CHECKPOINT_LIMIT to accept more" in text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param([1, 2], "holds a list, expected a state_dict", id="list"),
        pytest.param(torch.ones(2), "holds a Tensor, expected a state_dict", id="tensor"),
        pytest.param(
            {"models": [{"a": torch.ones(1)}], "epoch": 3},
            "is no state_dict (names and tensors only), and has none under a key such as 'state_dict': it holds "
            "'models' (list), 'epoch' (int); save it again",
            id="other-wrapping",
        ),
        pytest.param(
            {"model": {"a": torch.ones(1)}, "ema": {"b": torch.ones(2)}},
            "the file has 1 under 'model':\n  6 missing",
            id="wrapped-of-another-network",
        ),
        pytest.param({1: torch.ones(1)}, "it holds 1 (Tensor)", id="numbered"),
        pytest.param(
            {"optimizer": weights(), "optim": weights(), "scheduler": {"exp_avg": weights()}},
            "it holds 'optimizer' (dict), 'optim' (dict), 'scheduler' (dict)",
            id="only-an-optimiser's",
        ),
        pytest.param({}, "the file has 0:\n  6 missing", id="empty-dictionary"),
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
        pytest.param(Path.mkdir, "cannot be read: expected a regular file, found a folder", id="folder"),
        pytest.param(Path.touch, "is empty; fetch it again", id="empty"),
        pytest.param(lambda p: p.write_bytes(saved(p)[:900]), "is damaged or incomplete (", id="truncated"),
        pytest.param(
            lambda p: p.write_bytes(saved(p, _use_new_zipfile_serialization=False)[:-8]),
            "is not a torch checkpoint, or a damaged one (",
            id="truncated-older-format",
        ),
        pytest.param(lambda p: p.write_bytes(b"hello"), "it begins with b'hello'", id="text"),
        *(
            pytest.param(lambda p, head=head: p.write_bytes(head + b"x" * 600), f"is {text}", id=text)
            for head, text in (
                (b"<html>404</html>", f"a web page; {CHECKPOINT}"),
                (b" \n<!DOCTYPE html>", "a web page"),
                (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
                (b"\x1f\x8b", "a gzip file; unpack it"),
                (
                    b"\x08\x08\x12\x07pytorch",
                    f"an ONNX model; {CHECKPOINT}; one whose name ends in .onnx is run as it is",
                ),
                (b"\x89HDF\r\n", "an HDF5 file"),
                (b"IMOD", "an .om model, which --om takes"),
                (b"a" * 257 + b"ustar", "a tar archive; name the file in it with weights.member"),
            )
        ),
        pytest.param(os.mkfifo, "cannot be read: expected a regular file, found a pipe (fifo)", id="pipe"),
        pytest.param(
            lambda p: p.symlink_to("/dev/zero"),
            "cannot be read: expected a regular file, found a character device",
            id="device",
        ),
        pytest.param(
            lambda p: saved(p, pickle_protocol=4),
            "was pickled in a form that torch does not load safely; if you trust the file, save its tensors alone",
            id="newer-pickle-protocol",
        ),
        pytest.param(
            other_zip,
            "is a zip archive of 1 files (readme.txt) and no checkpoint; name the file in it that is one, as in "
            'weights: {member: "readme.txt"}',
            id="another-zip",
        ),
        pytest.param(scripted, "is a TorchScript archive, expected a state_dict", id="torchscript"),
        pytest.param(lambda p: p.write_bytes(pickle.dumps([1])), "is not a torch checkpoint", id="plain-pickle"),
        pytest.param(
            lambda p: torch.save(network(), p),
            "refers to Python code (torch.nn.modules.container.Sequential, torch.nn.modules.conv.Conv2d, "
            "torch.nn.modules.batchnorm.BatchNorm2d) that would run on loading",
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
