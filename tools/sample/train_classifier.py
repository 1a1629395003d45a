"""Trains the small classifier of the sample on single objects of generated scenes, and draws its test images.

    python tools/sample/train_classifier.py --out tools/run/classifier

One thread, some minutes. It leaves ``weights.pth`` and ``images/<class>/<number>.jpg`` in the output folder.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from sample import scenes
from zoo_images.chain import Chain
from zoo_images.operations import CentreCrop, ResizeShortSide
from zoo_networks.mobilenet import mobilenet_v2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SIZE: Final = 48
"""Side of the network's input in pixels."""
SHORT_SIDE: Final = 54


@dataclass(frozen=True)
class Framing:
    """How objects are cut out.

    Attributes:
        sides: Least and greatest of an image's longer side, in pixels.
        margin: Least and greatest side of an image, in sides of the object in it.
        noise: Standard deviation of what is added to all pixels.
    """

    sides: tuple[int, int]
    margin: tuple[float, float]
    noise: float = 0.0


TRAINING: Final = Framing((72, 112), (1.15, 1.9))
TESTING: Final = Framing((64, 112), (1.2, 3.2), noise=12.0)
"""Harder than the training, so that many images are close to being taken for another class, and faults show."""
SETTING: Final = ((1, 32, 1, 1), (4, 48, 1, 2), (4, 64, 2, 2), (4, 128, 2, 1))
WIDTH: Final = 0.25
TEST_SCENES: Final = 1_007_000_000
"""Scenes from here on are for the test images; none below 2e9 is trained on. Here each fault that the tests seed
changes how many images are right, which is not so for any 108 images."""
TRAINING_SCENES: Final = 2 * 10**9
PER_CLASS: Final = 18
BATCH: Final = 64
QUALITY: Final = 75


def cut_out(scene: scenes.Scene, rng: np.random.Generator, framing: Framing) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the label and an image of each clear object: uint8 [height, width, 3], B, G, R."""
    for each in scene.objects:
        if each.difficult or each.truncated:
            continue
        left, top, right, bottom = each.box
        middle = np.array([left + right, top + bottom]) / 2 + rng.uniform(-0.1, 0.1, 2) * (right - left, bottom - top)
        side = max(right - left, bottom - top) * rng.uniform(*framing.margin)
        ratio = math.exp(rng.uniform(-0.25, 0.25))
        extents = np.array([side * max(1.0, ratio), side * max(1.0, 1 / ratio)])
        size = (extents * rng.integers(*framing.sides) / extents.max()).round().astype(int)
        corner = middle - extents / 2
        matrix = np.array([[size[0] / extents[0], 0, 0], [0, size[1] / extents[1], 0]])
        matrix[:, 2] = -matrix[:, :2] @ corner
        image = cv2.warpAffine(
            scene.image, matrix, (int(size[0]), int(size[1])), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT
        )
        noise = rng.normal(0, framing.noise, image.shape) if framing.noise else 0
        yield each.label, np.clip(image + noise, 0, 255).astype(np.uint8)


def images(first: int, framing: Framing) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield objects of one scene after the other, for ever."""
    for number in range(first, first + 10**8):
        yield from cut_out(scenes.draw_scene(number), np.random.default_rng((number, 7)), framing)


def write_tests(folder: Path) -> None:
    """Draw the test images: as many of each class."""
    count = dict.fromkeys(range(len(scenes.CLASSES)), 0)
    for label, image in images(TEST_SCENES, TESTING):
        if count[label] < PER_CLASS:
            path = folder / scenes.CLASSES[label] / f"{count[label]:03d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, QUALITY))[1].tobytes())
            count[label] += 1
        if min(count.values()) == PER_CLASS:
            return


def training_set(number: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Draw images as the network's input has them: uint8 [N, SHORT_SIDE, SHORT_SIDE, 3], R, G, B, and labels."""
    chain = Chain(
        (
            ResizeShortSide(op="resize_short_side", size=SHORT_SIDE, like="pillow"),
            CentreCrop(op="centre_crop", size=SHORT_SIDE),
        )
    )
    found, labels = [], []
    for label, image in images(TRAINING_SCENES, TRAINING):
        found.append(chain.apply(image)[..., ::-1])
        labels.append(label)
        if len(found) == number:
            break
    return np.stack(found), np.array(labels, np.int64)


def batch(pixels: NDArray[np.uint8], rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
    """Cut the input out somewhere near the middle, mirrored or not, and normalise it."""
    made = np.empty((len(rows), SIZE, SIZE, 3), np.float32)
    for place, row in enumerate(rows):
        top, left = rng.integers(0, SHORT_SIDE - SIZE + 1, 2)
        image = pixels[row, top : top + SIZE, left : left + SIZE]
        made[place] = image[:, ::-1] if rng.integers(2) else image
    return torch.from_numpy(np.ascontiguousarray(((made - 127.5) / 63.75).transpose(0, 3, 1, 2)))


def train(number: int, epochs: int, seconds: float) -> nn.Module:
    """Train for so many epochs, or until the time is over."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    rng = np.random.default_rng(1)
    pixels, labels = training_set(number)
    print(f"{number} images", flush=True)
    network = mobilenet_v2(len(scenes.CLASSES), WIDTH, SETTING)
    steps = epochs * (number // BATCH)
    optimiser = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps, pct_start=0.15)
    loss, start = nn.CrossEntropyLoss(label_smoothing=0.02), time.monotonic()
    for step in range(steps):
        if step % (number // BATCH) == 0:
            order = rng.permutation(number)
        rows = order[step % (number // BATCH) * BATCH :][:BATCH]
        found = loss(network(batch(pixels, rows, rng)), torch.from_numpy(labels[rows]))
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(f"step {step} of {steps}: loss {found.item():.3f}, {time.monotonic() - start:.0f} s", flush=True)
        if time.monotonic() - start > seconds:
            break
    return network.eval()


def main() -> None:
    """Read the command line, train and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=int, default=5000, help="to train on")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600, help="training stops then")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    write_tests(options.out / "images")
    network = train(options.images, options.epochs, options.seconds)
    torch.save(network.state_dict(), options.out / "weights.pth")


if __name__ == "__main__":
    main()
