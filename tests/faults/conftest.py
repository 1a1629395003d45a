"""Worlds for the tests of faults, and what the tests count."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fault_world import CHUNK, SAMPLES, Reference, World
from run_server import RunServer


@pytest.fixture(scope="session")
def server(trial_site: Path) -> Iterator[RunServer]:
    with RunServer(trial_site) as running:
        yield running


@pytest.fixture(scope="session")
def reference(
    server: RunServer, trial_site: Path, trial_files: Path, tmp_path_factory: pytest.TempPathFactory
) -> Reference:
    folder = tmp_path_factory.mktemp("reference")
    with RunServer(trial_site, export=True) as exporting:
        first = World(folder, exporting, trial_files / "trial.yaml")
        ended = first.run("--until", "export")
        assert ended.code == 0, ended.stderr
    world = World(folder, server, trial_files / "trial.yaml")
    stores = {"without predictions": folder / "exported"}
    shutil.copytree(world.store, stores["without predictions"])
    assert world.run("--limit", str(CHUNK)).code == 4
    server.warm(folder / "out" / "report.json")
    shutil.rmtree(world.store)
    shutil.copytree(folder / "exported", world.store)
    ended = world.run("--limit", str(CHUNK))  # with what the server has loaded now
    assert ended.code == 4, ended.stderr
    stores["half filled"] = Path(shutil.copytree(world.store, folder / "half"))
    ended = world.run()
    assert ended.code == 0, ended.stderr
    stores["full"] = Path(shutil.copytree(world.store, folder / "full"))
    assert len(list(world.store.glob("predictions/[!.]*"))) == -(-SAMPLES // CHUNK)
    return Reference(world.predictions(), world.figures(), stores, folder / "out")


@pytest.fixture
def new_world(tmp_path: Path, server: RunServer, reference: Reference, trial_files: Path) -> Callable[[str], World]:
    """Return a function that makes a world whose store is filled as said."""
    made = 0

    def make(state: str) -> World:
        nonlocal made
        made += 1
        folder = tmp_path / f"world{made}"
        folder.mkdir()
        if state in reference.stores:
            shutil.copytree(reference.stores[state], folder / "store")
        return World(folder, server, trial_files / "trial.yaml")

    return make


@pytest.fixture
def count() -> Callable[[str, int], None]:
    """Return a function that writes down how many cases of a class were tried, for ``run.py`` to add up."""

    def add(what: str, tries: int) -> None:
        if path := os.environ.get("ZOO_FAULT_COUNTS"):
            with Path(path).open("a", encoding="utf-8") as file:
                file.write(json.dumps({"class": what, "tries": tries}) + "\n")

    return add
