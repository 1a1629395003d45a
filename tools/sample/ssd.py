"""A small SSD on MobileNetV2: the network of the sample of the plugin ``detect``, and its priors.

Papers: arXiv:1512.02325 (SSD) and arXiv:1801.04381 (MobileNetV2, section 6.2: its heads are separable).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn

from zoo_detection.priors import PriorMap, Priors

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE: Final = 160
PRIORS: Final = Priors(
    maps=(
        PriorMap(cells=(20, 20), size=14, next_size=26, ratios=(1.6,)),
        PriorMap(cells=(10, 10), size=26, next_size=48, ratios=(1.6,)),
        PriorMap(cells=(5, 5), size=48, next_size=80, ratios=(1.6,)),
        PriorMap(cells=(3, 3), size=80, next_size=112, ratios=(1.6,)),
    ),
)
SHAPES: Final = 4
"""Priors of a cell."""
BOX_VALUES: Final = 4
STEM: Final = 16
BLOCKS: Final = (
    # expansion, channels, stride, whether a head reads the result
    (1, 16, 1, False),
    (2, 24, 2, False),
    (3, 24, 1, False),
    (4, 40, 2, False),
    (4, 40, 1, False),
    (4, 40, 1, True),
    (4, 64, 2, False),
    (4, 64, 1, False),
    (4, 64, 1, True),
    (4, 80, 2, False),
    (3, 80, 1, True),
    (2, 80, 2, True),
)


class InvertedResidual(nn.Module):
    """Widens, filters each channel on its own, and narrows again (MobileNetV2, section 3)."""

    def __init__(self, inputs: int, outputs: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        widen = _convolution(inputs, hidden, 1) if expansion > 1 else []
        self.layers = nn.Sequential(
            *widen,
            *_convolution(hidden, hidden, 3, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Float [B, inputs, H, W] to [B, outputs, H / stride, W / stride]."""
        result: Tensor = self.layers(features)
        return features + result if self.shortcut else result


class SmallSsd(nn.Module):
    """The detector.

    Args:
        classes: Number of foreground classes.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.channels = classes + 1
        self.stem = nn.Sequential(*_convolution(3, STEM, 3, stride=2))
        blocks, heads, inputs = [], [], STEM
        for expansion, outputs, stride, read in BLOCKS:
            blocks.append(InvertedResidual(inputs, outputs, expansion=expansion, stride=stride))
            inputs = outputs
            if read:
                heads.append(_head(outputs, SHAPES * (BOX_VALUES + self.channels)))
        self.blocks, self.heads = nn.ModuleList(blocks), nn.ModuleList(heads)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Run the deployed network.

        Args:
            image: float32 [B, 3, S, S], RGB, from -1 to 1.

        Returns:
            Encoded offsets [B, N, 4] and probabilities [B, N, classes + 1], the background first.
        """
        offsets, logits = self.logits(image)
        return offsets, logits.softmax(dim=-1)

    def logits(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """As ``forward``, but with logits: what a training loss needs."""
        return self._predicted(self._sources(image))

    def _sources(self, image: Tensor) -> list[Tensor]:
        features, sources = self.stem(image), []
        for block, (_, _, _, read) in zip(self.blocks, BLOCKS, strict=True):
            features = block(features)
            if read:
                sources.append(features)
        return sources

    def _predicted(self, sources: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Concatenate the heads' predictions in the order of the priors: a row a prior, offsets before classes."""
        values = BOX_VALUES + self.channels
        maps = [head(source).permute(0, 2, 3, 1).flatten(1) for head, source in zip(self.heads, sources, strict=True)]
        # N is a constant and the batch is the inferred size, which keeps the exported batch axis dynamic.
        rows = torch.cat(maps, dim=1).view(-1, PRIORS.count, values)
        return rows[..., :BOX_VALUES], rows[..., BOX_VALUES:]


def _convolution(inputs: int, outputs: int, size: int, *, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    ]


def _head(inputs: int, outputs: int) -> nn.Sequential:
    last = nn.Conv2d(inputs, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias if last.bias is not None else torch.empty(0))
    return nn.Sequential(*_convolution(inputs, inputs, 3, groups=inputs), last)
