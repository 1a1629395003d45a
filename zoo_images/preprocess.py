"""A preprocessing that is made of operations, for every sample that is an image file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from zoo_images.chain import Chain, ImageSizeError
from zoo_images.damage import check_identity, examine
from zoo_images.decoding import decode_image, read_image, refusal
from zoo_images.operations import Layout, Normalise
from zoo_runner.errors import ManifestError
from zoo_runner.plugin.interfaces import BATCH
from zoo_runner.plugin.pixels import Normalisation
from zoo_runner.plugin.tensors import declared_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from zoo_images.operations import Operation
    from zoo_runner.plugin.interfaces import Arrays, Finding, Sample, TensorSpec
    from zoo_runner.plugin.shapes import Sizes

    Decode = Callable[[Sample], NDArray[np.uint8]]

REVISION: Final = 1
"""Counts the changes of this package that changed a number of a result."""
CHANNELS: Final = 3
AXES: Final = 3
"""Of one image, with its channels."""


class ImagePreprocess:
    """Decodes the image of a sample and applies operations to it.

    Where the last of them is ``normalise`` (before the layout, if any) and every image gets the same size, the object
    is a :class:`PixelImagePreprocess`, which can leave the normalisation to the model.

    Args:
        operations: What is done with each image, in order.
        input: The network's input. Its open axes are rows and columns that each image decides.
        decode: Gives the pixels of a sample, uint8 [height, width, 3]; it may check more of them.

    Attributes:
        identity: Canonical JSON of all that decides the result.

    Raises:
        ManifestError: The operations give something else than the input takes.
    """

    identity: str

    def __new__(  # noqa: PYI034 - Self came with Python 3.11
        cls,
        operations: tuple[Operation, ...],
        input: TensorSpec,  # noqa: A002, ARG004 - as __init__ has it
        decode: Decode = decode_image,  # noqa: ARG004 - likewise
    ) -> ImagePreprocess:
        """Choose the class that has what these operations allow."""
        return super().__new__(PixelImagePreprocess if _normalise_last(operations) else cls)

    def __init__(
        self,
        operations: tuple[Operation, ...],
        input: TensorSpec,  # noqa: A002 - as the manifest calls it
        decode: Decode = decode_image,
    ) -> None:
        self.chain = Chain(operations)
        self._decode = decode
        self._input = input
        self._planar = isinstance(operations[-1], Layout) and operations[-1].order == "CHW"
        self._require_fit()
        settings = [each.model_dump(mode="json") for each in operations]
        named = {"input": [input.name, input.dtype, list(input.shape)], "operations": settings, "preprocess": REVISION}
        self.identity = json.dumps(named, sort_keys=True, separators=(",", ":"))

    def __getnewargs__(self) -> tuple[tuple[Operation, ...], TensorSpec, Decode]:
        """Return what an object that is copied or unpickled is made with."""
        return self.chain.operations, self._input, self._decode

    @property
    def check_identity(self) -> str:
        """Everything a finding depends on but the content of the file."""
        return check_identity()

    def check(self, sample: Sample) -> Finding | None:
        """Look for damage of the image that OpenCV would decode to grey areas.

        Raises:
            DatasetError: The file is missing or cannot be read.
            PrerequisiteError: What the check needs is not installed.
        """
        return examine(read_image(sample))[1]

    def __call__(self, sample: Sample) -> Arrays:
        """Prepare one image.

        Returns:
            Under the input's name: C-contiguous, float32 where the image is normalised, else uint8.

        Raises:
            DatasetError: The file is missing, cannot be decoded, or is too small to be cut.
        """
        return {self._input.name: self._applied(self.chain, sample)}

    def sizes(self, sample: Sample) -> Sizes:
        """Return the size of each open axis of the input; the image is decoded for that.

        Raises:
            DatasetError: As for a call.
        """
        height, width = self._decode(sample).shape[:2]
        try:
            columns, rows = self.chain.size(width, height)
        except ImageSizeError as error:
            raise refusal(sample, str(error)) from None
        shape = self._shape(columns, rows)
        return {str(axis): size for axis, size in zip(self._axes(), shape, strict=True) if axis in self._input.axes}

    def _applied(self, chain: Chain, sample: Sample) -> NDArray[Any]:
        try:
            return chain.apply(self._decode(sample))
        except ImageSizeError as error:
            raise refusal(sample, str(error)) from None

    def _axes(self) -> tuple[int | str, ...]:
        return tuple(size for size in self._input.shape if size != BATCH)

    def _shape(self, width: int, height: int) -> tuple[int, ...]:
        return (CHANNELS, height, width) if self._planar else (height, width, CHANNELS)

    def _require_fit(self) -> None:
        """Refuse operations whose result cannot be the input, before any image is read."""
        dtype = "float32" if any(isinstance(each, Normalise) for each in self.chain.operations) else "uint8"
        size = self.chain.fixed_size()
        axes = self._axes()
        width, height = size or ("width", "height")
        made = (CHANNELS, height, width) if self._planar else (height, width, CHANNELS)
        fits = len(axes) == AXES and all(
            have == want or (isinstance(have, str) and place != made.index(CHANNELS)) or isinstance(want, str)
            for place, (have, want) in enumerate(zip(axes, made, strict=True))
        )
        if self._input.dtype != dtype or not fits:
            (declared,) = declared_texts([self._input])
            raise ManifestError(
                f"plugin.config.preprocess: expected steps that make the input {declared}, found steps that make "
                f"{dtype}[batch, {', '.join(map(str, made))}]; correct the steps "
                "(normalise makes float32, layout puts the channels first), or the manifest's inputs"
            )


class PixelImagePreprocess(ImagePreprocess):
    """Operations that end with the arithmetic on pixels, which the model can do itself.

    Attributes:
        normalisation: That arithmetic.
    """

    normalisation: Normalisation

    def __init__(
        self,
        operations: tuple[Operation, ...],
        input: TensorSpec,  # noqa: A002 - as the manifest calls it
        decode: Decode = decode_image,
    ) -> None:
        super().__init__(operations, input, decode)
        place, last = next((place, each) for place, each in enumerate(operations) if isinstance(each, Normalise))
        self._pixels = Chain(operations[:place])
        width, height = self._pixels.fixed_size() or (0, 0)
        mean, scale = last.arithmetic
        self.normalisation = Normalisation(
            mean=mean, scale=scale, swap_red_blue=last.order == "RGB", height=height, width=width
        )

    def pixels(self, sample: Sample) -> Arrays:
        """Prepare one image for a model that normalises it itself.

        Returns:
            Under the input's name: uint8 [height, width, 3], C-contiguous, channels B, G, R.

        Raises:
            DatasetError: As for a call.
        """
        return {self._input.name: self._applied(self._pixels, sample)}


def _normalise_last(operations: tuple[Operation, ...]) -> bool:
    """Say whether normalise is last before the layout, and each image has the same size there."""
    named = [each.op for each in operations]
    rest = [name for name in named if name != "layout"]
    return rest[-1:] == ["normalise"] and Chain(operations).fixed_size() is not None
