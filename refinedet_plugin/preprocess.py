"""Image file -> network input, bit for bit what the published accuracy was measured with.

Decoding, resizing and the conversion below release Python's interpreter lock, so calls from several threads
overlap. OpenCV also splits one resize over a pool of its own, as large as the machine. That costs no pixel, but a
program that already runs one call per core should switch it off once at its start, with
``cv2.setNumThreads(1)``; this module leaves OpenCV's process-wide settings alone.
"""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from zoo_detection.compiled import Compiled, begin
from zoo_detection.images.decoding import decode_image, read_image
from zoo_images.damage import check_identity, examine
from zoo_runner.plugin.pixels import Normalisation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from refinedet_plugin.config import RefineDetConfig
    from zoo_detection.samples import DetectionSample
    from zoo_runner.plugin.interfaces import Arrays, Finding, Sample

REVISION: Final = 1
"""Counts the changes of this module that changed a pixel."""
CHANNELS: Final = 3
_THREAD: Final = threading.local()


class RefineDetPreprocess:
    """Reads, resizes and normalises the image of a sample.

    Attributes:
        identity: Canonical JSON of what decides the result.
        normalisation: What a model that takes pixels has to do itself: subtract the mean, B, G, R to R, G, B.
    """

    identity: str
    normalisation: Normalisation

    def __init__(self, config: RefineDetConfig) -> None:
        self._size = int(config.input_size)
        self._mean = tuple(np.float32(value) for value in config.mean)
        settings = {"input_size": self._size, "mean": list(config.mean), "preprocess": REVISION}
        self.identity = json.dumps(settings, sort_keys=True, separators=(",", ":"))
        self.normalisation = Normalisation(
            mean=tuple(reversed(config.mean)),
            scale=(1.0,) * CHANNELS,
            swap_red_blue=True,
            height=self._size,
            width=self._size,
        )

    def warm(self, samples: int) -> None:
        """Begin to load the compiled loop, if it pays for that many samples."""
        begin(samples, SHIFT)

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
        return examine(read_image(cast("DetectionSample", sample)))[1]

    def __call__(self, sample: Sample) -> Arrays:
        """Prepare one image (reference: ``BaseTransform`` and ``VOCDetection.pull_item``).

        Args:
            sample: A sample of the VOC reader.

        Returns:
            ``image``: float32 [3, S, S], C-contiguous, channels R, G, B: the pixel (0 to 255) of the image,
            stretched to S x S with OpenCV's bilinear filter, minus the channel's mean.

        Raises:
            DatasetError: The file is missing, cannot be decoded, or does not have the annotated size.
        """
        return {"image": normalise(self._resized(sample, scratch(self._size)), self._mean)}

    def pixels(self, sample: Sample) -> Arrays:
        """Prepare one image for a model that normalises it itself; three bytes a pixel instead of twelve.

        Args:
            sample: A sample of the VOC reader.

        Returns:
            ``image``: uint8 [S, S, 3], C-contiguous, channels B, G, R: the image stretched to S x S with
            OpenCV's bilinear filter.

        Raises:
            DatasetError: The file is missing, cannot be decoded, or does not have the annotated size.
        """
        return {"image": self._resized(sample)}

    def _resized(self, sample: Sample, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        image = decode_image(cast("DetectionSample", sample))  # the plugin's own data set gives nothing else
        return resize(image, self._size, into)


def scratch(size: int) -> NDArray[np.uint8]:
    """Give the calling thread's own memory for resized pixels that are converted at once: uint8 [S, S, 3].

    Memory that is used again is still in the processor's cache.
    """
    pixels = getattr(_THREAD, "pixels", None)
    if pixels is None or len(pixels) != size:
        pixels = _THREAD.pixels = np.empty((size, size, CHANNELS), np.uint8)
    return cast("NDArray[np.uint8]", pixels)  # a thread's attributes have no types


def resize(image: NDArray[np.uint8], size: int, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Stretch an image to a square with OpenCV's bilinear filter.

    Args:
        image: uint8 [height, width, 3].
        size: Side S of the result in pixels.
        into: Memory for the result, uint8 [S, S, 3]; new memory by default.

    Returns:
        uint8 [S, S, 3], C-contiguous.
    """
    import cv2  # noqa: PLC0415 - takes long to load, and only decoding needs it

    resized = cv2.resize(image, (size, size), dst=into, interpolation=cv2.INTER_LINEAR)
    return cast("NDArray[np.uint8]", resized)  # cv2's stubs leave the pixel type open


def normalise(pixels: NDArray[np.uint8], mean: tuple[np.float32, ...]) -> NDArray[np.float32]:
    """Subtract the mean and put the channels first.

    The channels are split first, then converted and subtracted in place, which is faster than the reference's chain
    of whole-image steps; a compiled loop is faster still (``benchmarks/README.md``). Every value is one float32
    subtraction in all of them, so no bit differs.

    Args:
        pixels: uint8 [height, width, 3] in B, G, R order.
        mean: To subtract, in B, G, R order.

    Returns:
        float32 [3, height, width] in R, G, B order, C-contiguous.
    """
    import cv2  # noqa: PLC0415 - takes long to load, and only decoding needs it

    planes = np.empty((CHANNELS, *pixels.shape[:2]), np.float32)
    kernel = SHIFT.ready()
    if kernel is not None and pixels.flags.c_contiguous:
        kernel(pixels.reshape(-1), *mean, *planes.reshape(CHANNELS, -1))
        return planes
    for plane, channel, offset in zip(planes, reversed(cv2.split(pixels)), reversed(mean), strict=True):
        plane[...] = channel
        np.subtract(plane, offset, out=plane)
    return planes


def shift(
    pixels: NDArray[np.uint8],
    mean_blue: np.float32,
    mean_green: np.float32,
    mean_red: np.float32,
    red: NDArray[np.float32],
    green: NDArray[np.float32],
    blue: NDArray[np.float32],
) -> None:
    """Write pixels [3 P], B, G, R in turn, minus the means to three planes [P]; written to be compiled."""
    for place in range(len(red)):
        red[place] = np.float32(pixels[3 * place + 2]) - mean_red
        green[place] = np.float32(pixels[3 * place + 1]) - mean_green
        blue[place] = np.float32(pixels[3 * place]) - mean_blue


SHIFT: Final = Compiled(
    shift,
    "void(Array(uint8, 1, 'C', readonly=True), float32, float32, float32, float32[::1], float32[::1], float32[::1])",
)
