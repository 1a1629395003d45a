"""Of every format that is decoded, the size is known before; what has none is not handed to a decoder."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from zoo_images.announced_size import announced_size
from zoo_images.decoding import decode_aside, decode_image
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import Sample

WIDE = np.zeros((7, 300, 3), np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    return cv2.imencode(suffix, WIDE, options)[1].tobytes()


def by_pillow(form: str, **options: object) -> bytes:
    from PIL import Image  # noqa: PLC0415 - only here

    stream = io.BytesIO()
    Image.fromarray(WIDE).save(stream, form, **options)
    return stream.getvalue()


def tiff(order: str, *entries: tuple[int, int, int]) -> bytes:
    """A directory of (tag, type, value), and nothing else."""
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}IH", 8, len(entries))
    packed = (
        struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(f"{order}I", value) for tag, kind, value in entries
    )
    return start + b"".join(packed)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(encoded(".jpg"), id="jpeg"),
        pytest.param(b"\xff\xd8\0stray" + encoded(".jpg")[2:], id="jpeg with stray bytes"),
        pytest.param(encoded(".png"), id="png"),
        pytest.param(encoded(".bmp"), id="bmp"),
        pytest.param(b"BM" + bytes(12) + struct.pack("<IHH", 12, 300, 7), id="bmp of os/2"),
        pytest.param(b"BM" + bytes(12) + struct.pack("<Iii", 40, 300, -7), id="bmp from above"),
        pytest.param(encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 50), id="webp"),
        pytest.param(encoded(".webp", cv2.IMWRITE_WEBP_QUALITY, 101), id="lossless webp"),
        pytest.param(by_pillow("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0"), id="webp with more"),
        pytest.param(encoded(".tiff"), id="tiff"),
        pytest.param(tiff(">", (256, 4, 300), (257, 4, 7)), id="tiff of big ends"),
        pytest.param(tiff("<", (256, 3, 2), (256, 3, 300), (257, 3, 7)), id="tiff with a width twice"),
        pytest.param(b"P6 # 9 9\n 300\n#\n7 255\n", id="ppm with comments"),
        pytest.param(encoded(".ppm"), id="ppm"),
    ],
)
def test_the_start_says_the_size(data: bytes) -> None:
    assert announced_size(data) == (300, 7)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(tiff("<", (256, 4, 70_000), (257, 4, 70_000)), id="tiff"),
        pytest.param(b"P6 70000 70000 255\n", id="ppm"),
        pytest.param(b"BM" + bytes(12) + struct.pack("<Iii", 40, 70_000, 70_000) + bytes(30), id="bmp"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + b"\xff\xff\1" * 2, id="webp"),
    ],
)
def test_a_bomb_of_any_format_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(
        DatasetError, match=r"expected at most 200,000,000 pixels, found (70000|131072) x (70000|131072);"
    ):
        decode_image(Sample(index=1, id="a", path=path))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), id="jpeg 2000"),
        pytest.param(encoded(".ras"), id="sun raster"),
        pytest.param(encoded(".hdr"), id="hdr"),
        pytest.param(tiff("<", (256, 4, 300)), id="tiff without a height"),
        pytest.param(tiff("<", (256, 16, 300), (257, 16, 7)), id="tiff with numbers of another kind"),
        pytest.param(b"II+\0", id="big tiff"),
        pytest.param(b"RIFF\0\0\0\0WEBPVP9 ", id="webp of another kind"),
        pytest.param(b"P7\nWIDTH 300\n", id="pam"),
        pytest.param(b"P6 300", id="cut"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_does_not_say_it_is_not_decoded(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(
        DatasetError, match="expected a JPEG, PNG, BMP, WebP, TIFF or PNM that OpenCV can decode, found"
    ):
        decode_image(Sample(index=1, id="a", path=path))
    assert announced_size(data) is None
    assert decode_aside(data) is None
