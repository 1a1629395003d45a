"""Runs of the trial manifest in the process of the tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.output.folder import claimed
from zoo_runner.report.model import Report
from zoo_runner.runner import run as run_manifest
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from tests.conftest import Listener
    from zoo_runner.plugin.interfaces import Progress


ALWAYS = {"evaluate", "benchmark", "gate"}
"""Stages that are never taken from the store."""
NOTHING: set[str] = set()


class Lab:
    """Runs of the trial manifest in this process, which share a store."""

    def __init__(self, folder: Path, cache: Path, listener: Listener) -> None:
        self.folder = folder
        self.cache = cache
        self.listener = listener

    def __call__(self, *overrides: str, manifest: str = "trial.yaml", **options: Any) -> Report:
        self.listener.heard.clear()
        return run_here(self.folder / manifest, self.cache, self.listener, *overrides, **options)

    def saved(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "out" / "report.json").read_text())
        return found


def run_here(manifest: Path, cache: Path, progress: Progress, *overrides: str, **options: Any) -> Report:
    """Run a manifest in this process; by default its output goes beside it."""
    loaded = load(manifest, overrides)
    given = RunOptions(**{"output": manifest.parent / "out", **options})
    with claimed(given.output, given.leaves, given.baseline):  # as the command line does, before it can be refused
        pass
    return run_manifest(resolve(loaded, given), given, store=Store(cache), progress=progress)


def redone(report: Report) -> set[str]:
    """Return the stages that made something again; what the run warned of, such as why, is shown of a failed test."""
    print(*report.warnings, sep="\n")  # noqa: T201 - captured, and shown where it matters
    return {stage.name for stage in report.stages if not stage.skipped} - ALWAYS


def other_weights(lab: Lab, scale: float = 3) -> Path:
    import torch  # noqa: PLC0415 - two seconds that most tests do not need

    path = lab.folder / "other.pth"
    torch.save({"weight": scale * torch.eye(4), "bias": torch.ones(4)}, path)
    return path
