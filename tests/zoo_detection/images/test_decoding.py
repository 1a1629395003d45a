"""Files with findings are decoded as OpenCV would, and nothing about them reaches standard error."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import refinedet_plugin
from places import SAMPLE as MANIFEST
from refinedet_plugin.config import RefineDetConfig
from refinedet_plugin.preprocess import RefineDetPreprocess
from zoo_detection.images.decoding import decode_image
from zoo_detection.samples import DetectionSample
from zoo_images.announced_size import announced_size
from zoo_images.decoding import decode_aside
from zoo_runner.errors import DatasetError
from zoo_runner.plugin.interfaces import CheckedPreprocess, Finding

if TYPE_CHECKING:
    from tests.conftest import ZooRun

NOISE = np.random.default_rng(3).integers(0, 256, (37, 50, 3)).astype(np.uint8)
BASE = cv2.imencode(".jpg", cv2.GaussianBlur(NOISE, (5, 5), 0))[1].tobytes()
CUT = BASE[: len(BASE) // 2]
SAMPLE = Path(refinedet_plugin.__file__).parent / "sample" / "VOCdevkit"


def sample_of(path: Path, data: bytes) -> DetectionSample:
    path.write_bytes(data)
    none = np.zeros(0)
    return DetectionSample(
        index=1,
        id="000042",
        path=path,
        width=50,
        height=37,
        boxes=none.reshape(0, 4).astype(np.float32),
        labels=none.astype(np.intp),
        difficult=none.astype(np.bool_),
        finding=RefineDetPreprocess(RefineDetConfig()).check(
            DetectionSample(
                index=1,
                id="",
                path=path,
                width=50,
                height=37,
                boxes=none.astype(np.float32),
                labels=none.astype(np.intp),
                difficult=none.astype(np.bool_),
            )
        ),
    )


def test_the_preprocessing_has_a_check() -> None:
    assert isinstance(RefineDetPreprocess(RefineDetConfig()), CheckedPreprocess)


@pytest.mark.parametrize(
    ("data", "damage"),
    [
        pytest.param(CUT + b"\xff\xd9", True, id="damaged"),
        pytest.param(CUT, True, id="without its end"),
        pytest.param(BASE[:11] + b"\x02" + BASE[12:], False, id="a note"),
    ],
)
def test_pixels_are_opencvs_and_its_decoder_is_not_heard(
    data: bytes, damage: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    expected = cv2.imdecode(np.frombuffer(data if data is not CUT else CUT + b"\xff\xd9", np.uint8), cv2.IMREAD_COLOR)
    assert expected is not None
    assert "JPEG" in capfd.readouterr().err or not damage
    sample = sample_of(tmp_path / "a.jpg", data)
    assert sample.finding is not None
    assert sample.finding.damage is damage
    assert np.array_equal(decode_image(sample), expected)
    assert capfd.readouterr() == ("", "")


def test_what_opencv_cannot_decode_is_an_error_though_accepted(tmp_path: Path) -> None:
    sample = sample_of(tmp_path / "a.jpg", b"<html>")
    assert sample.finding == Finding(text="no image, found 6 other bytes", damage=True)
    assert decode_aside(b"<html>") is None
    with pytest.raises(DatasetError, match="accepted as damaged, and OpenCV cannot decode it: 6 bytes"):
        decode_image(sample)


def test_a_run_names_damaged_images_and_scores_them_only_where_that_is_accepted(zoo_run: ZooRun) -> None:
    """As seen: an end marker hides that a half is missing; the decoder fills it with grey, and the model is blamed."""
    shutil.copytree(SAMPLE, zoo_run.folder / "VOCdevkit")
    images = sorted((zoo_run.folder / "VOCdevkit" / "VOC2007" / "JPEGImages").iterdir())
    for path in (images[3], images[7]):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with images[5].open("ab") as file:
        file.write(b"trailer")
    options = (MANIFEST, "--data", "VOCdevkit", "--limit", "8", "--until", "preprocess", "--output", "out")
    run = zoo_run(*options, "--quiet")
    assert run.returncode == 3
    assert "sample-scenes: expected whole files, found 2 that are damaged or missing:" in run.stdout
    assert f"{images[3].name}: libjpeg says: Corrupt JPEG data: premature end of data segment" in run.stdout
    assert run.stderr == ""
    accept = f"dataset.damaged={{ids: ['{images[3].stem}', '{images[7].stem}'], reason: a test}}"
    run = zoo_run(*options, "--set", accept)
    assert run.returncode == 0
    assert "libjpeg" not in run.stderr
    assert "Corrupt JPEG data" not in run.stderr
    assert f"{images[5].stem}: 7 bytes after the end of the image" in run.stderr
    assert set(zoo_run.report()["damaged"]["samples"]) == {images[3].stem, images[7].stem}


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_size_is_read_before_anything_is_decoded(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = cv2.imencode(suffix, NOISE)[1].tobytes()
    assert announced_size(data) == (50, 37)
    monkeypatch.setenv("ZOO_RUNNER_PIXELS_LIMIT", "1849")
    with pytest.raises(DatasetError, match=r"expected at most 1,849 pixels, found 50 x 37; set ZOO_RUNNER_PIXELS_"):
        sample_of(tmp_path / "a", data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\0\0" * 9,
        b"\xff\xd8" + b"\xff" * 99,
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_of_other_data_no_size_is_read(data: bytes) -> None:
    assert announced_size(data) == (0, 0)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    frame = BASE.index(b"\xff\xc0")
    bomb = BASE[: frame + 5] + b"\xff\xf0\xff\xf0" + BASE[frame + 9 :]
    with pytest.raises(DatasetError, match=r"expected at most 200,000,000 pixels, found 65520 x 65520; set ZOO_"):
        sample_of(tmp_path / "a", bomb)


@pytest.mark.parametrize(
    ("put", "found"),
    [
        (os.mkfifo, r"expected a regular file, found a pipe \(fifo\)"),
        (lambda path: path.symlink_to("/dev/zero"), "expected a regular file, found a character device"),
        (lambda path: path.symlink_to(path), "expected a regular file, found symbolic links that lead in a circle"),
    ],
)
def test_special_files_are_refused_at_once(put: Callable[[Path], None], found: str, tmp_path: Path) -> None:
    whole = sample_of(tmp_path / "a", BASE)
    (tmp_path / "a").unlink()
    put(tmp_path / "a")
    with pytest.raises(DatasetError, match=f"expected a readable file, found: {found}"):
        decode_image(whole)
