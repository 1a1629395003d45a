"""Whole runs of a model whose batch axis is open: one .om for all batch sizes, on stand-ins of both generations."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab
from this_host import enter, forget_tools
from zoo_runner.testing import stand_in_environment

if TYPE_CHECKING:
    from tests.conftest import Listener

pytestmark = pytest.mark.slow  # exports, converts, and starts a process for each device

SIZES = ("atc.dynamic_batch_size=[1, 4, 8]", "benchmark.batch=[1, 4, 8]")


@pytest.fixture(params=[2023, 2024])
def lab(
    request: pytest.FixtureRequest,
    trial_files: Path,
    trial_site: Path,
    tmp_path: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Lab]:
    """The trial beside a host with two devices."""
    monkeypatch.syspath_prepend(trial_site)
    environment = stand_in_environment(tmp_path / "host", devices=2, generation=request.param)
    enter(environment, monkeypatch)
    shutil.copytree(trial_files, tmp_path / "trial")
    yield Lab(tmp_path / "trial", tmp_path / "cache", listener)
    forget_tools()


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param((), id="in-process"),
        pytest.param(("infer.tool=ais_bench-cli", "infer.outfmt=NPY"), id="command"),
    ],
)
@pytest.mark.long
def test_one_om_serves_every_batch_size(lab: Lab, overrides: tuple[str, ...]) -> None:
    for batch in (8, 4, 1):  # 150 samples: the last batch is short for 8 and 4
        report = lab(*SIZES, f"infer.batch={batch}", *overrides, backend="ascend", devices=(0, 1))
        assert (report.verdict.value, report.metrics[0].value, report.why) == ("pass", 100.0, report.why)
        assert [each.batch for each in report.performance if each.throughput] == [1, 4, 8]
        assert len({each.sha256 for each in report.artifacts if each.name == "om"}) == 1
    assert len(list((lab.cache / "om").glob("[0-9a-f]*"))) == 1
