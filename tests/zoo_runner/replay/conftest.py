"""A run that is red, and the replay file that it left."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import run_here
from marked_files import SWAPPED, WORD, write_marked, write_marked_site
from zoo_runner.known_secrets import forget, learn
from zoo_runner.report.model import Report
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.progress import Terminal


@dataclass(frozen=True)
class Red:
    """A red run.

    Attributes:
        site: Where its plugin is.
        manifest: Its manifest.
        report: What it reported.
        file: What it left for a replay.
    """

    site: Path
    manifest: Path
    report: Report
    file: Path


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The plugin, as good as installed."""
    folder = write_marked_site(tmp_path_factory.mktemp("marked-site") / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def red(site: Path, trial_files: Path, lab_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Red:
    """A run whose labels are exchanged; its data set is gone afterwards."""
    manifest = write_marked(tmp_path_factory.mktemp("red") / "files", trial_files)
    learn(f"https://you:{WORD}OfTheEnvironment@host.invalid")
    report = run_here(
        manifest, lab_store, Terminal(Detail.QUIET), SWAPPED, command=("zoo-run", f"https://me:{WORD}@host.invalid/x")
    )
    forget()
    shutil.move(manifest.parent / "set", manifest.parent / "gone")
    return Red(site=site, manifest=manifest, report=report, file=manifest.parent / "out" / "replay.zip")
