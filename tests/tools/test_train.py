from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.network import RefineDet
from sample import scenes, train

SCRIPT = Path(train.__file__)
OPTIONS = train.Options(steps=4, width=0.01, batch=2, lr=1e-3, seed=0, bf16=False)
CONFIG = RefineDetConfig(classes=scenes.CLASSES)
HELD_OUT = 10_000_000


def one_object(*, difficult: bool = False) -> scenes.Scene:
    image = np.zeros((200, 400, 3), dtype=np.uint8)
    image[50:100, 40:80] = (10, 20, 250)
    item = scenes.SceneObject(label=2, box=(41, 51, 80, 100), difficult=difficult, truncated=False)
    return scenes.Scene(image, (item,))


def test_scene_numbers_are_distinct_and_leave_the_held_out_ones_alone() -> None:
    numbers = [
        train.scene_number(replace(OPTIONS, seed=seed), step, index)
        for seed in (0, 1)
        for step in (0, 1, 2, 100_000)
        for index in range(OPTIONS.batch)
    ]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > HELD_OUT + 1_000_000


def test_samples_are_preprocessed_as_in_deployment() -> None:
    scene = scenes.draw_scene(7)
    image, _, _ = train.training_sample(scene, CONFIG, flip=False)
    resized = cv2.resize(scene.image, (320, 320)).astype(np.float32)
    assert image.dtype == np.float32
    assert image.flags.c_contiguous
    for plane, (channel, mean) in enumerate(((2, 123.0), (1, 117.0), (0, 104.0))):
        np.testing.assert_array_equal(image[plane], resized[..., channel] - np.float32(mean))


@pytest.mark.parametrize(
    ("flip", "expected"),
    [
        pytest.param(False, (40 / 400, 50 / 200, 79 / 400, 99 / 200), id="as-drawn"),
        pytest.param(True, (320 / 400, 50 / 200, 359 / 400, 99 / 200), id="mirrored"),
    ],
)
def test_boxes_are_fractions_that_follow_the_mirror(flip: bool, expected: tuple[float, ...]) -> None:
    image, boxes, labels = train.training_sample(one_object(), CONFIG, flip=flip)
    np.testing.assert_allclose(boxes, [expected], rtol=1e-6)
    assert labels.tolist() == [2]
    left, _, right, _ = (boxes[0] * 320).round().astype(int)
    assert (image[0, 100:140, left + 2 : right - 2] > 100).all()
    assert (image[0, 100:140, : left - 2] < 0).all()


def test_difficult_objects_are_left_out() -> None:
    _, boxes, labels = train.training_sample(one_object(difficult=True), CONFIG, flip=False)
    assert boxes.shape == (0, 4)
    assert labels.shape == (0,)


def test_a_batch_depends_on_the_seed_and_the_step_alone() -> None:
    images, boxes, labels = train.Batches(OPTIONS, CONFIG, start=0).batch(3)
    again = train.Batches(OPTIONS, CONFIG, start=3).batch(3)
    assert all(torch.equal(a, b) for a, b in zip((images, boxes, labels), again, strict=True))
    assert images.shape == (2, 3, 320, 320)
    assert boxes.shape == (*labels.shape, 4)
    assert boxes.dtype == torch.float32
    assert labels.dtype == torch.int64
    other_seed = train.Batches(replace(OPTIONS, seed=1), CONFIG, start=0).batch(3)
    assert not torch.equal(images, other_seed[0])


def test_iteration_covers_the_steps_left() -> None:
    left = list(train.Batches(OPTIONS, CONFIG, start=2))
    assert len(left) == 2
    assert torch.equal(left[1][0], train.Batches(OPTIONS, CONFIG, start=0).batch(3)[0])


@pytest.mark.parametrize(
    ("step", "fraction"),
    [
        pytest.param(0, 1 / 200, id="first"),
        pytest.param(99, 0.5, id="warm-up"),
        pytest.param(200, 1.0, id="peak"),
        pytest.param(600, 0.505, id="half-way"),
        pytest.param(1000, 0.01, id="end"),
    ],
)
def test_learning_rate(step: int, fraction: float) -> None:
    options = replace(OPTIONS, steps=1000, lr=0.002)
    assert train.learning_rate(options, step) == pytest.approx(0.002 * fraction)


def test_a_fresh_network_keeps_its_activations_in_range() -> None:
    model = train.Trainer(replace(OPTIONS, width=0.125)).model.eval()
    images, _, _ = train.Batches(OPTIONS, CONFIG, start=0).batch(0)
    fc7 = []
    model.vgg[-1].register_forward_hook(lambda _layer, _inputs, output: fc7.append(output))
    with torch.no_grad():
        logits = model.logits(images)
    assert 0.02 < fc7[0].std().item() < 50
    assert all(output.abs().max() < 10 for output in logits)


@pytest.mark.slow
@pytest.mark.long
def test_steps_lower_the_loss_on_the_same_batch() -> None:
    trainer = train.Trainer(replace(OPTIONS, lr=0.02))
    batch = train.Batches(OPTIONS, CONFIG, start=0).batch(0)
    totals = [trainer.update(*batch).total.item() for _ in range(6)]
    assert totals[-1] < totals[0]
    assert trainer.step == 6


@pytest.mark.slow
def test_a_continued_run_ends_with_the_same_weights(tmp_path: Path) -> None:
    batches = list(train.Batches(OPTIONS, CONFIG, start=0))
    straight = train.Trainer(OPTIONS)
    for batch in batches:
        straight.update(*batch)
    first = train.Trainer(OPTIONS)
    for batch in batches[:2]:
        first.update(*batch)
    first.save(tmp_path / "checkpoint.pth")
    second = train.Trainer(OPTIONS)
    second.load(tmp_path / "checkpoint.pth")
    assert second.step == 2
    for batch in batches[2:]:
        second.update(*batch)
    for name, value in straight.average.items():
        torch.testing.assert_close(second.average[name], value, rtol=1e-5, atol=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pth"]


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train.Trainer(OPTIONS).save(tmp_path / "checkpoint.pth")
    other = train.Trainer(replace(OPTIONS, seed=1))
    with pytest.raises(ValueError, match=r"was made with .*'seed': 0.*this run has .*'seed': 1.*another --out"):
        other.load(tmp_path / "checkpoint.pth")


def test_a_loss_that_is_not_finite_stops_the_run() -> None:
    trainer = train.Trainer(OPTIONS)
    images, boxes, labels = train.Batches(OPTIONS, CONFIG, start=0).batch(0)
    with pytest.raises(FloatingPointError, match="the loss at step 0 is not finite; start afresh, lower --lr"):
        trainer.update(images * torch.nan, boxes, labels)


def test_the_average_trails_the_weights() -> None:
    trainer = train.Trainer(OPTIONS)
    name = "vgg.2.weight"
    start = trainer.average[name].clone()
    trainer.update(*train.Batches(OPTIONS, CONFIG, start=0).batch(0))
    weights = trainer.model.state_dict()[name]
    torch.testing.assert_close(trainer.average[name], start + 0.9 * (weights - start))


def test_a_log_line_is_json() -> None:
    log = io.StringIO()
    train.write_losses(log, train.Trainer(OPTIONS), np.array([1.0, 2.0, 3.0, 4.0]))
    assert json.loads(log.getvalue()) == {
        "step": 0,
        "loss": 10.0,
        "arm_loc": 1.0,
        "arm_conf": 2.0,
        "odm_loc": 3.0,
        "odm_conf": 4.0,
        "seconds": 0.0,
    }


@pytest.mark.slow
@pytest.mark.long
def test_the_script_trains_saves_and_continues(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--out", str(tmp_path / "run")]
    command += ["--steps", "2", "--batch", "1", "--width", "0.01", "--seed", "3"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    weights = torch.load(tmp_path / "run" / "weights.pth", weights_only=True)
    RefineDet(CONFIG.model_copy(update={"width": 0.01})).load_state_dict(weights)
    assert {value.dtype for value in weights.values()} == {torch.float32}
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["steps"] == 2
    assert provenance["seed"] == 3
    assert provenance["classes"] == list(scenes.CLASSES)
    assert provenance["parameters"] == sum(value.numel() for value in weights.values())
    again = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path)
    assert "continuing from step 2" in again.stdout
    kept = torch.load(tmp_path / "run" / "weights.pth", weights_only=True)
    assert all(torch.equal(kept[name], value) for name, value in weights.items())
