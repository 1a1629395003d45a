"""Trains the small SSD of the plugin ``detect`` on scenes drawn before, on one thread.

    python tools/sample/train_ssd.py --out tools/run-ssd --steps 6000

Run again with the same arguments it continues from its last checkpoint and ends with the same weights: the data of a
step depend on the seed and the step alone. It leaves ``weights.pth`` (the averaged weights) and ``log.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sample import scenes
from sample.loss import PADDING, match, multibox
from sample.ssd import PRIORS, SIDE, SmallSsd

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCENES_PER_SEED: Final = 1 << 33
"""Scene numbers below this are never trained on: they are left for test scenes, and for the RefineDet's training."""
CHECKPOINT_EVERY: Final = 200
LOG_EVERY: Final = 50
WARM_UP: Final = 200
FINAL_LR: Final = 0.01
"""Learning rate at the last step, as a fraction of the peak."""
WEIGHT_DECAY: Final = 1e-4
CLIP_NORM: Final = 5.0
EMA_DECAY: Final = 0.998
LOCATION: Final = 2.0
"""Weight of the location's loss."""
CENTRE: Final = 127.5
"""Pixel value that becomes 0, and distance from it that becomes 1."""
ZOOMS: Final = (0.8, 1.25)
"""Of a scene, drawn log-uniformly for each step."""
LEAST_SEEN: Final = 0.6
"""Of an object's area after a zoom; objects with less are painted over with grey."""


@dataclass(frozen=True)
class Options:
    """What determines a run's result; a checkpoint made under other options is refused."""

    steps: int
    scenes: int
    batch: int
    lr: float
    seed: int


@dataclass(frozen=True)
class Drawn:
    """A scene at the network's size: pixels uint8 [S, S, 3], B, G, R; corners float32 [M, 4] in pixels; labels [M]."""

    image: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]


def drawn(number: int) -> Drawn:
    """Draw a scene as deployment shows it: stretched to S x S with OpenCV's bilinear filter."""
    scene = scenes.draw_scene(number)
    height, width = scene.image.shape[:2]
    boxes = np.array([item.box for item in scene.objects], dtype=np.float32).reshape(-1, 4) - 1.0
    return Drawn(
        image=np.asarray(cv2.resize(scene.image, (SIDE, SIDE)), np.uint8),
        boxes=boxes * np.array((SIDE / width, SIDE / height) * 2, dtype=np.float32),
        labels=np.array([item.label for item in scene.objects], dtype=np.int64),
        difficult=np.array([item.difficult for item in scene.objects], dtype=np.bool_),
    )


def varied(
    scene: Drawn, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Mirror, zoom and shift a scene, and change its brightness.

    Returns:
        Image float32 [3, S, S], R, G, B, about -1 to 1; corners float32 [M, 4] as fractions; labels int64 [M].
        Objects that are difficult, or cut by the zoom, are left out.
    """
    image, boxes = scene.image, scene.boxes
    if rng.integers(2):
        image = np.ascontiguousarray(image[:, ::-1])
        boxes = np.stack((SIDE - 1 - boxes[:, 2], boxes[:, 1], SIDE - 1 - boxes[:, 0], boxes[:, 3]), axis=1)
    kept = ~scene.difficult
    if rng.integers(3):
        zoom = np.exp(rng.uniform(math.log(ZOOMS[0]), math.log(ZOOMS[1]), 2))
        shift = rng.uniform(0, 1, 2) * (1 - zoom) * SIDE
        matrix = np.array([[zoom[0], 0, shift[0]], [0, zoom[1], shift[1]]])
        image = np.asarray(cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101), np.uint8)
        moved = boxes * np.tile(zoom, 2) + np.tile(shift, 2)
        boxes = np.asarray(moved.clip(0, SIDE - 1), np.float32)
        seen = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) / (moved[:, 2:] - moved[:, :2]).prod(axis=1).clip(1e-3)
        kept &= seen > LEAST_SEEN
    centred = image[..., ::-1].transpose(2, 0, 1).astype(np.float32) * np.float32(rng.uniform(0.9, 1.1)) - CENTRE
    return (
        np.ascontiguousarray(centred / CENTRE, np.float32),
        np.asarray(boxes[kept] / SIDE, np.float32),
        scene.labels[kept],
    )


def batch_of(pool: list[Drawn], options: Options, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images float32 [B, 3, S, S]; corners float32 [B, M, 4]; labels int64 [B, M], -1 on padding rows."""
    rng = np.random.default_rng((options.seed, step))
    rows = [varied(pool[place], rng) for place in rng.integers(0, len(pool), options.batch)]
    images, boxes, labels = ([torch.from_numpy(item) for item in part] for part in zip(*rows, strict=True))
    padded = pad_sequence(labels, batch_first=True, padding_value=PADDING)
    return torch.stack(images), pad_sequence(boxes, batch_first=True), padded


def learning_rate(options: Options, step: int) -> float:
    """Linear warm-up, then a half cosine down to a hundredth of the peak."""
    if step < WARM_UP:
        return options.lr * (step + 1) / WARM_UP
    progress = (step - WARM_UP) / max(1, options.steps - WARM_UP)
    return options.lr * (FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * progress)))


class Trainer:
    """Everything a checkpoint holds, and the step that changes it."""

    def __init__(self, options: Options) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.model = SmallSsd(len(scenes.CLASSES)).train()
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # the stub lacks this form
        self.average = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(self.model.parameters(), lr=options.lr, weight_decay=WEIGHT_DECAY)
        self.priors = torch.from_numpy(PRIORS.boxes(SIDE, SIDE))
        self.step, self.seconds = 0, 0.0

    def update(self, images: Tensor, boxes: Tensor, labels: Tensor) -> tuple[float, float]:
        """Take one optimiser step and move the averaged weights; return both losses before the step."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.options, self.step)
        offsets, logits = self.model.logits(images.contiguous(memory_format=torch.channels_last))
        targets, wanted = match(self.priors.expand_as(offsets), boxes, labels)
        location, classes = multibox(offsets, logits, targets, wanted, targets > 0)
        total = LOCATION * location + classes
        if not math.isfinite(float(total.detach())):
            raise FloatingPointError(f"the loss at step {self.step} is not finite; start afresh, lower --lr")
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call] # torch leaves backward unannotated
        nn.utils.clip_grad_norm_(self.model.parameters(), CLIP_NORM)
        self.optimiser.step()
        decay = min(EMA_DECAY, (1 + self.step) / (10 + self.step))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value.detach(), 1 - decay)
        self.step += 1
        return float(location.detach()), float(classes.detach())

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
    pool = [drawn((options.seed + 1) * SCENES_PER_SEED + number) for number in range(options.scenes)]
    sums, began = np.zeros(2), time.perf_counter()
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while trainer.step < options.steps:
            sums += trainer.update(*batch_of(pool, options, trainer.step))
            now = time.perf_counter()
            trainer.seconds, began = trainer.seconds + now - began, now
            if trainer.step % LOG_EVERY == 0:
                location, classes = (sums / LOG_EVERY).round(4).tolist()
                line = {"step": trainer.step, "loc": location, "conf": classes, "seconds": round(trainer.seconds, 1)}
                print(json.dumps(line), file=log, flush=True)
                sums[:] = 0.0
            if trainer.step % CHECKPOINT_EVERY == 0:
                trainer.save(checkpoint)
    trainer.save(checkpoint)
    _save_atomically(trainer.average, out / "weights.pth")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the run; continued if it exists")
    parser.add_argument("--steps", type=int, default=6000)
    parser.add_argument("--scenes", type=int, default=4000, help="how many are drawn; 77 kB of memory each")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    train(Options(given.steps, given.scenes, given.batch, given.lr, given.seed), given.out)


if __name__ == "__main__":
    main()
