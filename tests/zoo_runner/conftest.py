"""Third-party packages for the tests of plugins: real modules and metadata on the import path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

PLUGIN = """\
from pydantic import BaseModel
from zoo_runner.hookspecs import hookimpl
from zoo_runner.interfaces import TensorSpec


class Config(BaseModel, extra="forbid"):
    classes: tuple[str, ...] = ()


class Part:
    identity = ""
    inputs = (TensorSpec("x", "float32", ("batch", 3)),)
    outputs = (TensorSpec("y", "float32", ("batch", 2)),)
    measures = (("accuracy", "top1"),)

    def build(self): ...
    def samples(self, root): ...
    def evaluate(self, samples, predictions): ...
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


@pytest.fixture
def plugin_source() -> str:
    """Return a module that implements every hook of a model plugin."""
    return PLUGIN


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
