"""Room for files is asked for before the first of them is written."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from zoo_runner.errors import StageError
from zoo_runner.plugin.interfaces import TensorSpec
from zoo_runner.stages.predict.disk_space import announced, files_size, require_room

if TYPE_CHECKING:
    from tests.conftest import Listener, ZooRun

IMAGE = TensorSpec("image", "float32", ("batch", 3, 320, 320))
PIXELS = TensorSpec("image", "uint8", ("batch", 320, 320, 3))
SCORE = TensorSpec("score", "float32", ("batch",))


@pytest.mark.parametrize(
    ("specs", "samples", "text", "size"),
    [
        pytest.param((), 4952, False, 0, id="nothing"),
        pytest.param((IMAGE,), 0, False, 0, id="no samples"),
        pytest.param((SCORE,), 3, False, 12, id="a number a sample"),
        pytest.param((IMAGE,), 4952, False, 6_085_017_600, id="VOC2007 test at 320"),
        pytest.param((PIXELS,), 4952, False, 1_521_254_400, id="as pixels"),
        pytest.param((IMAGE, SCORE), 2, False, 2_457_608, id="several"),
        pytest.param((SCORE,), 3, True, 27, id="as text"),
    ],
)
def test_sizes(specs: tuple[TensorSpec, ...], samples: int, text: bool, size: int) -> None:
    assert files_size(specs, samples, text=text) == size


def free(monkeypatch: pytest.MonkeyPatch, size: int) -> list[Path]:
    """Make every disk have so many bytes free, and list what was asked about."""
    asked: list[Path] = []

    def disk_usage(folder: Path) -> SimpleNamespace:
        asked.append(folder)
        return SimpleNamespace(free=size)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    return asked


def test_what_fits_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: Listener) -> None:
    asked, folder = free(monkeypatch, 9_000_000_000), tmp_path / "run" / "inputs"
    require_room({"inputs": 6_085_017_600}, folder, listener)
    assert listener.heard == [f"will write 6.1 GB of inputs to {folder} (9.0 GB free)"]
    assert asked == [tmp_path]  # the folder is not there yet


@pytest.mark.parametrize(("room", "fits"), [(0, False), (29, False), (30, True)])
def test_what_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listener: Listener, room: int, fits: bool
) -> None:
    free(monkeypatch, room)
    sizes = {"inputs": 20, "results": 10}
    if fits:
        require_room(sizes, tmp_path, listener)
        return
    with pytest.raises(StageError) as caught:
        require_room(sizes, tmp_path, listener)
    assert str(caught.value) == (
        f"{tmp_path}: expected room for 20 bytes of inputs and 10 bytes of results, found {room} bytes free; nothing "
        "was written: free some space on that disk, choose an --output on another one, or take a part of the data set "
        "with --limit N"
    )
    assert caught.value.exit_code == 3
    assert listener.heard == []


def test_sizes_by_name(tmp_path: Path) -> None:
    assert (
        announced({"inputs": 1500, "results": 2}, tmp_path) == f"1.5 kB of inputs and 2 bytes of results to {tmp_path}"
    )


@pytest.mark.slow  # a whole run each
@pytest.mark.parametrize(
    ("until", "line"),
    [
        ("preprocess", "will write 2.4 kB of inputs to out/inputs ("),
        ("infer", "will write 2.4 kB of results to out/results ("),
    ],
)
def test_a_run_says_what_it_is_going_to_write(trial: ZooRun, until: str, line: str) -> None:
    done = trial("trial.yaml", "--backend", "onnxruntime", "--output", "out", "--until", until)
    assert done.returncode == 0, done.stdout + done.stderr
    assert line in done.stderr
