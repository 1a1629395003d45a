"""Small pictures for reports: never larger than the image, and small enough to embed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from zoo_images.thumbnail import LONGEST_SIDE, MAX_BYTES, thumbnail, thumbnail_size


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1, 1), (1, 1)),
        ((360, 20), (360, 20)),
        ((720, 361), (LONGEST_SIDE, 180)),
        ((100, 900), (40, LONGEST_SIDE)),
        ((90_000, 1), (LONGEST_SIDE, 1)),
    ],
)
def test_the_longer_side_has_a_limit(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert thumbnail_size(*size) == expected


def test_noise_is_compressed_until_it_fits() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (400, 500, 3)).astype(np.uint8)
    data = thumbnail(pixels, 300, 240)
    assert len(data) <= MAX_BYTES * 2
    assert len(data) < len(cv2.imencode(".jpg", cv2.resize(pixels, (300, 240)))[1])
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (240, 300, 3)
