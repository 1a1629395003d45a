"""Whole runs of a model whose samples are utterances, on stand-ins of both generations, in process and by files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab
from speech_files import ROWS, UTTERANCES, write_files, write_site
from this_host import enter, forget_tools
from zoo_runner.job.options import Stage
from zoo_runner.report.model import Report
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import Listener

pytestmark = pytest.mark.slow  # exports, converts, and starts processes

COMMAND = "infer.tool=ais_bench-cli"
GAIN = (
    "plugin.config.gain=true",
    "inputs=[{name: gain, dtype: int32, shape: [batch, 1]}, {name: signal, shape: [batch, 4]}]",
)
TABLE = (
    *("plugin.config.table=true", "onnx.dynamic_batch=false", "infer.batch=1"),
    "inputs=[{name: signal, shape: [batch, 4]}, {name: table, shape: [2, 4]}]",
    "outputs=[{name: scores, shape: [batch, 4]}, {name: rows, shape: [2, 4]}, {name: loudest, shape: []}]",
)


@pytest.fixture(scope="module")
def speech_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugin, as good as installed; it stays loaded, so its file stays there until the last test is over."""
    return write_site(tmp_path_factory.mktemp("speech-site"))


@pytest.fixture
def run(
    speech_site: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Report]]:
    """Run the manifest on a host with two devices of a generation."""
    monkeypatch.syspath_prepend(speech_site)
    lab = Lab(write_files(tmp_path / "files"), tmp_path / "cache", listener)
    hosts: dict[int, Mapping[str, str]] = {}

    def run_there(*overrides: str, generation: int = 2023, **options: object) -> Report:
        if generation not in hosts:
            hosts[generation] = stand_in_environment(tmp_path / f"host{generation}", devices=2, generation=generation)
        environment = hosts[generation]
        enter(environment, monkeypatch)
        defaults = {"output": tmp_path / "out", "backend": "ascend"}
        return lab(*overrides, manifest="speech.yaml", **{**defaults, **options})

    yield run_there
    forget_tools()


def scored(report: Report) -> tuple[str, float]:
    (metric,) = report.metrics
    return metric.verdict.value, round(metric.value, 3)


GOOD = ("pass", 83.333)


@pytest.mark.long
@pytest.mark.parametrize("generation", [2023, 2024])
def test_inputs_of_two_types(run: Callable[..., Report], tmp_path: Path, generation: int) -> None:
    found = run(*GAIN, COMMAND, generation=generation, devices=(0, 1))
    assert scored(found) == GOOD, found.why
    folders = {path.name: len([*path.iterdir()]) for path in (tmp_path / "out" / "inputs").iterdir()}
    assert folders == {"gain": UTTERANCES, "signal": UTTERANCES}
    by_files = (tmp_path / "out" / "predictions.npz").read_bytes()
    run(*GAIN, generation=generation)
    assert (tmp_path / "out" / "predictions.npz").read_bytes() == by_files


@pytest.mark.long
def test_tensors_without_a_batch_axis(run: Callable[..., Report], tmp_path: Path) -> None:
    found = run(*TABLE, COMMAND)
    assert scored(found) == GOOD, found.why
    by_files = (tmp_path / "out" / "predictions.npz").read_bytes()
    for outfmt in ("NPY", "TXT"):
        run(*TABLE, COMMAND, f"infer.outfmt={outfmt}", last=Stage.INFER)
        again = run(*TABLE, first=Stage.POSTPROCESS)
        assert scored(again) == GOOD, again.why
    in_process = run(*TABLE, generation=2024)
    assert scored(in_process) == GOOD, in_process.why
    assert (tmp_path / "out" / "predictions.npz").read_bytes() == by_files


def test_several_inferences_of_a_sample(run: Callable[..., Report], tmp_path: Path) -> None:
    parts = "plugin.config.parts=[preprocess, postprocess]"
    found = run(parts, COMMAND, devices=(0, 1))
    assert scored(found) == GOOD, found.why
    by_files = (tmp_path / "out" / "predictions.npz").read_bytes()
    assert len([*(tmp_path / "out" / "inputs").iterdir()]) == ROWS
    in_process = run(parts, devices=(0, 1))
    assert scored(in_process) == GOOD, in_process.why
    assert (tmp_path / "out" / "predictions.npz").read_bytes() == by_files
