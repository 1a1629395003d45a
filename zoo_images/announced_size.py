"""How large an image will be, as the start of its file says: known before a decoder asks for the memory.

A format whose size is not read here is not decoded either: a file of some kilobytes can have four thousand million
pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

Order = Literal["little", "big"]

FORMATS: Final = "JPEG, PNG, BMP, WebP, TIFF or PNM"
"""Those that are decoded."""
JPEG_START: Final = b"\xff\xd8"
PNG_START: Final = b"\x89PNG\r\n\x1a\n"
FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of a JPEG's frame, which has its size."""
ALONE: Final = frozenset({0x01, *range(0xD0, 0xDA)})
"""Markers of a JPEG that have no length behind them."""
START_OF_SCAN: Final = 0xDA
MARKER: Final = re.compile(rb"\xff+([^\x00\xff])")
FRAME_BYTES: Final = 7
"""Of a frame behind its marker, up to its size."""
PNM: Final = re.compile(rb"P[1-6](?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})(?!\d)")
TIFF: Final[dict[bytes, Order]] = {b"II*\0": "little", b"MM\0*": "big"}
ENTRY: Final = 12
"""Bytes of an entry of a TIFF's directory."""
WHOLE: Final = {3: 2, 4: 4}
"""Bytes of a number of a TIFF, by its type."""
OLD_BMP: Final = 12
"""Bytes of the header of OS/2, whose sizes have 16 bits."""


def announced_size(data: bytes) -> tuple[int, int] | None:
    """Return the width and height that the start of an image file says.

    Returns:
        (0, 0) of a JPEG or PNG that ends before it says so; ``None`` for anything that is none of :data:`FORMATS`.
    """
    if data.startswith(PNG_START):
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(JPEG_START):
        return _jpeg(data)
    if data.startswith(b"BM"):
        return _bmp(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:4] in TIFF:
        return _tiff(data, TIFF[data[:4]])
    found = PNM.match(data)
    return (int(found[1]), int(found[2])) if found else None


def _jpeg(data: bytes) -> tuple[int, int]:
    """Return the largest of all frames before the first scan; between segments libjpeg skips what is no marker."""
    sizes, position = [(0, 0)], len(JPEG_START)
    while found := MARKER.search(data, position):
        code, position = found[1][0], found.end()
        if code == START_OF_SCAN:
            break
        if code in ALONE:
            continue
        if code in FRAMES and position + FRAME_BYTES <= len(data):
            height, width = (int.from_bytes(data[position + at : position + at + 2], "big") for at in (3, 5))
            sizes.append((width, height))
        position += max(2, int.from_bytes(data[position : position + 2], "big"))
    return max(sizes, key=lambda each: each[0] * each[1])


def _bmp(data: bytes) -> tuple[int, int]:
    width = 2 if int.from_bytes(data[14:18], "little") == OLD_BMP else 4
    sides = (data[18 + at : 18 + at + width] for at in (0, width))
    first, second = (abs(int.from_bytes(each, "little", signed=width > 2)) for each in sides)  # noqa: PLR2004 - of 16 bits
    return first, second


def _webp(data: bytes) -> tuple[int, int] | None:
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 ":
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _tiff(data: bytes, order: Order) -> tuple[int, int] | None:
    """Return the size of the first image; of entries that are there twice, the larger one."""
    sides: dict[int, int] = {}
    for tag, value in _entries(data, order):
        sides[tag] = max(value, sides.get(tag, 0))
    return (sides[256], sides[257]) if 256 in sides and 257 in sides else None  # noqa: PLR2004 - TIFF 6.0, section 8


def _entries(data: bytes, order: Order) -> Iterator[tuple[int, int]]:
    start = int.from_bytes(data[4:8], order)
    for place in range(int.from_bytes(data[start : start + 2], order)):
        entry = data[start + 2 + place * ENTRY :][:ENTRY]
        size = WHOLE.get(int.from_bytes(entry[2:4], order))
        if len(entry) == ENTRY and size:
            yield int.from_bytes(entry[:2], order), int.from_bytes(entry[8 : 8 + size], order)
