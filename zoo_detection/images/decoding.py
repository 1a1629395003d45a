"""Image file -> pixels, as ``zoo_images.decoding`` has them, of the size that the annotation says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_images import decoding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo_detection.samples import DetectionSample

OTHERWISE: Final = ", or correct the annotation"


def decode_image(sample: DetectionSample) -> NDArray[np.uint8]:
    """Decode a sample's file to 8-bit B, G, R and turn it upright as its EXIF orientation says.

    Returns:
        uint8 [height, width, 3].

    Raises:
        DatasetError: The file is missing, cannot be decoded, or does not have the annotated size.
    """
    image = decoding.decode_image(sample, OTHERWISE)
    height, width = image.shape[:2]
    if (width, height) != (sample.width, sample.height):
        raise decoding.refusal(
            sample,
            f"expected {sample.width} x {sample.height} pixels as in its annotation, found {width} x {height} "
            "(after its EXIF orientation, if it has one)",
            OTHERWISE,
        )
    return image


def read_image(sample: DetectionSample) -> bytes:
    """Read a sample's file.

    Raises:
        DatasetError: It is missing, cannot be read, or would have too many pixels.
    """
    return decoding.read_image(sample, OTHERWISE)
