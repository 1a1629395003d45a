"""What several rooms' tests need: the shortest manifest, and third-party packages on the import path."""

from __future__ import annotations

import importlib
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab import Lab

if TYPE_CHECKING:
    from tests.conftest import Listener

PLUGIN = """\
from pydantic import BaseModel
from zoo_runner.plugin.hookspecs import hookimpl
from zoo_runner.plugin.interfaces import TensorSpec


class Config(BaseModel, extra="forbid"):
    classes: tuple[str, ...] = ()


class Part:
    identity = ""
    inputs = (TensorSpec("x", "float32", ("batch", 3)),)
    outputs = (TensorSpec("y", "float32", ("batch", 2)),)
    measures = (("accuracy", "top1"),)

    def build(self): ...
    def samples(self, root): ...
    def scoring(self): ...
    def __call__(self, *arguments): ...


@hookimpl
def zoo_config():
    return Config


@hookimpl
def zoo_network(config):
    return Part()


@hookimpl
def zoo_dataset():
    return Part()


@hookimpl
def zoo_preprocess(config):
    return Part()


@hookimpl
def zoo_postprocess(config):
    return Part()


@hookimpl
def zoo_metric(config):
    return Part()
"""

MINIMAL = """\
name: toy
plugin: {name: toy}
dataset: {name: points, samples: 10}
inputs:
  - {name: x, shape: [batch, 3]}
outputs:
  - {name: y, shape: [batch, 2]}
  - {name: z, shape: [batch, 2]}
"""


@pytest.fixture
def minimal() -> str:
    """Return the shortest complete manifest, of 8 lines."""
    return MINIMAL


@pytest.fixture
def plugin_source() -> str:
    """Return a module that implements every hook of a model plugin."""
    return PLUGIN


@pytest.fixture(scope="session")
def lab_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that all labs share: the trial is exported once."""
    return tmp_path_factory.mktemp("lab-store")


@pytest.fixture
def lab(
    trial_files: Path,
    trial_site: Path,
    tmp_path: Path,
    lab_store: Path,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    monkeypatch.syspath_prepend(trial_site)
    shutil.copytree(trial_files, tmp_path, dirs_exist_ok=True)
    return Lab(tmp_path, lab_store, listener)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """Put a distribution with entry points and modules on the import path, until the test is over."""
    modules: set[str] = set()

    def install_distribution(
        distribution: str, points: Mapping[str, str], sources: Mapping[str, str], *, version: str = "1.0"
    ) -> Path:
        site = tmp_path / f"site-{distribution}"
        info = site / f"{distribution}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = [f"{name} = {target}" for name, target in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[zoo_runner]", *lines, ""]))
        for module, source in sources.items():
            (site / f"{module}.py").write_text(source)
        modules.update(sources)
        monkeypatch.syspath_prepend(site)
        importlib.invalidate_caches()
        return site

    yield install_distribution
    for module in modules:
        sys.modules.pop(module, None)


def _too_long(_number: int, _frame: object) -> None:
    raise TimeoutError("it takes too long")


@pytest.fixture
def patience() -> Iterator[None]:
    """End what would take minutes, by the processor's time: other load does not count."""
    before = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, 30.0)
    yield
    signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
    signal.signal(signal.SIGVTALRM, before)
