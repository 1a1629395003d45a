"""What the host feeds the model: the plugin's float inputs, or, with AIPP, 8-bit pixels.

AIPP is that of ``atc.aipp``, or that of a file of the user's own (``atc.insert_op_conf``) on a backend that reads it.

Pixels are a quarter of the bytes to write, to transfer and to keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import PluginError
from zoo_runner.plugin.interfaces import BATCH, TensorSpec
from zoo_runner.plugin.pixels import PixelPreprocess
from zoo_runner.plugin.tensors import array_texts, mismatch, sample_texts

if TYPE_CHECKING:
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Sample


_AXES: Final = 3
"""Channels, rows and columns."""


def host_inputs(manifest: Manifest, *, own_aipp: bool = False) -> tuple[TensorSpec, ...]:
    """Return the inputs as a session of the converted or folded model takes them.

    Args:
        manifest: The manifest in effect.
        own_aipp: Whether the model has the AIPP of a file of the user's own.
    """
    return uint8_inputs(manifest) if own_aipp or manifest.atc.aipp is not None else manifest.input_specs


def uint8_inputs(manifest: Manifest) -> tuple[TensorSpec, ...]:
    """Return the inputs as a model with AIPP takes them: uint8, channels last.

    The manifest's schema has checked that there is one input, of shape [batch, 3, height, width].
    """
    (image,) = manifest.input_specs
    channels, height, width = image.sample_shape()
    return (TensorSpec(image.name, "uint8", (BATCH, height, width, channels)),)


def takes_pixels(manifest: Manifest, preprocess: Preprocess) -> bool:
    """Say whether a model with an AIPP file of the user's own can be fed: with one image, of which there are pixels."""
    if manifest.atc.insert_op_conf is None or not isinstance(preprocess, PixelPreprocess):
        return False
    return len(manifest.input_specs) == 1 and len(manifest.input_specs[0].sample_shape()) == _AXES


def host_preprocess(manifest: Manifest, preprocess: Preprocess, *, own_aipp: bool = False) -> Preprocess:
    """Return what makes :func:`host_inputs` of a sample, by the plugin's preprocessing."""
    if not (own_aipp or manifest.atc.aipp is not None) or not isinstance(preprocess, PixelPreprocess):
        return preprocess
    (image,) = uint8_inputs(manifest)
    return PixelInputs(preprocess, image)


@dataclass(frozen=True)
class PixelInputs:
    """The plugin's preprocessing, stopped before its arithmetic.

    Attributes:
        preprocess: The plugin's.
        image: What a sample must become.
    """

    preprocess: PixelPreprocess
    image: TensorSpec

    @property
    def identity(self) -> str:
        """The plugin's identity, told apart from that of its float inputs."""
        return f"pixels of {self.preprocess.identity}"

    def __call__(self, sample: Sample) -> Arrays:
        """Return the sample's pixels under the input's name.

        Raises:
            PluginError: The plugin returned something else than it promises.
        """
        arrays = self.preprocess.pixels(sample)
        found = {name: (array.dtype.name, array.shape) for name, array in arrays.items()}
        if found != {self.image.name: (self.image.dtype, self.image.sample_shape())}:
            where, remedy = f"pixels of sample {sample.id!r}", "correct the plugin's preprocessing"
            raise PluginError(mismatch(where, sample_texts([self.image]), array_texts(arrays), remedy))
        return arrays
