from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from refinedet_plugin.config import InputSize, RefineDetConfig
from refinedet_plugin.priors import priors

SIZES: tuple[InputSize, ...] = get_args(InputSize)


@pytest.mark.parametrize("size", SIZES)
def test_count_type_and_range(size: InputSize) -> None:
    boxes = priors(size)
    assert boxes.shape == (RefineDetConfig(input_size=size).num_priors, 4)
    assert boxes.dtype == np.float32
    assert boxes.min() > 0
    assert boxes.max() <= 1


@pytest.mark.parametrize(
    ("size", "row", "expected"),
    [
        pytest.param(320, 0, (4 / 320, 4 / 320, 0.1, 0.1), id="first-square"),
        pytest.param(320, 1, (4 / 320, 4 / 320, 0.1 * 2**0.5, 0.1 / 2**0.5), id="first-wide"),
        pytest.param(320, 2, (4 / 320, 4 / 320, 0.1 / 2**0.5, 0.1 * 2**0.5), id="first-tall"),
        pytest.param(320, 3, (12 / 320, 4 / 320, 0.1, 0.1), id="columns-run-first"),
        pytest.param(320, 120, (4 / 320, 12 / 320, 0.1, 0.1), id="then-rows"),
        pytest.param(320, 4800, (8 / 320, 8 / 320, 0.2, 0.2), id="second-map"),
        pytest.param(320, 6300, (32 / 320, 32 / 320, 0.8, 0.8), id="last-map"),
        pytest.param(320, 6374, (288 / 320, 288 / 320, 0.8 / 2**0.5, 1.0), id="last-clipped"),
        pytest.param(512, 12288, (8 / 512, 8 / 512, 0.125, 0.125), id="second-map-512"),
        pytest.param(512, 16319, (480 / 512, 480 / 512, 0.5 / 2**0.5, 0.5 * 2**0.5), id="last-512"),
    ],
)
def test_rows(size: InputSize, row: int, expected: tuple[float, ...]) -> None:
    assert priors(size)[row].tolist() == [float(np.float32(value)) for value in expected]


@pytest.mark.parametrize("size", SIZES)
def test_boxes_of_a_map_share_an_area_unless_clipped(size: InputSize) -> None:
    boxes = priors(size).astype(np.float64)
    whole = boxes[(boxes[:, 2:] < 1).all(axis=1)]
    sides = np.sqrt(whole[:, 2] * whole[:, 3]) * size
    assert set(np.round(sides, 3)) == {32.0, 64.0, 128.0, 256.0}


def test_the_array_is_shared_and_read_only() -> None:
    boxes = priors(320)
    assert priors(320) is boxes
    with pytest.raises(ValueError, match="read-only"):
        boxes[0, 0] = 1.0
