"""Damage of images, as it happens and at random, against what OpenCV makes of the same bytes and says about them."""

from __future__ import annotations

import io
import os
import random
import sys
import tempfile
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from zoo_images.damage import check_identity, examine, without_complaints
from zoo_runner.errors import PrerequisiteError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

END = b"\xff\xd9"
DOUBTFUL = ("extraneous bytes", "stray bytes", "Inconsistent progression", "bad Huffman code")
"""Findings of what may by chance be harmless, and cannot be told from what is not."""
SILENT = ("Premature end", "scans are missing", "before its end")
"""Findings of what some releases of OpenCV fill without a word."""


def picture(width: int = 96, height: int = 72) -> Pixels:
    noise = np.random.default_rng(7).integers(0, 256, (height, width, 3)).astype(np.uint8)
    blurred = cv2.GaussianBlur(noise, (7, 7), 0)
    return np.asarray(cv2.normalize(blurred, np.empty_like(blurred), 0, 255, cv2.NORM_MINMAX), np.uint8)


def encoded(*options: int, grey: bool = False, suffix: str = ".jpg") -> bytes:
    return cv2.imencode(suffix, picture()[..., 0] if grey else picture(), options)[1].tobytes()


def by_pillow(mode: str, form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture()).convert(mode).save(buffer, form)
    return buffer.getvalue()


JPEGS = {
    "baseline": encoded(),
    "progressive": encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart markers": encoded(cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    "greyscale": encoded(grey=True),
    "progressive greyscale": encoded(cv2.IMWRITE_JPEG_PROGRESSIVE, 1, grey=True),
    "four inks": by_pillow("CMYK", "JPEG"),
}
PNGS = {"png": encoded(suffix=".png"), "interlaced or not, grey": by_pillow("L", "PNG")}
OTHERS = {"bmp": encoded(suffix=".bmp"), "webp": by_pillow("RGB", "WEBP")}
BASE = JPEGS["baseline"]
PNG = PNGS["png"]


def decoded(data: bytes) -> Pixels | None:
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)  # type: ignore[return-value] # cv2's stubs leave the pixel type open
    except cv2.error:
        return None


def same(first: Pixels | None, second: Pixels | None) -> bool:
    if first is None or second is None:
        return first is second
    return first.shape == second.shape and bool((first == second).all())


def scan_of(data: bytes) -> int:
    """Where the data of the first scan begin."""
    start = data.index(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")


@pytest.mark.parametrize("data", [*JPEGS.values(), *PNGS.values(), *OTHERS.values()], ids=[*JPEGS, *PNGS, *OTHERS])
def test_whole_images_are_without_fault(data: bytes) -> None:
    assert examine(data) == (data, None)


HALF = len(BASE) // 2
DAMAGE: dict[str, tuple[bytes, str]] = {
    "no end": (BASE[:HALF], "Premature end of JPEG file"),
    "hidden by an end marker": (BASE[:HALF] + END, "premature end of data segment"),
    "hidden by a second image": (BASE[:HALF] + BASE, "libjpeg says: Invalid JPEG file structure: two SOI markers"),
    "progressive, hidden by a second image": (JPEGS["progressive"][:HALF] + JPEGS["progressive"], "libjpeg says: "),
    "a part skipped": (BASE[:HALF] + BASE[HALF + 1500 :], "premature end of data segment"),
    "a sector of zeros": (BASE[:HALF] + bytes(512) + BASE[HALF + 512 :], "libjpeg says: Corrupt JPEG data: "),
    "zeros to the end": (BASE[:HALF] + bytes(len(BASE) - HALF - 2) + END, "libjpeg says: Corrupt JPEG data: "),
    "the rest of a scan": (BASE[:-2] + BASE[-30:], "extraneous bytes before marker 0xd9"),
    "a table with a byte too many": (BASE.replace(b"\xff\xdb\x00\x43\x00", b"\xff\xdb\x00\x43\x00\x07", 1), "extran"),
    "another format's start": (b"\xff\xd8" + PNG, "libjpeg says: "),
    "a web page": (b"<html>404</html>", "no image, found 16 other bytes"),
    "bytes after the start": (BASE[:2] + b"\x00junk" + BASE[2:], "extraneous bytes"),
    "empty": (b"", "no image, found 0 other bytes"),
    "a PNG without its end": (PNG[:-12], "stops after"),
    "a short PNG": (PNG[:500], "it stops after 500 bytes, before its end"),
    "a PNG with a wrong bit": (PNG[:500] + bytes([PNG[500] ^ 1]) + PNG[501:], "checksum of its IDAT chunk at byte"),
    "a short BMP": (OTHERS["bmp"][:5000], "Pillow says: "),
}


@pytest.mark.parametrize(("data", "text"), DAMAGE.values(), ids=DAMAGE.keys())
def test_damage_is_found(data: bytes, text: str) -> None:
    finding = examine(data)[1]
    assert finding is not None
    assert finding.damage
    assert text in finding.text


def test_a_png_with_too_few_rows_is_damaged() -> None:
    """Every checksum is right, and the data end before the image does."""
    start, data, place = PNG.index(b"IDAT") - 4, b"", PNG.index(b"IDAT") - 4
    while PNG[place + 4 : place + 8] == b"IDAT":
        size = int.from_bytes(PNG[place : place + 4], "big")
        data, place = data + PNG[place + 8 : place + 8 + size], place + 12 + size
    rows = zlib.compress(zlib.decompress(data)[:9000])
    chunk = b"IDAT" + rows
    short = PNG[:start] + len(rows).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + PNG[-12:]
    finding = examine(short)[1]
    assert finding is not None
    assert (finding.damage, "Pillow says: " in finding.text) == (True, True)


@pytest.mark.parametrize("name", ["progressive", "progressive greyscale"])
def test_missing_scans_are_found_though_every_scan_is_whole(name: str) -> None:
    data = JPEGS[name]
    starts = [place for place in range(len(data)) if data[place : place + 2] == b"\xff\xda"]
    assert len(starts) > 4
    for place in starts[1:]:
        table = data.rfind(b"\xff\xc4", 0, place)
        cut = table if table > data.rfind(b"\xff\xda", 0, place) else place
        finding = examine(data[:cut] + END)[1]
        assert finding is not None
        assert finding.damage
        assert "scans are missing: " in finding.text


def with_segment(data: bytes, code: int, body: bytes) -> bytes:
    return data[:2] + bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def png_with(name: bytes, body: bytes, checksum: int = 0) -> bytes:
    chunk = name + body
    return (
        PNG[:33] + len(body).to_bytes(4, "big") + chunk + (zlib.crc32(chunk) ^ checksum).to_bytes(4, "big") + PNG[33:]
    )


PADDED = next(data for q in range(80, 100) if (data := encoded(cv2.IMWRITE_JPEG_QUALITY, q))[-3] & 1)
"""A scan whose last byte ends in the ones that fill it."""
HARMLESS: dict[str, tuple[bytes, str]] = {
    "a trailer": (BASE + b"trailer", "7 bytes after the end of the image"),
    "a second image": (BASE + BASE, f"{len(BASE)} bytes after the end of the image"),
    "bytes after a comment": (
        with_segment(BASE[:2] + b"xyz" + BASE[2:], 0xFE, b"a comment"),
        "3 stray bytes behind the segment 0xfe, at byte 15",
    ),
    "another revision of JFIF": (BASE[:11] + b"\x02" + BASE[12:], "JFIF revision 2 instead of 1"),
    "a scan that names coefficients": (
        BASE[: scan_of(BASE) - 3] + b"\x00\x20\x00" + BASE[scan_of(BASE) :],
        "a scan that names coefficients though it has all of them",
    ),
    "padding": (PADDED[:-2] + bytes(40) + END, "40 zeros behind the data of a scan"),
    "all of it": (
        PADDED[:11] + b"\x00" + PADDED[12:-2] + bytes(30) + END + b"\n",
        "JFIF revision 0 instead of 1, 30 zeros behind the data of a scan, 1 bytes after the end of the image",
    ),
    "a PNG with a trailer": (PNG + b"abc", "3 bytes after the end of the image"),
    "a PNG with a wrong text": (png_with(b"tEXt", b"a\0b", 1), "the checksum of a tEXt chunk is wrong"),
}


@pytest.mark.parametrize(("data", "text"), HARMLESS.values(), ids=HARMLESS.keys())
def test_what_changes_no_pixel_is_a_note(data: bytes, text: str, capfd: pytest.CaptureFixture[str]) -> None:
    plain, finding = examine(data)
    assert finding is not None
    assert (finding.damage, finding.text) == (False, text)
    capfd.readouterr()
    assert without_complaints(data, finding) == plain
    original = PNG if data.startswith(b"\x89") else PADDED if "zeros" in text else BASE
    assert same(decoded(plain), decoded(original))
    assert capfd.readouterr() == ("", "")


def test_a_fill_byte_and_segments_of_any_kind_are_without_fault() -> None:
    assert examine(BASE[:2] + b"\xff\xff" + BASE[2:])[1] is None
    assert examine(with_segment(BASE, 0xE5, BASE))[1] is None  # with markers inside it
    assert examine(png_with(b"tEXt", b"a\0b"))[1] is None


def changed(data: bytes, seed: int) -> tuple[str, bytes]:
    """One damage, as disks, networks and tools make them."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    place = draw.randrange(2, len(data) - 2)
    byte, far = draw.randrange(256), place + draw.randrange(1, 300)
    kinds: dict[str, Callable[[], bytes]] = {
        "a byte": lambda: data[:place] + bytes([byte]) + data[place + 1 :],
        "a bit": lambda: data[:place] + bytes([data[place] ^ (1 << byte % 8)]) + data[place + 1 :],
        "bytes too many": lambda: data[:place] + draw.randbytes(1 + byte % 3) + data[place:],
        "bytes too few": lambda: data[:place] + data[place + 1 + byte % 3 :],
        "zeros": lambda: data[:place] + bytes(len(data[place:far])) + data[far:],
        "cut": lambda: data[:place],
        "cut, with an end": lambda: data[:place] + END,
        "cut, with another image": lambda: data[:place] + data,
    }
    kind = draw.choice(list(kinds))
    return kind, kinds[kind]()


@pytest.mark.parametrize("data", [*JPEGS.values(), PNG], ids=[*JPEGS, "png"])
def test_every_damage_that_a_decoder_can_know_of_is_found(data: bytes) -> None:
    """Against OpenCV: what it complains of is found, and what leaves all pixels as they were is no damage."""
    original, capture = decoded(data), Capture()
    for seed in range(DRAWN):
        kind, broken = changed(data, seed)
        with capture:
            pixels = decoded(broken)
        plain, finding = examine(broken)
        complained = capture.text != "" or pixels is None
        damage = finding is not None and finding.damage
        if damage:
            assert complained or any(text in finding.text for text in SILENT), (seed, finding)  # type: ignore[union-attr] # damage says that there is one
            assert not same(pixels, original) or any(text in finding.text for text in DOUBTFUL), (seed, finding)  # type: ignore[union-attr] # likewise
            continue
        assert not complained or finding is not None, (seed, capture.text)
        assert not kind.startswith("cut") or same(pixels, original), seed
        with capture:
            assert same(decoded(plain), pixels), (seed, finding)
        assert capture.text == "", (seed, finding)


DRAWN = 300
"""Damages of each image; drawn alike in every run, as some are harmless by chance."""


class Capture:
    """What is written to the process's standard error within a block."""

    text = ""

    def __enter__(self) -> None:
        self._file = tempfile.TemporaryFile()
        self._saved = os.dup(2)
        os.dup2(self._file.fileno(), 2)

    def __exit__(self, *_: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)
        self._file.seek(0)
        self.text = self._file.read().decode(errors="replace")
        self._file.close()


@given(st.binary(max_size=80), st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xda", b"\x89PNG\r\n\x1a\n", b"BM"]))
def test_any_bytes_can_be_examined(data: bytes, start: bytes) -> None:
    plain, finding = examine(start + data)
    assert finding is None or finding.text
    assert isinstance(plain, bytes)


@pytest.mark.parametrize(("package", "data"), [("simplejpeg", BASE), ("PIL", PNG)])
def test_a_check_that_cannot_be_made_is_an_error(package: str, data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        PrerequisiteError, match=r"checked for damage with, found none; pip install (simplejpeg|pillow)"
    ):
        examine(data)


def test_the_identity_names_the_libraries() -> None:
    assert "image damage" in check_identity()
