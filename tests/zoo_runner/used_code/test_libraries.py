"""Another version of a library that computes gives other keys."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from places import TRIAL
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.stages.export.model import export_key
from zoo_runner.used_code.libraries import EXPORTING, FOLDING, PREDICTING, versions

OPENCV = "opencv-contrib-python-headless"


@pytest.fixture
def recipe(trial_site: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.syspath_prepend(trial_site)
    return resolve(load(TRIAL, ()), RunOptions(output=Path()))


@pytest.fixture
def upgrade(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str | None], None]:
    """Let a distribution seem to be installed in another version, or not at all."""
    real = metadata.version

    def set_version(name: str, version: str | None) -> None:
        def version_of(asked: str) -> str:
            if asked != name:
                return real(asked)
            if version is None:
                raise metadata.PackageNotFoundError(asked)
            return version

        monkeypatch.setattr(metadata, "version", version_of)

    return set_version


@pytest.mark.parametrize(
    ("name", "exports", "predicts"),
    [
        ("numpy", True, True),
        ("opencv-python", False, True),
        ("opencv-python-headless", False, True),
        (OPENCV, False, True),
        ("pillow", False, True),
        ("numba", False, True),
        ("torch", True, False),
        ("onnx", True, False),
        ("onnxsim", True, False),
        ("onnxscript", True, False),
        ("onnxruntime", True, False),  # which names itself to what it predicts
        ("rich", False, False),
    ],
)
def test_another_version_gives_other_keys_of_what_it_computes(
    name: str, *, exports: bool, predicts: bool, recipe: Recipe, upgrade: Callable[[str, str | None], None]
) -> None:
    upgrade(name, "98.0")
    before = export_key(recipe, "weights"), versions(PREDICTING)
    upgrade(name, "99.0")
    after = export_key(recipe, "weights"), versions(PREDICTING)
    assert [one != other for one, other in zip(before, after, strict=True)] == [exports, predicts]
    upgrade(name, None)
    absent = export_key(recipe, "weights"), versions(PREDICTING)
    assert [one != other for one, other in zip(before, absent, strict=True)] == [exports, predicts]


def test_a_folded_graph_follows_what_folds_it(upgrade: Callable[[str, str | None], None]) -> None:
    before = versions(FOLDING)
    upgrade("onnx", "99.0")
    assert versions(FOLDING) == {**before, "onnx": "99.0"}


def test_only_what_is_installed_is_named(upgrade: Callable[[str, str | None], None]) -> None:
    assert versions(("numpy", "no-such-distribution")) == {"numpy": metadata.version("numpy")}
    upgrade(OPENCV, "4.9")
    assert versions(PREDICTING)[OPENCV] == "4.9"
    assert {"numpy", "torch"} <= versions(EXPORTING).keys()
    assert versions(()) == {}
