"""The training of the small SSD of the plugin ``detect``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from places import MANIFESTS
from sample import scenes, train_ssd
from sample.ssd import PRIORS, SIDE, SmallSsd
from zoo_detection.config import DetectConfig
from zoo_detection.postprocess.settings import SsdOutputs
from zoo_runner.manifest.load import load, load_plugin_config

OPTIONS = train_ssd.Options(steps=2, scenes=1, batch=1, lr=1e-3, seed=5)
NUMBER = train_ssd.SCENES_PER_SEED


def test_the_manifest_has_the_priors_that_it_was_trained_with() -> None:
    config = load_plugin_config(load(MANIFESTS / "ssd-sample.yaml"), DetectConfig)
    assert isinstance(config.postprocess, SsdOutputs)
    assert config.postprocess.priors == PRIORS
    assert config.classes == scenes.CLASSES


def test_the_network_has_a_row_for_each_prior() -> None:
    offsets, scores = SmallSsd(6).eval()(torch.zeros(1, 3, SIDE, SIDE))
    assert offsets.shape == (1, PRIORS.count, 4)
    assert scores.shape == (1, PRIORS.count, 7)
    torch.testing.assert_close(scores.sum(dim=-1), torch.ones(1, PRIORS.count))


def test_a_sample_is_what_deployment_shows_but_for_its_variations() -> None:
    class Still(np.random.Generator):
        """Mirrors, zooms and brightens nothing."""

        def integers(self, *_: object, **__: object) -> int:  # type: ignore[override] # as it is used
            return 0

        def uniform(self, *_: object, **__: object) -> float:  # type: ignore[override] # as it is used
            return 1.0

    scene = train_ssd.drawn(NUMBER)
    image, boxes, labels = train_ssd.varied(scene, Still(np.random.PCG64(0)))
    expected = (scene.image[..., ::-1].transpose(2, 0, 1).astype(np.float32) - 127.5) / 127.5
    np.testing.assert_allclose(image, expected, rtol=1e-6)
    np.testing.assert_allclose(boxes * SIDE, scene.boxes[~scene.difficult], rtol=1e-5)
    assert labels.tolist() == scene.labels[~scene.difficult].tolist()


def test_boxes_follow_every_variation() -> None:
    """Within the image and with positive sides, whatever was drawn; the same generator gives the same sample."""
    scene = train_ssd.drawn(NUMBER + 1)
    for seed in range(20):
        _, boxes, labels = train_ssd.varied(scene, np.random.default_rng(seed))
        assert len(boxes) == len(labels)
        assert ((boxes >= 0) & (boxes <= 1)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    one, other = (train_ssd.batch_of([scene], OPTIONS, 3) for _ in range(2))
    assert all(torch.equal(first, second) for first, second in zip(one, other, strict=True))


def test_a_continued_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = train_ssd.Trainer(OPTIONS)
    pool = [train_ssd.drawn((OPTIONS.seed + 1) * NUMBER)]
    whole.update(*train_ssd.batch_of(pool, OPTIONS, 0))
    whole.save(tmp_path / "checkpoint.pth")
    whole.update(*train_ssd.batch_of(pool, OPTIONS, 1))
    train_ssd.train(OPTIONS, tmp_path)
    found = torch.load(tmp_path / "weights.pth", weights_only=True)
    assert all(torch.equal(value, found[name]) for name, value in whole.average.items())
    with pytest.raises(ValueError, match="give the same options or another --out"):
        train_ssd.train(replace(OPTIONS, lr=1.0), tmp_path)


def test_what_was_trained_on_is_written_down() -> None:
    folder = MANIFESTS.parent / "zoo_detection" / "sample"
    provenance = json.loads((folder / "provenance.json").read_text())
    assert provenance["first_scene"] == NUMBER
    assert provenance["parameters"] == sum(value.numel() for value in SmallSsd(6).parameters())
    assert (folder / "ssd.onnx").stat().st_size < 1_500_000
