"""MobileNetV2 (arXiv:1801.04381), with the tensor names of torchvision, so that checkpoints of either fit the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torch import Tensor, nn

PUBLISHED: Final = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Of each group of blocks: factor of expansion, channels, blocks, and stride of the first one."""
FIRST: Final = 32
LAST: Final = 1280
EIGHT: Final = 8


def rounded(channels: float) -> int:
    """Return the nearest multiple of 8 that is at least 8, and not less than nine tenths of it."""
    nearest = max(EIGHT, int(channels + EIGHT / 2) // EIGHT * EIGHT)
    return nearest + EIGHT if nearest < 0.9 * channels else nearest


def _convolution(inside: int, outside: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    padding = (size - 1) // 2
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU6(inplace=True),
    )


class Block(nn.Module):
    """An inverted residual: expand, filter each channel, project; added to its input where their shapes agree."""

    def __init__(self, inside: int, outside: int, stride: int, expansion: int) -> None:
        super().__init__()
        self.adds = stride == 1 and inside == outside
        wide = inside * expansion
        expand = [] if expansion == 1 else [_convolution(inside, wide, 1)]
        self.conv = nn.Sequential(
            *expand,
            _convolution(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, outside, 1, bias=False),
            nn.BatchNorm2d(outside),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Float32 [batch, inside, height, width] to [batch, outside, height / stride, width / stride]."""
        found: Tensor = self.conv(x)
        return x + found if self.adds else found


class MobileNetV2(nn.Module):
    """The network, with random weights.

    Args:
        num_classes: Numbers that it returns for an image.
        width_mult: Factor on all channel counts but the last one.
        inverted_residual_setting: Groups of blocks in place of the published ones.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] = PUBLISHED,
    ) -> None:
        super().__init__()
        channels = rounded(FIRST * width_mult)
        layers: list[nn.Module] = [_convolution(3, channels, 3, 2)]
        for expansion, published, blocks, stride in inverted_residual_setting:
            for number in range(blocks):
                outside = rounded(published * width_mult)
                layers.append(Block(channels, outside, stride if number == 0 else 1, expansion))
                channels = outside
        last = rounded(LAST * max(1.0, width_mult))
        self.features = nn.Sequential(*layers, _convolution(channels, last, 1))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, num_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Images float32 [batch, 3, height, width] to logits float32 [batch, classes]."""
        found: Tensor = self.classifier(self.features(x).mean(dim=(2, 3)))
        return found


def mobilenet_v2(
    num_classes: int = 1000,
    width_mult: float = 1.0,
    inverted_residual_setting: Sequence[Sequence[int]] = PUBLISHED,
) -> MobileNetV2:
    """Return the network with random weights; the arguments are those of torchvision's function."""
    return MobileNetV2(num_classes, width_mult, inverted_residual_setting)
