"""Image file -> network input, bit for bit what the published accuracy was measured with.

Decoding, resizing and the conversion below release Python's interpreter lock, so calls from several threads
overlap. OpenCV also splits one resize over a pool of its own, as large as the machine. That costs no pixel, but a
program that already runs one call per core should switch it off once at its start, with
``cv2.setNumThreads(1)``; this module leaves OpenCV's process-wide settings alone.
"""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from refinedet_plugin.compiled import Compiled, begin
from zoo_runner.errors import DatasetError
from zoo_runner.interfaces import Normalisation

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from refinedet_plugin.config import RefineDetConfig
    from refinedet_plugin.voc import VocSample
    from zoo_runner.interfaces import Arrays, Sample

REVISION: Final = 1
"""Counts the changes of this module that changed a pixel."""
CHANNELS: Final = 3
JPEG_START: Final = b"\xff\xd8"
JPEG_END: Final = b"\xff\xd9"
FILL: Final = 0xFF
START_OF_SCAN: Final = 0xDA
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
        """Begins to load the compiled loop, if it pays for that many samples."""
        begin(samples, SHIFT)

    def __call__(self, sample: Sample) -> Arrays:
        """Prepares one image (reference: ``BaseTransform`` and ``VOCDetection.pull_item``).

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
        """Prepares one image for a model that normalises it itself; three bytes a pixel instead of twelve.

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
        image = decode_image(cast("VocSample", sample))  # the plugin's own data set gives nothing else
        return resize(image, self._size, into)


def decode_image(sample: VocSample) -> NDArray[np.uint8]:
    """Decodes a sample's file to 8-bit B, G, R and turns it upright as its EXIF orientation says.

    The pixels are those of ``cv2.imread``. It is not called because it fills the missing part of a truncated
    JPEG with grey, and because it does not say why it cannot read a file.

    Returns:
        uint8 [height, width, 3].

    Raises:
        DatasetError: The file is missing, cannot be decoded, or does not have the annotated size.
    """
    import cv2  # noqa: PLC0415 - takes a tenth of a second, and only decoding needs it

    try:
        data = contents(sample.path)
    except OSError as error:
        raise _refusal(sample, f"expected a readable file, found: {error.strerror}") from error
    if jpeg_is_truncated(data):
        raise _refusal(sample, f"expected a whole JPEG, found {len(data)} bytes without its end")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _refusal(sample, f"expected an image, OpenCV says: {error.err}") from error
    if image is None:
        raise _refusal(sample, f"expected an image that OpenCV can decode, found {len(data)} other bytes")
    height, width = image.shape[:2]
    if (width, height) != (sample.width, sample.height):
        raise _refusal(
            sample,
            f"expected {sample.width} x {sample.height} pixels as in its annotation, found {width} x {height} "
            "(after its EXIF orientation, if it has one)",
            ", or correct the annotation",
        )
    return cast("NDArray[np.uint8]", image)  # cv2's stubs leave the pixel type open


def contents(path: Path) -> bytes:
    """Reads a regular file, in three fifths of the time of a file object; raises what ``open`` does."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def _refusal(sample: VocSample, fault: str, otherwise: str = "") -> DatasetError:
    """The error for a sample's file; its text is only made when there is one."""
    origin = f"image of sample {sample.id!r}: {sample.path}"
    return DatasetError(f"{origin}: {fault}; restore the file from the data set's archive{otherwise}")


def jpeg_is_truncated(data: bytes) -> bool:
    """Whether data starts as a JPEG and stops before the end marker of its image.

    Decoders differ on such files: OpenCV has returned grey, uninitialised memory or nothing, depending on its
    version. The header's segments are skipped by their lengths, since an embedded thumbnail has end markers too.
    """
    if not data.startswith(JPEG_START):
        return False
    position = len(JPEG_START)
    while position + 4 <= len(data) and data[position] == FILL and data[position + 1] != START_OF_SCAN:
        if data[position + 1] == FILL:
            position += 1
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return data.rfind(JPEG_END, position) < 0


def scratch(size: int) -> NDArray[np.uint8]:
    """Gives the calling thread's own memory for resized pixels that are converted at once: uint8 [S, S, 3].

    Memory that is used again is in the processor's cache: a tenth of the time of a resize.
    """
    pixels = getattr(_THREAD, "pixels", None)
    if pixels is None or len(pixels) != size:
        pixels = _THREAD.pixels = np.empty((size, size, CHANNELS), np.uint8)
    return cast("NDArray[np.uint8]", pixels)  # a thread's attributes have no types


def resize(image: NDArray[np.uint8], size: int, into: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Stretches an image to a square with OpenCV's bilinear filter.

    Args:
        image: uint8 [height, width, 3].
        size: Side S of the result in pixels.
        into: Memory for the result, uint8 [S, S, 3]; new memory by default.

    Returns:
        uint8 [S, S, 3], C-contiguous.
    """
    import cv2  # noqa: PLC0415 - takes a tenth of a second, and only decoding needs it

    resized = cv2.resize(image, (size, size), dst=into, interpolation=cv2.INTER_LINEAR)
    return cast("NDArray[np.uint8]", resized)  # cv2's stubs leave the pixel type open


def normalise(pixels: NDArray[np.uint8], mean: tuple[np.float32, ...]) -> NDArray[np.float32]:
    """Subtracts the mean and puts the channels first.

    Split first, then converted and subtracted in place, this takes a tenth of the time of the reference's chain of
    whole-image steps, and a compiled loop a third of that; every value is one float32 subtraction in all of them,
    so no bit differs.

    Args:
        pixels: uint8 [height, width, 3] in B, G, R order.
        mean: To subtract, in B, G, R order.

    Returns:
        float32 [3, height, width] in R, G, B order, C-contiguous.
    """
    import cv2  # noqa: PLC0415 - takes a tenth of a second, and only decoding needs it

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
    """Writes pixels [3 P], B, G, R in turn, minus the means to three planes [P]; written to be compiled."""
    for place in range(len(red)):
        red[place] = np.float32(pixels[3 * place + 2]) - mean_red
        green[place] = np.float32(pixels[3 * place + 1]) - mean_green
        blue[place] = np.float32(pixels[3 * place]) - mean_blue


SHIFT: Final = Compiled(
    shift,
    "void(Array(uint8, 1, 'C', readonly=True), float32, float32, float32, float32[::1], float32[::1], float32[::1])",
)
