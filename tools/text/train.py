"""Trains the small recogniser of numbers that the sample brings along, and writes it as ONNX.

    python tools/text/train.py --out zoo_text/sample/digits.onnx --steps 1500

It learns from numbers that :mod:`text.lines` draws as it goes, with other seeds than those of the test images. The
file has the dictionary in its metadata, as PP-OCR's recognisers have it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from text.lines import SEED, digits, draw
from zoo_images.chain import Chain
from zoo_images.operations import Layout, Normalise, ResizeHeight

HEIGHT: Final = 16
WIDEST: Final = 160
"""Columns of the network's input, of a batch that is trained on."""
CHARACTERS: Final = "0123456789"
BATCH: Final = 16
DRAWN: Final = 2500
"""Images that are drawn once, and drawn from then."""
WIDTHS: Final = (16, 24, 32)
CHAIN: Final = Chain(
    (
        ResizeHeight(op="resize_height", height=HEIGHT, max_width=WIDEST),
        Normalise(op="normalise", order="BGR", white=1, mean=0.5, std=0.5),
        Layout(op="layout", order="CHW"),
    )
)
"""As the sample's manifest has it."""


class Recogniser(nn.Module):
    """Three layers of convolutions; a step of the output is four columns of the input."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, pool in zip(WIDTHS, ((2, 2), (2, 2), (2, 1)), strict=True):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            layers.append(nn.MaxPool2d(pool))
            channels = width
        self.layers = nn.Sequential(*layers)
        self.context = nn.Conv1d(channels * HEIGHT // 8, 48, 3, padding=1)
        self.classes = nn.Conv1d(48, len(CHARACTERS) + 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return probabilities [B, T, C] of images [B, 3, 16, W]; the blank is the first class."""
        found: Tensor = self.layers(image)
        steps = torch.relu(self.context(found.flatten(1, 2)))
        return torch.softmax(self.classes(steps).transpose(1, 2), dim=2)


def drawn(rng: np.random.Generator, number: int) -> tuple[Tensor, list[list[int]]]:
    """Return images [N, 3, 16, W], and the classes of their texts."""
    images = np.zeros((number, 3, HEIGHT, WIDEST), np.float32)
    texts = []
    for place in range(number):
        text, style = digits(rng)
        pixels = np.asarray(draw(text, style))[..., ::-1]
        image = CHAIN.apply(np.ascontiguousarray(pixels))
        images[place, ..., : image.shape[2]] = image
        texts.append([CHARACTERS.index(each) + 1 for each in text])
    return torch.from_numpy(images), texts


def train(steps: int) -> Recogniser:
    """Return a trained network."""
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    rng = np.random.default_rng(SEED + 1)
    images, texts = drawn(rng, DRAWN)
    network, criterion = Recogniser(), nn.CTCLoss(zero_infinity=True)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=steps)
    for step in range(1, steps + 1):
        chosen = rng.integers(DRAWN, size=BATCH)
        classes = torch.tensor([each for place in chosen for each in texts[place]])
        lengths = torch.tensor([len(texts[place]) for place in chosen])
        logs = torch.log(network(images[torch.from_numpy(chosen)]).clamp_min(1e-8)).transpose(0, 1)
        loss = criterion(logs, classes, torch.full((BATCH,), len(logs)), lengths)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: loss {loss.item():.3f}", flush=True)
    return network.eval()


def publish(network: Recogniser, path: Path) -> None:
    """Write a network as ONNX, with its dictionary."""
    import onnx  # noqa: PLC0415 - at the end only

    torch.onnx.export(
        network,
        (torch.zeros(1, 3, HEIGHT, WIDEST),),
        str(path),
        input_names=["image"],
        output_names=["characters"],
        dynamic_axes={"image": {0: "batch", 3: "width"}, "characters": {0: "batch", 1: "steps"}},
        opset_version=17,
        dynamo=False,
    )
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"character": "\n".join(CHARACTERS)})
    path.write_bytes(model.SerializeToString())


def main() -> None:
    """Read the command line, train and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file")
    parser.add_argument("--steps", type=int, default=1500, help="default: %(default)s")
    arguments = parser.parse_args()
    publish(train(arguments.steps), arguments.out)


if __name__ == "__main__":
    main()
