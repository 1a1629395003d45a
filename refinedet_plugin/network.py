"""The RefineDet network: VGG-16, an anchor refinement module and an object detection module.

The names and shapes of the parameters are those of the published checkpoints (reference: the state_dict of
the PyTorch implementation), so that they load key for key. Paper: arXiv:1711.06897, section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import nn

from refinedet_plugin.config import PRIORS_PER_CELL
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.tensors import mismatch, tensor_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from refinedet_plugin.config import RefineDetConfig

BOX_VALUES: Final = 4
OBJECTNESS_CLASSES: Final = 2
CONV4_3: Final = 22
"""Index in ``vgg`` of the ReLU after conv4_3."""
CONV5_3: Final = 29
"""Index in ``vgg`` of the ReLU after conv5_3."""
VGG_PLAN: Final = (
    64,
    64,
    "pool",
    128,
    128,
    "pool",
    256,
    256,
    256,
    "ceil",
    512,
    512,
    512,
    "pool",
    512,
    512,
    512,
    "pool",
)
"""Channel counts of the 3x3 convolutions, and the 2x2 pools; the third pool rounds its output size up."""


class L2Norm(nn.Module):
    """Scales every position's feature vector to unit length, times one learned weight per channel.

    y = x / (sqrt(sum_c x²) + 1e-10) * weight (ParseNet, arXiv:1506.04579, section 3.3).
    """

    EPS: Final = 1e-10

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), scale))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Normalise float features [B, C, H, W] over C."""
        squares = features.pow(2).sum(dim=1, keepdim=True)
        if self.training:
            # A position without any activation has norm 0, where the square root's gradient is infinite.
            squares = squares.clamp_min(self.EPS**2)
        unit = features / (squares.sqrt() + self.EPS)
        return unit * self.weight.view(1, -1, 1, 1)


class RefineDet(nn.Module):
    """RefineDet with a VGG-16 backbone.

    Args:
        config: Fixes the input size, the classes and the width. Both input sizes have the same parameters.
    """

    def __init__(self, config: RefineDetConfig) -> None:
        super().__init__()
        self.input_shape = (3, config.input_size, config.input_size)
        self.num_priors = config.num_priors
        self.num_classes = config.num_classes
        conv4, fc7, squeeze, extra, block = (config.channels(c) for c in (512, 1024, 256, 512, 256))
        sources = (conv4, conv4, fc7, extra)
        self.vgg = nn.ModuleList(_vgg(config))
        self.conv4_3_L2Norm = L2Norm(conv4, 10.0)
        self.conv5_3_L2Norm = L2Norm(conv4, 8.0)
        self.extras = nn.ModuleList((nn.Conv2d(fc7, squeeze, 1), nn.Conv2d(squeeze, extra, 3, stride=2, padding=1)))
        self.arm_loc = _heads(sources, BOX_VALUES)
        self.arm_conf = _heads(sources, OBJECTNESS_CLASSES)
        self.odm_loc = _heads([block] * len(sources), BOX_VALUES)
        self.odm_conf = _heads([block] * len(sources), config.num_classes)
        # The three parts of the transfer connection blocks: before, across from the coarser map, and after.
        self.tcb0 = nn.ModuleList(
            layer for c in sources for layer in (_conv3x3(c, block), nn.ReLU(inplace=True), _conv3x3(block, block))
        )
        self.tcb1 = nn.ModuleList(nn.ConvTranspose2d(block, block, 2, stride=2) for _ in sources[1:])
        self.tcb2 = nn.ModuleList(
            layer for _ in sources for layer in (nn.ReLU(inplace=True), _conv3x3(block, block), nn.ReLU(inplace=True))
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Run the deployed network.

        Args:
            image: float32 [B, 3, S, S], RGB, mean already subtracted.

        Returns:
            arm_loc [B, N, 4], arm_conf [B, N, 2], odm_loc [B, N, 4] and odm_conf [B, N, classes + 1]: encoded
            offsets, and probabilities whose channel 0 is the background. Priors run fine to coarse.
        """
        arm_loc, arm_conf, odm_loc, odm_conf = self.logits(image)
        return arm_loc, arm_conf.softmax(dim=-1), odm_loc, odm_conf.softmax(dim=-1)

    def logits(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """As ``forward``, but both confidences are logits: what a training loss needs.

        Raises:
            ValueError: The image has another shape than the priors are laid out for.
        """
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call] # exported without types
        if not tracing and tuple(image.shape[1:]) != self.input_shape:
            expected = tensor_text("", "float32", [BATCH, *self.input_shape])
            found = tensor_text("", str(image.dtype).removeprefix("torch."), image.shape)
            remedy = "resize them, or build the network for their size"
            raise ValueError(mismatch("images", [expected], [found], remedy))
        sources = self._sources(image)
        blocks = self._transfer(sources)
        return (
            self._predict(self.arm_loc, sources, BOX_VALUES),
            self._predict(self.arm_conf, sources, OBJECTNESS_CLASSES),
            self._predict(self.odm_loc, blocks, BOX_VALUES),
            self._predict(self.odm_conf, blocks, self.num_classes),
        )

    def _sources(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Feature maps of strides 8, 16, 32 and 64."""
        sources = []
        x = image
        for index, layer in enumerate(self.vgg):
            x = layer(x)
            if index == CONV4_3:
                sources.append(self.conv4_3_L2Norm(x))
            elif index == CONV5_3:
                sources.append(self.conv5_3_L2Norm(x))
        sources.append(x)
        for layer in self.extras:
            x = layer(x).relu()
        sources.append(x)
        return sources

    def _transfer(self, sources: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Add each coarser map, upsampled, to the next finer one (paper, section 3.1)."""
        blocks: list[torch.Tensor] = []
        for index in reversed(range(len(sources))):
            x = sources[index]
            for layer in self.tcb0[3 * index : 3 * index + 3]:
                x = layer(x)
            if blocks:
                x = x + self.tcb1[index](blocks[-1])
            for layer in self.tcb2[3 * index : 3 * index + 3]:
                x = layer(x)
            blocks.append(x)
        return blocks[::-1]

    def _predict(self, heads: nn.ModuleList, maps: Sequence[torch.Tensor], values: int) -> torch.Tensor:
        """Concatenate the heads' predictions to [B, N, values], in the order of the priors."""
        flat = [head(x).permute(0, 2, 3, 1).flatten(1) for head, x in zip(heads, maps, strict=True)]
        # N is a constant and the batch is the inferred size, which keeps the exported batch axis dynamic.
        return torch.cat(flat, dim=1).view(-1, self.num_priors, values)


def _conv3x3(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _heads(inputs: Sequence[int], values: int) -> nn.ModuleList:
    return nn.ModuleList(_conv3x3(c, PRIORS_PER_CELL * values) for c in inputs)


def _vgg(config: RefineDetConfig) -> list[nn.Module]:
    """VGG-16 up to conv5_3, pool5, and fc6 and fc7 as convolutions (fc6 dilated by 3)."""
    layers: list[nn.Module] = []
    inputs = 3
    for step in VGG_PLAN:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(2, stride=2, ceil_mode=step == "ceil"))
        else:
            outputs = config.channels(step)
            layers += [_conv3x3(inputs, outputs), nn.ReLU(inplace=True)]
            inputs = outputs
    fc = config.channels(1024)
    layers += [nn.Conv2d(inputs, fc, 3, padding=3, dilation=3), nn.ReLU(inplace=True)]
    layers += [nn.Conv2d(fc, fc, 1), nn.ReLU(inplace=True)]
    return layers
