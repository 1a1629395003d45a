"""What a file says of its origin changes with the network's code and nothing else of the plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import Lab
from places import ROOT
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import SourcedNetwork
from zoo_runner.stages.export.metadata import model_metadata
from zoo_runner.stages.export.origin import differences, network_code, origin_of
from zoo_runner.used_code.record import Disk

SAMPLE = ROOT / "manifests" / "refinedet320-sample.yaml"
MODEL = ROOT / "refinedet_plugin" / "sample" / "model.onnx"


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    return resolve(load(SAMPLE), RunOptions(output=tmp_path))


def test_the_sample_is_published_as_it_is_now(recipe: Recipe) -> None:
    assert recipe.manifest.weights.sha256 is not None
    wrong = list(differences(origin_of(recipe, recipe.manifest.weights.sha256), model_metadata(MODEL)))
    assert wrong == [], (
        f"python tools/sample/publish_onnx.py {MODEL.relative_to(ROOT)}, and put what it prints in {SAMPLE}"
    )


class Elsewhere:
    """A disk on which modules of the plugin are other files."""

    def __init__(self, *others: str, folder: Path) -> None:
        self._disk, self._others, self._folder = Disk(), others, folder

    @property
    def finder(self) -> Elsewhere:
        return self

    def module(self, name: str) -> Path | None:
        path = self._disk.finder.module(name)
        if path is None or name not in self._others:
            return path
        other = self._folder / f"{name}.py"
        other.write_bytes(path.read_bytes() + b"\nX = 1\n")
        return other


@pytest.mark.parametrize(
    ("module", "matters"),
    [
        ("refinedet_plugin.network", True),
        ("refinedet_plugin.config", True),
        ("refinedet_plugin.postprocess", False),
        ("refinedet_plugin.plugin", False),
        ("zoo_runner.plugin.interfaces", False),
    ],
)
def test_only_code_of_the_network_counts(recipe: Recipe, tmp_path: Path, module: str, *, matters: bool) -> None:
    before = network_code(recipe)
    object.__setattr__(recipe, "disk", Elsewhere(module, folder=tmp_path))
    assert (network_code(recipe) != before) == matters


def test_of_a_network_that_names_no_modules_its_own_counts(lab: Lab, tmp_path: Path) -> None:
    recipe = resolve(load(lab.folder / "trial.yaml"), RunOptions(output=tmp_path))
    assert not isinstance(recipe.parts.network, SourcedNetwork)
    before = network_code(recipe)
    object.__setattr__(recipe, "disk", Elsewhere("trial_plugin", folder=tmp_path))
    assert network_code(recipe) != before
