"""What a run is said to be on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from zoo_runner.job.job import Job
from zoo_runner.job.options import RunOptions


@pytest.mark.parametrize(
    ("chip", "expected"),
    [
        pytest.param("310P3", True, id="NPU"),
        pytest.param("A100", True, id="accelerator that runs ONNX"),
        pytest.param("cpu", False, id="CPU"),
        pytest.param("310P3 stand-in", False, id="stand-in"),
        pytest.param(None, False, id="result files"),
    ],
)
def test_what_is_an_accelerator(chip: str | None, expected: bool) -> None:
    backend = SimpleNamespace(name="b", chip=lambda: chip)
    manifest = SimpleNamespace(infer=SimpleNamespace(batch=1))
    nothing = cast("Any", None)
    job = Job(
        recipe=cast("Any", SimpleNamespace(subset=None, manifest=manifest, noun="samples")),
        options=RunOptions(output=Path("out")),
        store=nothing,
        journal=nothing,
        backend=cast("Any", backend if chip else None),
    )
    assert job.scope((), ()).accelerator is expected
