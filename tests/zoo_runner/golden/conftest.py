"""A bundle of the trial."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import Lab
from zoo_runner.commands.golden_bundle import recorded
from zoo_runner.job.options import RunOptions
from zoo_runner.manifest.load import load
from zoo_runner.store.store import Store


@pytest.fixture
def bundle(lab: Lab, tmp_path: Path) -> Path:
    lab.cache = tmp_path / "cache"
    path, options = tmp_path / "trial.npz", RunOptions(output=tmp_path / "recorded", backend="onnxruntime")
    loaded = load(lab.folder / "trial.yaml")
    recorded(loaded, options, path, untrusted=False, store=Store(lab.cache), progress=lab.listener)
    return path
