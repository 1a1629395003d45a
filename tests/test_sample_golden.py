"""The bundle of golden samples that the sample's manifest names: small, and of today's model, data and plugin."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest

from places import ROOT
from zoo_runner.golden.bundle import GoldenBundle
from zoo_runner.golden.comparing import predictions_equal
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.libraries import MACHINE
from zoo_runner.golden.recording import annotations_digest, as_used
from zoo_runner.golden.staleness import other_data
from zoo_runner.job.options import RunOptions
from zoo_runner.job.recipe import Recipe, resolve
from zoo_runner.manifest.load import load
from zoo_runner.store.fingerprints import file_digest

MANIFEST: Final = ROOT / "manifests" / "refinedet320-sample.yaml"
FILE: Final = ROOT / "refinedet_plugin" / "sample" / "golden.npz"
STALE: Final = (
    "the sample's golden bundle is stale: record it anew with `zoo-run golden record "
    "manifests/refinedet320-sample.yaml -o refinedet_plugin/sample/golden.npz`, and paste its hash into the manifest"
)
LARGEST: Final = 2_500_000


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    return resolve(load(MANIFEST), RunOptions(output=tmp_path_factory.mktemp("golden-out"), backend="onnxruntime"))


@pytest.fixture(scope="module")
def kept() -> GoldenBundle:
    return read_bundle(FILE)


def test_the_manifest_names_it(recipe: Recipe) -> None:
    named = recipe.manifest.golden
    assert named is not None
    assert named.url == f"package:{FILE.relative_to(ROOT)}"
    assert named.sha256 == file_digest(FILE), STALE
    assert FILE.stat().st_size <= LARGEST


def test_it_is_of_this_model_and_plugin(recipe: Recipe, kept: GoldenBundle) -> None:
    of = kept.provenance
    assert (of.plugin, of.network, of.weights) == ("refinedet", recipe.network, recipe.manifest.weights.sha256), STALE
    assert (of.preprocess, of.postprocess) == (recipe.preprocess.identity, recipe.postprocess.identity), STALE
    assert of.untrusted == ""
    assert {MACHINE, "numpy", "opencv-python-headless"} <= of.versions.keys()
    assert not any(str(path) in kept.basis for path in (Path.home(), ROOT))


def test_data_preprocessing_and_postprocessing_give_what_was_recorded(recipe: Recipe, kept: GoldenBundle) -> None:
    samples = recipe.parts.dataset.samples(ROOT / "refinedet_plugin" / "sample" / "VOCdevkit")
    assert other_data(kept, samples) == "", STALE
    assert annotations_digest(samples) == kept.annotations, STALE
    by_id = {sample.id: sample for sample in samples}
    assert len(kept.samples) == 8
    assert sum(bool(golden.inputs) for golden in kept.samples) == 2
    for golden in kept.samples:
        sample = by_id[golden.id]
        found = recipe.postprocess(as_used(recipe, golden.outputs), sample)
        assert predictions_equal(found, golden.prediction), STALE
        for name, array in golden.inputs.items():
            apart = np.abs(recipe.preprocess(sample)[name] - array.astype(np.float32))
            assert apart.mean() < 1, STALE  # another release of the decoder may round otherwise
