"""Whole runs in process of a model whose samples have sizes of their own, on stand-ins of both generations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lab import Lab
from sized_files import GRIDS
from this_host import enter, forget_tools
from zoo_runner.report.model import Report
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import Listener

pytestmark = pytest.mark.slow  # exports, converts, and starts a process for each device

AROUND = ("inputs.0.pad.at=both", "infer.batch=5", "benchmark.sizes={height: 8, width: 4}")
DIMS = (
    "atc.dynamic_image_size=[]",
    "atc.dynamic_dims=[{width: 8, height: 4}, {height: 8, width: 4}, {height: 8, width: 12}]",
)
RANGE = (
    "atc.dynamic_image_size=[]",
    "atc.input_shape_range={height: [1, 8], width: [1, 12]}",
    "inputs.0.pad=null",
)


@pytest.fixture
def run(
    sized_files: Path, sized_site: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Report]]:
    """Run the manifest on a host with two devices of a generation."""
    monkeypatch.syspath_prepend(sized_site)
    (tmp_path / "files").symlink_to(sized_files)
    lab = Lab(tmp_path / "files", tmp_path / "cache", listener)
    hosts: dict[int, Mapping[str, str]] = {}

    def run_there(*overrides: str, generation: int = 2023, **options: object) -> Report:
        if generation not in hosts:
            hosts[generation] = stand_in_environment(tmp_path / f"host{generation}", devices=2, generation=generation)
        environment = hosts[generation]
        enter(environment, monkeypatch)
        defaults = {"output": tmp_path / "out", "backend": "ascend", "devices": (0, 1)}
        return lab(*overrides, manifest="sized.yaml", **{**defaults, **options})

    yield run_there
    forget_tools()


def predictions(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "predictions.npz", allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


@pytest.mark.parametrize(
    ("overrides", "generation"),
    [
        pytest.param((), 2023, id="image-size"),
        pytest.param(AROUND, 2024, id="around"),
        pytest.param(DIMS, 2024, id="dims"),
        pytest.param(RANGE, 2023, id="range"),
    ],
)
@pytest.mark.long_rows("range", "image-size", "around")
def test_a_run_gives_what_onnx_runtime_gives(
    run: Callable[..., Report], tmp_path: Path, overrides: tuple[str, ...], generation: int
) -> None:
    report = run(*overrides, generation=generation)
    (metric,) = report.metrics
    assert (metric.value, metric.samples, report.why) == (100.0, GRIDS, report.why)
    assert report.exit_code == 0
    (timed,) = report.performance
    assert (timed.loops, bool(timed.sizes)) == (3, True)
    run(*overrides, backend="onnxruntime", output=tmp_path / "plain")
    one, other = predictions(tmp_path / "out"), predictions(tmp_path / "plain")
    assert one.keys() == other.keys()
    assert all(np.array_equal(one[name], other[name]) for name in one)
