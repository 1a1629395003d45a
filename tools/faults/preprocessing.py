"""Faults between the image file and the network's input."""

from __future__ import annotations

from typing import Final

from faults.records import EITHER, HARMLESS, Fault
from faults.ways import PREPROCESS, added, code, settings

AREA: Final = "preprocessing"
RESIZE: Final = """
    import cv2
    _resize = resize
    def resize(image, size, into=None):
        {}
"""
NORMALISE: Final = """
    _normalise = normalise
    def normalise(pixels, mean):
        {}
"""


def resized(body: str) -> str:
    """Give ``resize`` another body; the old one is ``_resize``."""
    return RESIZE.format(body)


def normalised(body: str) -> str:
    """Give ``normalise`` another body; the old one is ``_normalise``."""
    return NORMALISE.format(body)


FAULTS: Final = (
    Fault(
        name="mean-zero",
        area=AREA,
        what="no mean subtracted from the pixels",
        act=settings("plugin.config.mean=[0, 0, 0]"),
        quick=True,
    ),
    Fault(
        name="mean-order",
        area=AREA,
        what="the mean in the order R, G, B",
        act=settings("plugin.config.mean=[123, 117, 104]"),
        expect=EITHER,
    ),
    Fault(
        name="mean-twice",
        area=AREA,
        what="the mean subtracted twice",
        act=code(added(PREPROCESS, normalised("return _normalise(pixels, tuple(2 * each for each in mean))"))),
    ),
    Fault(
        name="channels-swapped",
        area=AREA,
        what="blue and red exchanged",
        act=code(added(PREPROCESS, normalised("return _normalise(pixels[..., ::-1].copy(), mean[::-1])"))),
    ),
    Fault(
        name="unit-scale",
        area=AREA,
        what="the pixels divided by 255",
        act=code(added(PREPROCESS, normalised("return _normalise(pixels, mean) / np.float32(255)"))),
    ),
    Fault(
        name="grey",
        area=AREA,
        what="the image read without colours",
        act=code(
            added(
                PREPROCESS, resized("return _resize(image.mean(axis=2, keepdims=True).astype('u1').repeat(3, 2), size)")
            )
        ),
    ),
    Fault(
        name="nearest",
        area=AREA,
        what="the nearest pixel instead of the bilinear filter",
        act=code(added(PREPROCESS, resized("return cv2.resize(image, (size, size), interpolation=cv2.INTER_NEAREST)"))),
        expect=EITHER,
    ),
    Fault(
        name="area-filter",
        area=AREA,
        what="areas averaged instead of the bilinear filter",
        act=code(added(PREPROCESS, resized("return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)"))),
        expect=EITHER,
    ),
    Fault(
        name="letterbox",
        area=AREA,
        what="the image padded to a square instead of stretched",
        act=code(
            added(
                PREPROCESS,
                resized(
                    "side = max(image.shape[:2]); square = np.zeros((side, side, 3), 'u1'); "
                    "square[:image.shape[0], :image.shape[1]] = image; return _resize(square, size)"
                ),
            )
        ),
    ),
    Fault(
        name="crop",
        area=AREA,
        what="the first row and column cut off",
        act=code(added(PREPROCESS, resized("return _resize(image[1:, 1:].copy(), size)"))),
        expect=EITHER,
    ),
    Fault(
        name="crop-tenth",
        area=AREA,
        what="a tenth of the image cut off at the left",
        act=code(added(PREPROCESS, resized("return _resize(image[:, image.shape[1] // 10 :].copy(), size)"))),
    ),
    Fault(
        name="transposed",
        area=AREA,
        what="width and height exchanged",
        act=code(added(PREPROCESS, resized("return _resize(image.transpose(1, 0, 2).copy(), size)"))),
    ),
    Fault(
        name="flipped",
        area=AREA,
        what="the image mirrored",
        act=code(added(PREPROCESS, resized("return _resize(image[:, ::-1].copy(), size)"))),
    ),
    Fault(
        name="channels-last",
        area=AREA,
        what="pixels laid out as rows, columns, channels under the shape of channels, rows, columns",
        act=code(
            added(
                PREPROCESS,
                normalised(
                    "return np.ascontiguousarray(_normalise(pixels, mean).transpose(1, 2, 0))"
                    ".reshape(3, *pixels.shape[:2])"
                ),
            )
        ),
    ),
    Fault(
        name="overflow",
        area=AREA,
        what="the mean subtracted in 8 bits, so that dark pixels wrap around",
        act=code(
            added(
                PREPROCESS, normalised("return _normalise(pixels - np.array(mean).astype('u1'), (np.float32(0),) * 3)")
            )
        ),
    ),
    Fault(
        name="image-before",
        area=AREA,
        what="every image prepared from the pixels of the one before",
        act=code(
            added(
                PREPROCESS,
                """
                _last = []
                _decode = decode_image
                def decode_image(sample):
                    _last.append(_decode(sample))
                    return _last[max(0, len(_last) - 2)]
                """,
            )
        ),
    ),
    Fault(
        name="half-precision",
        area=AREA,
        what="the input rounded to half precision",
        act=code(added(PREPROCESS, normalised("return _normalise(pixels, mean).astype('f2').astype('f4')"))),
        expect=HARMLESS,
    ),
)
