"""Files of any sample are decoded as OpenCV does; whose size an annotation says: ``tests/zoo_detection/images``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from zoo_images.decoding import decode_image
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import Sample

PIXELS = np.random.default_rng(1).integers(0, 256, (7, 9, 3)).astype(np.uint8)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"])
def test_pixels_are_those_of_opencv(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(cv2.imencode(suffix, PIXELS)[1].tobytes())
    assert np.array_equal(decode_image(Sample(index=1, id="a", path=path)), np.asarray(cv2.imread(str(path))))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "expected a JPEG, PNG, BMP, WebP, TIFF or PNM that OpenCV can decode, found 0 other bytes"),
        (b"text", " or PNM that OpenCV can decode, found 4 other bytes; restore the file from"),
        (b"BM" + b"\0" * 50, "expected an image that OpenCV can decode, found 52 other bytes"),
        (b"\xff\xd8\xff", "expected a whole JPEG, found 3 bytes without its end"),
        (
            b"\x89PNG\r\n\x1a\n" + b"\0" * 8 + b"\0\1\0\0" * 2,
            "expected at most 200,000,000 pixels, found 65536 x 65536",
        ),
    ],
)
def test_faults_name_the_sample_and_no_annotation(data: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(DatasetError) as caught:
        decode_image(Sample(index=1, id="a", path=path))
    assert str(caught.value).startswith(f"image of sample 'a': {path}: ")
    assert text in str(caught.value)
    assert "annotation" not in str(caught.value)
