"""What a preprocessing offers whose arithmetic on pixels the model can do itself.

All of it is optional, and only for models of images. Plugins may import this module as they may
:mod:`zoo_runner.plugin.interfaces`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from zoo_runner.plugin.interfaces import Preprocess

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Sample


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """What turns the pixels of an image into the network's input.

    For channel ``c`` of the input: ``(pixel - mean[c]) * scale[c]``.

    Attributes:
        mean: By channel of the network's input, on the scale of the pixels (0 to 255).
        scale: By channel of the network's input; multiplied after the subtraction.
        swap_red_blue: Whether the input's first channel is the pixels' last.
        height: Rows of the image.
        width: Columns of the image.
    """

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    swap_red_blue: bool
    height: int
    width: int


@runtime_checkable
class PixelPreprocess(Preprocess, Protocol):
    """A preprocessing that can stop at the pixels and leave the normalisation to the model."""

    @property
    def normalisation(self) -> Normalisation:
        """What the model then has to do itself."""

    def pixels(self, sample: Sample) -> Arrays:
        """Return the sample's pixels under the input's name: uint8 [height, width, channels]."""
