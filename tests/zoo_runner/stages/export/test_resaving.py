"""Files that would run code are refused with the lines that save them again; the lines do what they say."""

from __future__ import annotations

import argparse
import pickle
import re
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoints import failure, network, weights
from zoo_runner.stages.export.checkpoint import load_checkpoint
from zoo_runner.stages.export.resaving import RESAVE, resaving

torch = pytest.importorskip("torch")

ARGUMENTS = argparse.Namespace(lr=0.1)
LOAD = "content = torch.load({path!r}, map_location='cpu', weights_only=False)"


def trained() -> Any:
    module = network()
    module.load_state_dict(weights())
    return module


def arrays() -> dict[str, Any]:
    return {name: tensor.numpy() for name, tensor in weights().items()}


def as_pickle(content: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=4))


def older(content: Any, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("content", "write", "refers", "line"),
    [
        pytest.param(trained, torch.save, "Sequential", "torch.save(content.state_dict(), 'c.state.pth')", id="module"),
        pytest.param(
            lambda: {"model": trained(), "args": ARGUMENTS, "optimizer": weights()},
            torch.save,
            "Sequential",
            "torch.save(content['model'].state_dict(), 'c.state.pth')",
            id="module-under-a-key",
        ),
        pytest.param(
            lambda: {"state_dict": weights(), "args": ARGUMENTS},
            torch.save,
            "argparse.Namespace",
            "torch.save(content['state_dict'], 'c.state.pth')",
            id="namespace-beside",
        ),
        pytest.param(
            lambda: {"net": OrderedDict(weights()), "best": np.float64(0.5)},
            torch.save,
            "multiarray.scalar",
            "torch.save(content['net'], 'c.state.pth')",
            id="numpy-scalar-beside",
        ),
        pytest.param(
            lambda: {**weights(), "args": ARGUMENTS},
            torch.save,
            "argparse.Namespace",
            "torch.save({name: value for name, value in content.items() if isinstance(value, torch.Tensor)}, "
            "'c.state.pth')",
            id="namespace-among-tensors",
        ),
        pytest.param(
            trained, older, "Sequential", "torch.save(content.state_dict(), 'c.state.pth')", id="older-format"
        ),
        pytest.param(
            lambda: {"model": arrays()},
            as_pickle,
            "multiarray._reconstruct",
            "torch.save({name: torch.as_tensor(value) for name, value in content['model'].items() if "
            "hasattr(value, 'dtype')}, 'c.state.pth')",
            id="arrays-in-a-plain-pickle",
        ),
    ],
)
def test_the_lines_make_what_loads(
    content: Callable[[], Any],
    write: Callable[[Any, Path], None],
    refers: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "c.pth"
    write(content(), path)
    text = failure(path)
    assert re.search(rf"refers to Python code \(.*{refers}", text)
    assert "if you trust the file, save its tensors alone where the code that made it is installed" in text
    assert f"  {line}\nand give the new file as the weights" in text
    monkeypatch.chdir(tmp_path)
    lines = [each.strip() for each in text.splitlines() if each.startswith("  ")]
    exec("\n".join(lines), {})  # noqa: S102 - the lines under test, on a file of the test's own
    module = network()
    load_checkpoint(module, tmp_path / "c.state.pth")
    assert torch.equal(module.state_dict()["0.weight"], weights()["0.weight"])


def test_of_several_each_has_a_line(tmp_path: Path) -> None:
    torch.save({"model": trained(), "ema": trained(), "optim": trained()}, tmp_path / "c.pth")
    text = failure(tmp_path / "c.pth")
    assert "with the last line for the weights that are meant" in text
    assert LOAD.format(path=str(tmp_path / "c.pth")) in text
    assert "torch.save(content['model'].state_dict(), 'c.model.pth')\n" in text
    assert "torch.save(content['ema'].state_dict(), 'c.ema.pth')\n" in text
    assert "optim" not in text.replace("torch.optim", "")


def test_a_torchscript_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's deprecation of the format under test
        torch.jit.save(torch.jit.script(trained()), tmp_path / "c.pt")
        text = failure(tmp_path / "c.pt")
        monkeypatch.chdir(tmp_path)
        lines = [each.strip() for each in text.splitlines() if each.startswith("  ")]
        exec("\n".join(lines), {})  # noqa: S102 - the lines under test, on a file of the test's own
    load_checkpoint(network(), tmp_path / "c.state.pth")


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return (sys.exit, (1,))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(b"", (), id="empty"),
        pytest.param(b"cfg\nname\nno pickle", (), id="text-that-begins-like-one"),
        pytest.param(b"\x80\x02cos\nsystem\n", ("os.system",), id="cut-off"),
        pytest.param(b"\x80\x02" + b"0" * 10, (), id="takes-from-nothing"),
        pytest.param(pickle.dumps(Malicious()), ("sys.exit",), id="call"),
        pytest.param(b"(ios\nsystem\n.", ("os.system",), id="oldest-way-to-call"),
        pytest.param(b"PK\x03\x04" + bytes(40), (), id="broken-zip"),
    ],
)
def test_nothing_is_run_and_nothing_raised(data: bytes, code: tuple[str, ...]) -> None:
    found = resaving(data, Path("c.pth"))
    assert (found.code, found.lines) == (code, RESAVE)


def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_runner.stages.export.pickled.INSTRUCTIONS", 30)
    data = b"\x80\x02" + b"cos\nsystem\n0" * 20 + b"carg\nlate\n."
    assert resaving(data, Path("c.pth")).code == ("os.system",)
