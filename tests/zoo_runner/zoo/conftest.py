"""One run of the trial whose verdict is looked at in many ways."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from lab import run_here
from zoo_runner.history.ledger import LEDGER, Entry, Ledger
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.store.store import Store
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.progress import Terminal
from zoo_runner.zoo.models import Here, Model, here, judged, look


@dataclass(frozen=True)
class World:
    """A store with one run of the trial, and the files that it was run on.

    Attributes:
        files: The manifest with its weights and data.
        site: Where the plugin is.
        store: What the run kept.
        entry: What the ledger has of it.
        present: What another run would be, with nothing changed.
    """

    files: Path
    site: Path
    store: Store
    entry: Entry
    present: Here

    def judge(self, *entries: Entry, **inputs: str) -> Model:
        """Return the model with this history, and with other inputs than it has."""
        model = Model(path=self.files / "trial.yaml", name="trial", digest=self.entry.digest)
        now = replace(self.present, inputs={**self.present.inputs, **inputs})
        return judged(model, now, entries, datetime.now(tz=timezone.utc))

    def look(
        self, folder: Path, *entries: Entry, manifest: str = "trial.yaml", now: datetime | None = None, **options: Any
    ) -> Model:
        """Look at a copy of the files, with this history."""

        def last(name: str, count: int) -> Sequence[Entry]:
            return [each for each in entries if each.name == name][:count]

        given = RunOptions(**{"output": folder / "out", "backend": "onnxruntime", **options})
        moment = now or datetime.now(tz=timezone.utc)
        return look(folder / manifest, given, store=self.store, progress=Terminal(Detail.QUIET), last=last, now=moment)


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory, trial_files: Path, trial_site: Path, lab_store: Path
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("zoo")
    files, site = folder / "files", folder / "site"
    shutil.copytree(trial_files, files)
    shutil.copytree(trial_site, site)
    store = Store(lab_store)
    before = sys.modules.pop("trial_plugin", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        report = run_here(
            files / "trial.yaml", lab_store, Terminal(Detail.QUIET), keep_inputs=True, output=folder / "out"
        )
        (entry,) = Ledger(store.root / LEDGER).last("trial", 1)
        assert report.verdict is entry.verdict
        options = RunOptions(output=folder / "out")
        recipe = resolve(load(files / "trial.yaml"), options)
        yield World(files, site, store, entry, here(recipe, options, store=store, progress=Terminal(Detail.QUIET)))
    sys.modules.pop("trial_plugin", None)
    if before is not None:
        sys.modules["trial_plugin"] = before
