"""Pictures of samples, made from real files and read back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from voc_scenes import prediction_of, scored
from zoo_detection.mean_ap.evidence.illustration import MAX_MARKS
from zoo_detection.mean_ap.metric import VocMetric
from zoo_detection.samples import DetectionSample
from zoo_images.thumbnail import LONGEST_SIDE, MAX_BYTES
from zoo_runner.errors import DatasetError, PluginError, ResultError
from zoo_runner.plugin.evidence import Mark
from zoo_runner.plugin.interfaces import Sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRIC = VocMetric(("cat", "dog"))


def write(path: Path, width: int, height: int, *, noise: float = 0.0) -> DetectionSample:
    """A JPEG that is red on the left and blue on the right, as fine-grained as wanted, with three objects."""
    pixels = np.zeros((height, width, 3), np.float32)
    pixels[:, : width // 2, 2] = pixels[:, width // 2 :, 0] = 200
    pixels += np.random.default_rng(0).normal(0, noise, pixels.shape)
    path.write_bytes(cv2.imencode(".jpg", np.clip(pixels, 0, 255).astype(np.uint8))[1].tobytes())
    boxes = np.array([(101, 51, 200, 150), (301, 51, 400, 150), (1, 1, 40, 40)], np.float32)
    return DetectionSample(
        index=1,
        id="000001",
        path=path,
        width=width,
        height=height,
        boxes=boxes,
        labels=np.array([0, 1, 1]),
        difficult=np.array([False, False, True]),
    )


def decoded(image: bytes) -> NDArray[Any]:
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    return pixels


def test_marks_are_in_the_pictures_pixels(tmp_path: Path) -> None:
    sample = write(tmp_path / "a.jpg", 720, 400)
    rows = [
        (0, 0.5, (100.0, 50.0, 198.0, 149.0)),
        (1, 0.25, (300.0, 50.0, 398.0, 149.0)),
        (1, 0.75, (-20.0, 350.0, 800.0, 500.0)),
    ]
    picture = scored(METRIC, [sample], [prediction_of(rows)]).illustrate(0)
    assert (picture.width, picture.height, picture.media_type) == (360, 200, "image/jpeg")
    assert picture.marks == (
        Mark(kind="truth", label="cat", box=(50.0, 25.0, 100.0, 75.0)),
        Mark(kind="missed", label="dog", box=(150.0, 25.0, 200.0, 75.0)),
        Mark(kind="ignored", label="dog", box=(0.0, 0.0, 20.0, 20.0)),
        Mark(kind="background", label="dog", box=(0.0, 175.0, 360.0, 200.0), score=0.75),
        Mark(kind="hit", label="cat", box=(50.0, 25.0, 99.0, 74.5), score=0.5),
    )
    pixels = decoded(picture.image)
    assert pixels.shape == (200, 360, 3)
    assert pixels[100, 90].argmax() == 2
    assert pixels[100, 270].argmax() == 0


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (500, 375, (360, 270)),
        (375, 500, (270, 360)),
        (360, 100, (360, 100)),
        (64, 48, (64, 48)),
        (2000, 1, (360, 1)),
    ],
    ids=["wide", "high", "just right", "small", "a line"],
)
def test_size(tmp_path: Path, width: int, height: int, expected: tuple[int, int]) -> None:
    picture = scored(METRIC, [write(tmp_path / "a.jpg", width, height)], [prediction_of([])]).illustrate(0)
    assert (picture.width, picture.height) == expected
    assert decoded(picture.image).shape[:2] == expected[::-1]
    assert max(expected) <= LONGEST_SIDE


@pytest.mark.parametrize("noise", [0, 40], ids=["smooth", "more detail than a photograph"])
def test_small_enough_to_embed(tmp_path: Path, noise: float) -> None:
    picture = scored(METRIC, [write(tmp_path / "a.jpg", 500, 375, noise=noise)], [prediction_of([])]).illustrate(0)
    assert len(picture.image) <= MAX_BYTES


def test_only_the_best_marks_are_kept(tmp_path: Path) -> None:
    sample = write(tmp_path / "a.jpg", 500, 375)
    rows = [(0, 0.3 + place / 1000, (10.0, 10.0, 20.0, 20.0)) for place in range(200)]
    marks = scored(METRIC, [sample], [prediction_of(rows)]).illustrate(0).marks
    assert len(marks) == MAX_MARKS
    assert [mark.score for mark in marks[:3]] == [None] * 3
    assert [round(mark.score or 0, 3) for mark in marks[3:]] == [round(0.499 - place / 1000, 3) for place in range(57)]


def test_a_missing_file(tmp_path: Path) -> None:
    sample = write(tmp_path / "a.jpg", 500, 375)
    sample.path.unlink()
    with pytest.raises(DatasetError, match=r"image of sample '000001': .*expected a readable file"):
        scored(METRIC, [sample], [prediction_of([])]).illustrate(0)


def test_what_is_refused(tmp_path: Path) -> None:
    sample = write(tmp_path / "a.jpg", 500, 375)
    with pytest.raises(ResultError, match="000001: expected boxes float"):
        scored(METRIC, [sample], [{}]).illustrate(0)
    with pytest.raises(PluginError, match="expected samples of a VOC data set"):
        scored(METRIC, [Sample(index=1, id="a", path=sample.path)], [prediction_of([])]).illustrate(0)
