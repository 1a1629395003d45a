"""Trains the small RefineDet of the sample data on scenes drawn as it goes.

    python tools/sample/train.py --out tools/run --steps 6500

Run again with the same arguments it continues from its last checkpoint and ends with the same weights: the
data of a step depend on the seed and the step alone. It leaves ``weights.pth`` (the averaged weights),
``provenance.json`` and ``log.jsonl`` in the output folder.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, IterableDataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.network import RefineDet
from refinedet_plugin.priors import priors
from sample import scenes
from sample.loss import PADDING, Losses, refinedet_loss

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Batch = tuple[Tensor, Tensor, Tensor]
"""Images float32 [B, 3, S, S]; corners float32 [B, M, 4]; labels int64 [B, M], -1 on padding rows."""

CHECKPOINT_EVERY: Final = 200
LOG_EVERY: Final = 50
WARM_UP: Final = 200
FINAL_LR: Final = 0.01
"""Learning rate at the last step, as a fraction of the peak."""
WEIGHT_DECAY: Final = 1e-4
CLIP_NORM: Final = 5.0
EMA_DECAY: Final = 0.998
FIRST_WEIGHT: Final = "vgg.0.weight"
PIXEL_SCALE: Final = 64.0
"""Rough standard deviation of the network's input values."""
SCENES_PER_SEED: Final = 1 << 32
"""Scene numbers below this are never trained on: they are left for test scenes."""
SCENES_SHA256: Final = hashlib.sha256(Path(scenes.__file__).read_bytes()).hexdigest()
"""Of the drawing code as this run imported it."""


@dataclass(frozen=True)
class Options:
    """What determines a run's result; a checkpoint made under other options is refused."""

    steps: int
    width: float
    batch: int
    lr: float
    seed: int
    bf16: bool


def scene_number(options: Options, step: int, index: int) -> int:
    """Number of the scene at a place of a batch; distinct for every (seed, step, index)."""
    return (options.seed + 1) * SCENES_PER_SEED + step * options.batch + index


def training_sample(
    scene: scenes.Scene, config: RefineDetConfig, *, flip: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Network input and targets of a scene, mirrored if asked; objects marked difficult are left out.

    Returns:
        Image float32 [3, S, S] exactly as in deployment (bilinear resize, minus the mean, RGB); corners
        float32 [M, 4] as fractions of the image, from 0-based pixels; 0-based labels int64 [M].
    """
    height, width = scene.image.shape[:2]
    kept = [item for item in scene.objects if not item.difficult]
    boxes = np.array([item.box for item in kept], dtype=np.float32).reshape(-1, 4) - 1.0
    image = scene.image
    if flip:
        image = np.ascontiguousarray(image[:, ::-1])
        boxes = np.stack((width - 1 - boxes[:, 2], boxes[:, 1], width - 1 - boxes[:, 0], boxes[:, 3]), axis=1)
    resized = cv2.resize(image, (config.input_size, config.input_size)).astype(np.float32)
    centred = resized - np.asarray(config.mean, dtype=np.float32)
    scale = np.array((width, height, width, height), dtype=np.float32)
    labels = np.array([item.label for item in kept], dtype=np.int64)
    return np.ascontiguousarray(centred[..., ::-1].transpose(2, 0, 1)), boxes / scale, labels


class Batches(IterableDataset[Batch]):
    """The batches of the steps from ``start`` on."""

    def __init__(self, options: Options, config: RefineDetConfig, start: int) -> None:
        super().__init__()
        self.options, self.config, self.start = options, config, start

    def __iter__(self) -> Iterator[Batch]:
        """Yield one batch per step."""
        cv2.setNumThreads(0)
        for step in range(self.start, self.options.steps):
            yield self.batch(step)

    def batch(self, step: int) -> Batch:
        """The batch of one step, a pure function of the options and the step."""
        samples = []
        for index in range(self.options.batch):
            number = scene_number(self.options, step, index)
            flip = bool(np.random.default_rng((number, 1)).integers(2))
            samples.append(training_sample(scenes.draw_scene(number), self.config, flip=flip))
        parts = zip(*samples, strict=True)
        images, boxes, labels = ([torch.from_numpy(item) for item in part] for part in parts)
        padded = pad_sequence(labels, batch_first=True, padding_value=PADDING)
        return torch.stack(images), pad_sequence(boxes, batch_first=True), padded


def initialise(model: RefineDet) -> None:
    """He initialisation for the ReLU layers, small weights and zero biases for the predicting heads.

    The first layer is scaled down by the pixels' scale, so that every later layer starts with values near 1.
    """
    heads = {m for group in (model.arm_loc, model.arm_conf, model.odm_loc, model.odm_conf) for m in group}
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            if module in heads:
                nn.init.normal_(module.weight, std=0.01)
            else:
                # fan_out of a transposed convolution counts its inputs with four taps each, of which an
                # output sees one: the upsampled map joins the finer one at half strength.
                mode: Literal["fan_in", "fan_out"] = "fan_out" if module.transposed else "fan_in"
                nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    with torch.no_grad():
        model.get_parameter(FIRST_WEIGHT).div_(PIXEL_SCALE)


def learning_rate(options: Options, step: int) -> float:
    """Linear warm-up, then a half cosine down to a hundredth of the peak."""
    if step < WARM_UP:
        return options.lr * (step + 1) / WARM_UP
    progress = (step - WARM_UP) / max(1, options.steps - WARM_UP)
    return options.lr * (FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * progress)))


class Trainer:
    """Everything a checkpoint holds, and the step that changes it.

    Nothing draws random numbers after the initialisation, so a checkpoint needs no generator state.
    """

    def __init__(self, options: Options) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.config = RefineDetConfig(classes=scenes.CLASSES, width=options.width)
        self.model = RefineDet(self.config)
        initialise(self.model)
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the stub lacks this form
        self.model.train()
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self._groups(), lr=options.lr, weight_decay=WEIGHT_DECAY)
        self.priors = torch.tensor(priors(self.config.input_size))
        self.step, self.seconds = 0, 0.0

    def _groups(self) -> list[dict[str, Any]]:
        """Adam's steps ignore the scale of a weight, so the scaled first layer takes smaller ones."""
        first = self.model.get_parameter(FIRST_WEIGHT)
        rest = [value for value in self.model.parameters() if value is not first]
        return [{"params": [first], "lr_scale": 1 / PIXEL_SCALE}, {"params": rest, "lr_scale": 1.0}]

    def update(self, images: Tensor, boxes: Tensor, labels: Tensor) -> Losses:
        """Take one optimiser step and move the averaged weights; return the losses before the step."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["lr_scale"] * learning_rate(self.options, self.step)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.options.bf16):
            raw = self.model.logits(images.contiguous(memory_format=torch.channels_last))
        arm_loc, arm_conf, odm_loc, odm_conf = (output.float() for output in raw)
        losses = refinedet_loss((arm_loc, arm_conf, odm_loc, odm_conf), self.priors, boxes, labels)
        if not math.isfinite(float(losses.total.detach())):
            raise FloatingPointError(f"the loss at step {self.step} is not finite; start afresh, lower --lr")
        self.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call] # torch leaves backward unannotated
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimiser.step()
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            self.average[name].lerp_(value.detach(), 1 - decay)
        self.step += 1
        return losses

    def save(self, path: Path) -> None:
        """Write a checkpoint."""
        state = {
            "options": asdict(self.options),
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
        }
        _save_atomically(state, path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint; raises ValueError if it was made under other options."""
        state = torch.load(path, weights_only=True)
        if state["options"] != asdict(self.options):
            raise ValueError(
                f"{path} was made with {state['options']}, this run has {asdict(self.options)}; "
                "give the same options or another --out"
            )
        self.step, self.seconds = state["step"], state["seconds"]
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        self.optimiser.load_state_dict(state["optimiser"])


def _save_atomically(state: object, path: Path) -> None:
    """Write beside the final name first, so that an interruption leaves the old file."""
    partial = path.with_name(path.name + ".part")
    torch.save(state, partial)
    partial.replace(path)


def train(options: Options, out: Path) -> None:
    """Train to the end and write the results into ``out``, continuing if it holds a checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.pth"
    trainer = Trainer(options)
    if checkpoint.is_file():
        trainer.load(checkpoint)
        print(f"continuing from step {trainer.step}")
    batches = Batches(options, trainer.config, trainer.step)
    loader = DataLoader(batches, batch_size=None, num_workers=1, prefetch_factor=6)
    sums = np.zeros(4)
    began = time.perf_counter()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        for images, boxes, labels in loader:
            losses = trainer.update(images, boxes, labels)
            sums += [float(part.detach()) for part in vars(losses).values()]
            now = time.perf_counter()
            trainer.seconds, began = trainer.seconds + now - began, now
            if trainer.step % LOG_EVERY == 0:
                write_losses(log, trainer, sums / LOG_EVERY)
                sums[:] = 0.0
            if trainer.step % CHECKPOINT_EVERY == 0:
                trainer.save(checkpoint)
    trainer.save(checkpoint)
    _finish(trainer, out)


def write_losses(log: TextIO, trainer: Trainer, means: NDArray[np.float64]) -> None:
    """Write the mean losses since the last line as one line of JSON, to the log and the terminal."""
    losses = {part.name: round(float(mean), 4) for part, mean in zip(fields(Losses), means, strict=True)}
    total = round(float(means.sum()), 4)
    line = json.dumps({"step": trainer.step, "loss": total, **losses, "seconds": round(trainer.seconds, 1)})
    print(line, file=log, flush=True)
    print(line, flush=True)


def _finish(trainer: Trainer, out: Path) -> None:
    weights = {name: value.float().contiguous() for name, value in trainer.average.items()}
    _save_atomically(weights, out / "weights.pth")
    provenance = {
        **asdict(trainer.options),
        "classes": list(scenes.CLASSES),
        "parameters": sum(value.numel() for value in weights.values()),
        "seconds": round(trainer.seconds, 1),
        "scenes_sha256": SCENES_SHA256,
        "torch": torch.__version__,
    }
    (out / "provenance.json").write_text(json.dumps(provenance, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; continued if it exists")
    parser.add_argument("--steps", type=int, default=6500)
    parser.add_argument("--width", type=float, default=0.125, help="factor on the channel counts")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    given = parser.parse_args()
    options = Options(given.steps, given.width, given.batch, given.lr, given.seed, given.bf16)
    train(options, given.out)


if __name__ == "__main__":
    main()
