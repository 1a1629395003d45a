"""Image file -> pixels, exactly those of OpenCV; every fault is named with the sample and its file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from zoo_images.announced_size import FORMATS, JPEG_START, announced_size
from zoo_images.damage import without_complaints
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.files import Bound, read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Sample

CHANNELS: Final = 3
LARGEST: Final = Bound("ZOO_RUNNER_IMAGE_LIMIT", 256 * 10**6)
"""Bytes of an image file."""
MOST_PIXELS: Final = Bound("ZOO_RUNNER_PIXELS_LIMIT", 2 * 10**8)
"""Pixels of an image: 600 MB when decoded. A file of some kilobytes can have four thousand million."""
JPEG_END: Final = b"\xff\xd9"
FILL: Final = 0xFF
START_OF_SCAN: Final = 0xDA
SHAPE: Final = np.dtype(("<i8", 2))
ASIDE: Final = """
import sys, cv2, numpy
image = cv2.imdecode(numpy.frombuffer(sys.stdin.buffer.read(), numpy.uint8), cv2.IMREAD_COLOR)
sys.stdout.buffer.write(numpy.array(image.shape[:2], "<i8").tobytes() + image.tobytes())
"""
"""Bytes of a file in; height, width and pixels out."""


def decode_image(sample: Sample, otherwise: str = "") -> NDArray[np.uint8]:
    """Decode a sample's file to 8-bit B, G, R and turn it upright as its EXIF orientation says.

    The pixels are those of ``cv2.imread``. It is not called because it fills the missing part of a truncated
    JPEG with grey, and because it does not say why it cannot read a file. A file with a finding is decoded without
    what OpenCV's decoders would write about it to standard error, where their lines have no name.

    Args:
        sample: Whose file is decoded.
        otherwise: As in :func:`read_image`.

    Returns:
        uint8 [height, width, 3].

    Raises:
        DatasetError: The file is missing, cannot be decoded, or would have too many pixels.
    """
    data = read_image(sample, otherwise)
    if sample.finding is not None and sample.finding.damage:
        image = decode_aside(data)
    else:
        image = _decoded(sample, data if sample.finding is None else without_complaints(data, sample.finding))
    if image is None:
        raise refusal(sample, f"accepted as damaged, and OpenCV cannot decode it: {len(data)} bytes")
    return image


def read_image(sample: Sample, otherwise: str = "") -> bytes:
    """Read a sample's file.

    Args:
        sample: Whose file is read.
        otherwise: Ends the error about an image's size: what else may have to be corrected.

    Raises:
        DatasetError: It is missing, cannot be read, or would have more pixels than ``MOST_PIXELS`` says.
    """
    try:
        data = contents(sample.path)
    except OSError as error:
        raise refusal(sample, f"expected a readable file, found: {error.strerror}") from error
    width, height = announced_size(data) or (0, 0)
    if width * height > MOST_PIXELS.value:
        raise refusal(
            sample,
            f"expected at most {MOST_PIXELS.value:,} pixels, found {width} x {height}; {MOST_PIXELS.remedy}",
            otherwise,
        )
    return data


def _decoded(sample: Sample, data: bytes) -> NDArray[np.uint8]:
    import cv2  # noqa: PLC0415 - takes long to load, and only decoding needs it

    if jpeg_is_truncated(data):
        raise refusal(sample, f"expected a whole JPEG, found {len(data)} bytes without its end")
    if announced_size(data) is None:
        raise refusal(sample, f"expected a {FORMATS} that OpenCV can decode, found {len(data)} other bytes")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise refusal(sample, f"expected an image, OpenCV says: {error.err}") from error
    if image is None:
        raise refusal(sample, f"expected an image that OpenCV can decode, found {len(data)} other bytes")
    return cast("NDArray[np.uint8]", image)  # cv2's stubs leave the pixel type open


def decode_aside(data: bytes) -> NDArray[np.uint8] | None:
    """Decode a damaged file in a process of its own, where the decoder's lines for standard error go nowhere.

    Standard error is the whole process's, so here it could not be silenced for one of several threads. A process
    takes long to start, but damaged images that a manifest accepts are few. A JPEG without its end gets one:
    what OpenCV makes of it without depends on its version.

    Returns:
        uint8 [height, width, 3], or ``None`` where OpenCV cannot decode it, or its start does not say how large it is.
    """
    if announced_size(data) is None:
        return None
    whole = data + JPEG_END if jpeg_is_truncated(data) else data
    done = subprocess.run(  # noqa: S603 - our own interpreter and the lines below
        [sys.executable, "-c", ASIDE], input=whole, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0 or len(done.stdout) < SHAPE.itemsize:
        return None
    height, width = np.frombuffer(done.stdout, SHAPE, count=1)[0].tolist()
    return np.frombuffer(done.stdout, np.uint8, offset=SHAPE.itemsize).reshape(height, width, CHANNELS)


def contents(path: Path) -> bytes:
    """Reads a regular file.

    Raises:
        OSError: It is none, has more bytes than ``LARGEST`` says, or cannot be read.
    """
    return read_regular(path, LARGEST.value, LARGEST.remedy)


def refusal(sample: Sample, fault: str, otherwise: str = "") -> DatasetError:
    """Return the error for a sample's file.

    Args:
        sample: Whose file it is.
        fault: What was expected and found.
        otherwise: What else may have to be corrected, with the comma before it.
    """
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
