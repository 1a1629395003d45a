from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hypothesis_numpy

from chosen_kernels import Decided
from places import ROOT
from refinedet_plugin import preprocess as ours
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.preprocess import RefineDetPreprocess, normalise, shift
from zoo_detection.samples import DetectionSample
from zoo_images.decoding import jpeg_is_truncated
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.pixels import PixelPreprocess

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Edit = Callable[[bytes], bytes]

PROGRESSIVE = (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)


def sample_of(path: Path, width: int, height: int) -> DetectionSample:
    return DetectionSample(
        index=1,
        id="000042",
        path=path,
        width=width,
        height=height,
        boxes=np.zeros((0, 4), np.float32),
        labels=np.zeros(0, np.intp),
        difficult=np.zeros(0, np.bool_),
    )


def picture(width: int, height: int, channels: int = 3) -> NDArray[np.uint8]:
    """Smooth blobs with every value from 0 to 255, so that a JPEG keeps some detail."""
    noise = np.random.default_rng(width * 10_007 + height).integers(0, 256, (height, width, channels))
    blurred = cv2.GaussianBlur(noise.astype(np.uint8), (5, 5), 0)
    stretched = cv2.normalize(blurred, np.empty_like(blurred), 0, 255, cv2.NORM_MINMAX)
    return np.asarray(stretched, np.uint8).reshape(height, width, channels)


def jpeg(width: int = 50, height: int = 37, channels: int = 3, options: tuple[int, ...] = ()) -> bytes:
    ok, data = cv2.imencode(".jpg", picture(width, height, channels), options)
    assert ok
    return data.tobytes()


def with_app1(data: bytes, payload: bytes) -> bytes:
    """Puts an APP1 segment, where cameras keep EXIF data, at the start of a JPEG."""
    return data[:2] + b"\xff\xe1" + (len(payload) + 2).to_bytes(2, "big") + payload + data[2:]


def orientation(value: int) -> bytes:
    """An EXIF payload with one entry: tag 0x0112, a 16-bit number."""
    entry = b"\x01\x12\x00\x03\x00\x00\x00\x01" + value.to_bytes(2, "big") + b"\x00\x00"
    return b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + entry + b"\x00\x00\x00\x00"


def literal(path: Path, size: int, mean: tuple[float, float, float]) -> NDArray[np.float32]:
    """The reference's chain, step by step."""
    image = cv2.imread(str(path))
    assert image is not None
    resized = cv2.resize(image, (size, size)).astype(np.float32)
    resized -= np.array(mean, dtype=np.float32)
    chw: NDArray[np.float32] = resized[:, :, (2, 1, 0)].transpose(2, 0, 1)
    return chw


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(RefineDetConfig(), id="320"),
        pytest.param(RefineDetConfig(input_size=512), id="512"),
        pytest.param(RefineDetConfig(mean=(103.94, 116.78, 0.1)), id="fractional mean"),
    ],
)
@pytest.mark.parametrize(
    ("data", "width", "height"),
    [
        pytest.param(jpeg(500, 375), 500, 375, id="landscape"),
        pytest.param(jpeg(333, 500), 333, 500, id="portrait, odd width"),
        pytest.param(jpeg(1, 1), 1, 1, id="1 x 1"),
        pytest.param(jpeg(1, 300), 1, 300, id="one column"),
        pytest.param(jpeg(320, 320), 320, 320, id="input size already"),
        pytest.param(jpeg(17, 13, channels=1), 17, 13, id="greyscale"),
        pytest.param(jpeg(61, 43, options=PROGRESSIVE), 61, 43, id="progressive"),
        pytest.param(with_app1(jpeg(50, 37), jpeg(8, 8)), 50, 37, id="with a thumbnail"),
        pytest.param(jpeg(50, 37) + b"\xff\xda trailer", 50, 37, id="with a trailer"),
        pytest.param(jpeg(50, 37)[:2] + b"\xff" + jpeg(50, 37)[2:], 50, 37, id="with a fill byte"),
    ],
)
def test_equals_the_reference_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: RefineDetConfig, data: bytes, width: int, height: int
) -> None:
    path = tmp_path / "000042.jpg"
    path.write_bytes(data)
    ours.SHIFT.wait()
    for function in (Decided(), ours.SHIFT):  # numpy alone, then compiled
        monkeypatch.setattr(ours, "SHIFT", function)
        inputs = RefineDetPreprocess(config)(sample_of(path, width, height))
        assert list(inputs) == ["image"]
        image = inputs["image"]
        assert image.dtype == np.float32
        assert image.shape == (3, config.input_size, config.input_size)
        assert image.flags.c_contiguous
        assert image.tobytes() == literal(path, config.input_size, config.mean).tobytes()


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(RefineDetConfig(), id="320"),
        pytest.param(RefineDetConfig(input_size=512), id="512"),
        pytest.param(RefineDetConfig(mean=(103.94, 116.78, 0.1)), id="fractional mean"),
    ],
)
def test_pixels_and_normalisation_together_are_the_input(tmp_path: Path, config: RefineDetConfig) -> None:
    path = tmp_path / "000042.jpg"
    path.write_bytes(jpeg(500, 375))
    sample = sample_of(path, 500, 375)
    preprocess: Any = RefineDetPreprocess(config)
    assert isinstance(preprocess, PixelPreprocess)
    pixels = preprocess.pixels(sample)
    assert list(pixels) == ["image"]
    image = pixels["image"]
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    size = config.input_size
    assert np.array_equal(image, cv2.resize(np.asarray(cv2.imread(str(path))), (size, size)))
    rule = preprocess.normalisation
    assert (rule.height, rule.width, rule.swap_red_blue) == (size, size, True)
    mean, scale = np.array(rule.mean, np.float32), np.array(rule.scale, np.float32)
    normalised = ((image[..., ::-1].astype(np.float32) - mean) * scale).transpose(2, 0, 1)
    assert normalised.tobytes() == preprocess(sample)["image"].tobytes()
    assert image.nbytes * 4 == preprocess(sample)["image"].nbytes


def test_pixels_of_a_bad_image_are_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(jpeg()[:-2])
    with pytest.raises(DatasetError, match="expected a whole JPEG"):
        RefineDetPreprocess(RefineDetConfig()).pixels(sample_of(path, 50, 37))


@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied_as_imread_does(tmp_path: Path, value: int) -> None:
    path = tmp_path / "turned.jpg"
    path.write_bytes(with_app1(jpeg(60, 40), orientation(value)))
    width, height = (60, 40) if value < 5 else (40, 60)
    image = RefineDetPreprocess(RefineDetConfig())(sample_of(path, width, height))["image"]
    assert image.tobytes() == literal(path, 320, (104, 117, 123)).tobytes()
    path.write_bytes(jpeg(60, 40))
    upright = literal(path, 320, (104, 117, 123))
    assert np.array_equal(image, upright) == (value == 1)


def test_every_pixel_value_minus_a_fractional_mean(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8)
    image = np.repeat(np.stack((levels, levels[::-1], np.roll(levels, 7)), axis=-1)[None], 256, axis=0)
    path = tmp_path / "levels.png"
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    config = RefineDetConfig(mean=(103.939, 116.779, 123.68))
    found = RefineDetPreprocess(config)(sample_of(path, 256, 256))["image"]
    assert found.tobytes() == literal(path, 320, config.mean).tobytes()


@given(
    pixels=hypothesis_numpy.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))),
    mean=st.tuples(*[st.floats(-1e6, 1e6, width=32)] * 3),
    contiguous=st.booleans(),
)
def test_any_pixels_are_normalised_alike(
    pixels: NDArray[np.uint8], mean: tuple[float, float, float], contiguous: bool
) -> None:
    given_pixels = pixels if contiguous else np.asfortranarray(pixels)
    given_pixels.flags.writeable = False
    offsets = tuple(np.float32(value) for value in mean)
    expected = (pixels.astype(np.float32) - np.array(offsets, np.float32))[:, :, ::-1].transpose(2, 0, 1)
    for kernel in (None, shift, ours.SHIFT.wait()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ours, "SHIFT", Decided(kernel))
            found = normalise(given_pixels, offsets)
        assert found.flags.c_contiguous
        assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


def test_threads_get_the_same_result(tmp_path: Path) -> None:
    samples = []
    for side in range(20, 60):
        path = tmp_path / f"{side}.jpg"
        path.write_bytes(jpeg(side, side + 3))
        samples.append(sample_of(path, side, side + 3))
    preprocess = RefineDetPreprocess(RefineDetConfig())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(preprocess, samples))
    for sample, inputs in zip(samples, found, strict=True):
        assert inputs["image"].tobytes() == literal(sample.path, 320, (104, 117, 123)).tobytes()


@pytest.mark.parametrize("side", [50, 320], ids=["resized", "already of that size"])
def test_calls_share_no_memory(tmp_path: Path, side: int) -> None:
    """One thread resizes into the same memory again and again, also for networks of different sizes."""
    samples = []
    for name, data in (("a", jpeg(side, side)), ("b", jpeg(side, side, options=(cv2.IMWRITE_JPEG_QUALITY, 40)))):
        (tmp_path / name).write_bytes(data)
        samples.append(sample_of(tmp_path / name, side, side))
    calls = [
        (call, sample)
        for sample in samples
        for size in (320, 512)
        for parts in [RefineDetPreprocess(RefineDetConfig(input_size=size))]
        for call in (parts, parts.pixels)
    ]
    alone = [call(sample)["image"].tobytes() for call, sample in calls]
    assert len(set(alone)) == len(calls)
    kept = [call(sample)["image"] for call, sample in calls]
    assert [image.tobytes() for image in kept] == alone


WHOLE = jpeg()
SIZE = len(WHOLE)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(b"", "that OpenCV can decode, found 0 other bytes", id="empty"),
        pytest.param(b"<html>404</html>", "OpenCV can decode, found 16 other bytes; restore", id="a web page"),
        pytest.param(WHOLE[:-1], f"a whole JPEG, found {SIZE - 1} bytes without its end", id="a byte less"),
        pytest.param(WHOLE[:-2], f"found {SIZE - 2} bytes without its end", id="no end marker"),
        pytest.param(WHOLE[: SIZE // 2], f"found {SIZE // 2} bytes without its end", id="half"),
        pytest.param(WHOLE[:30], "found 30 bytes without its end", id="a part of the header"),
        pytest.param(WHOLE[:2], "found 2 bytes without its end", id="the start marker alone"),
        pytest.param(
            with_app1(WHOLE, jpeg(8, 8))[:-2], "bytes without its end", id="the thumbnail's end does not count"
        ),
        pytest.param(
            b"\xff\xd8\xff" + with_app1(WHOLE, jpeg(8, 8))[2:-2],
            "bytes without its end",
            id="nor after a fill byte",
        ),
        pytest.param(b"\xff\xd8\xff\xd9", "OpenCV can decode, found 4 other bytes", id="a JPEG of nothing"),
        pytest.param(jpeg(37, 50), "expected 50 x 37 pixels as in its annotation, found 37 x 50", id="another size"),
        pytest.param(with_app1(WHOLE, orientation(6)), "found 37 x 50 (after its EXIF", id="turned by EXIF"),
    ],
)
def test_refuses_a_bad_image(tmp_path: Path, data: bytes, text: str) -> None:
    path = tmp_path / "bad.jpg"
    path.write_bytes(data)
    with pytest.raises(DatasetError) as caught:
        RefineDetPreprocess(RefineDetConfig())(sample_of(path, 50, 37))
    message = str(caught.value)
    assert message.startswith(f"image of sample '000042': {path}: expected ")
    assert text in message
    assert "restore the file from the data set's archive" in message


@pytest.mark.parametrize(
    ("name", "reason"), [("none.jpg", "No such file or directory"), (".", "expected a regular file, found a folder")]
)
def test_refuses_an_unreadable_file(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, reason: str) -> None:
    path = tmp_path / name
    with pytest.raises(DatasetError) as caught:
        RefineDetPreprocess(RefineDetConfig())(sample_of(path, 50, 37))
    assert str(caught.value) == (
        f"image of sample '000042': {path}: expected a readable file, found: {reason}; "
        "restore the file from the data set's archive"
    )
    assert capfd.readouterr() == ("", "")


@given(st.integers(2, SIZE - 1))
def test_every_part_of_a_jpeg_is_truncated(length: int) -> None:
    assert jpeg_is_truncated(WHOLE[:length])
    assert not jpeg_is_truncated(WHOLE)
    assert not jpeg_is_truncated(WHOLE + WHOLE[:length])


@given(st.binary(), st.booleans())
def test_any_bytes_can_be_asked(data: bytes, start: bool) -> None:
    assert jpeg_is_truncated(b"\xff\xd8" + data if start else data) in (True, False)


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"classes": ("a",), "nms_threshold": 0.3}, True),
        ({"mean": (104, 117, 123)}, True),
        ({"input_size": 512}, False),
        ({"mean": (123, 117, 104)}, False),
    ],
    ids=["nothing", "what it does not use", "the default mean", "input size", "mean"],
)
def test_identity(change: dict[str, Any], same: bool) -> None:
    identity = RefineDetPreprocess(RefineDetConfig()).identity
    assert json.loads(identity) == {"input_size": 320, "mean": [104.0, 117.0, 123.0], "preprocess": 1}
    assert (RefineDetPreprocess(RefineDetConfig(**change)).identity == identity) is same


def test_opencv_is_imported_only_to_decode() -> None:
    code = (
        "import sys\n"
        "from refinedet_plugin.config import RefineDetConfig\n"
        "from refinedet_plugin.preprocess import RefineDetPreprocess\n"
        "RefineDetPreprocess(RefineDetConfig())\n"
        "sys.exit('cv2' in sys.modules)\n"
    )
    root = ROOT
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
