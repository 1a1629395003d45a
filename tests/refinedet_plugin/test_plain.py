"""The plain implementations give what the fast ones do, and each mistake gives something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from places import ROOT
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.plain import plain
from refinedet_plugin.plugin import RefineDetNetwork
from refinedet_plugin.postprocess import RefineDetPostprocess
from refinedet_plugin.preprocess import RefineDetPreprocess
from zoo_detection.voc.dataset import VocDataset
from zoo_runner.attribution.nearness import INPUTS, alike, apart
from zoo_runner.errors import DatasetError
from zoo_runner.manifest.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.interfaces import Arrays

CONFIG = RefineDetConfig.model_validate(load(ROOT / "manifests" / "refinedet320-sample.yaml").manifest.plugin.config)
PLAIN = plain(CONFIG)


@pytest.fixture(scope="module")
def sample() -> DetectionSample:
    found = VocDataset(CONFIG.classes, year=CONFIG.year, image_set=CONFIG.image_set)
    return found.samples(ROOT / "refinedet_plugin" / "sample" / "VOCdevkit")[0]


def outputs(seed: int) -> Arrays:
    """Outputs with some hundred candidates."""
    random = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for spec in RefineDetNetwork(CONFIG).outputs:
        values = random.normal(size=spec.sized(1)[1:])
        if spec.name.endswith("conf"):
            values = values * 4 - np.array([0, *[4] * (values.shape[1] - 1)])
            values = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        made[spec.name] = values.astype(np.float32)
    return made


def test_inputs(sample: DetectionSample) -> None:
    assert PLAIN.preprocess is not None
    right = PLAIN.preprocess(sample)
    assert (str(right["image"].dtype), right["image"].shape) == ("float32", (3, 320, 320))
    assert apart(RefineDetPreprocess(CONFIG)(sample), right) < INPUTS / 2
    for name, mistake in PLAIN.input_mistakes.items():
        assert apart(mistake(sample), right) > 0.01, name


def test_predictions(sample: DetectionSample) -> None:
    assert PLAIN.postprocess is not None
    fast = RefineDetPostprocess(CONFIG)
    for seed in range(2):
        made = outputs(seed)
        one, other = fast(made, sample), PLAIN.postprocess(made, sample)
        assert {name: array.dtype for name, array in one.items()} == {
            name: array.dtype for name, array in other.items()
        }
        assert len(one["scores"]) > 100
        assert alike(one, other)
    for name, mistake in PLAIN.prediction_mistakes.items():
        assert not alike(mistake(made, sample), other), name


def test_no_candidates(sample: DetectionSample) -> None:
    assert PLAIN.postprocess is not None
    made = {name: np.zeros_like(array) for name, array in outputs(0).items()}
    found = PLAIN.postprocess(made, sample)
    assert {name: array.shape for name, array in found.items()} == {"boxes": (0, 4), "scores": (0,), "labels": (0,)}


def test_no_image(sample: DetectionSample, tmp_path: Path) -> None:
    assert PLAIN.preprocess is not None
    path = tmp_path / "one.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(
        DatasetError, match=r"one\.jpg: expected an image, found something else; fetch the data set again"
    ):
        PLAIN.preprocess(type(sample)(**{**vars(sample), "path": path}))
