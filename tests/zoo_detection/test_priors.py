from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from refinedet_plugin.priors import priors as refinedet_priors
from zoo_detection.priors import Priors


def laid_out(*maps: dict[str, Any], clip: str = "none", size: tuple[int, int] = (100, 50)) -> np.ndarray[Any, Any]:
    return Priors.model_validate({"maps": maps, "clip": clip}).boxes(*size)


def test_cells_come_row_by_row_and_shapes_within_them() -> None:
    """Squares first, then each ratio wide and tall, as SSD's paper and torchvision have them."""
    root = math.sqrt(2.0)
    found = laid_out({"cells": [2, 1], "size": 20, "next_size": 45, "ratios": [2.0]})
    shapes = [(20, 20), (30, 30), (20 * root, 20 / root), (20 / root, 20 * root)]
    expected = [(x / 100, 0.5, width / 100, height / 50) for x in (25, 75) for width, height in shapes]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32


def test_maps_follow_each_other() -> None:
    fine, coarse = {"cells": [2, 2], "size": 20}, {"cells": [1, 1], "size": 40, "ratios": [3.0]}
    np.testing.assert_array_equal(laid_out(fine, coarse), np.concatenate((laid_out(fine), laid_out(coarse))))


def test_a_stride_is_in_pixels() -> None:
    """A map whose cells do not fill the input, as SSD512's and SSD300's have."""
    found = laid_out({"cells": [2, 1], "size": 20, "stride": 32})
    np.testing.assert_allclose(found[:, :2], [(0.16, 0.32), (0.48, 0.32)], rtol=1e-6)


@pytest.mark.parametrize("side", [320, 512])
def test_they_can_be_refinedets(side: Any) -> None:
    maps = [
        {"cells": [side // stride] * 2, "stride": stride, "size": 4 * stride, "ratios": [2.0]}
        for stride in (8, 16, 32, 64)
    ]
    found = laid_out(*maps, clip="centre_size", size=(side, side))
    np.testing.assert_allclose(found, refinedet_priors(side), rtol=1e-6)


@pytest.mark.parametrize(
    ("clip", "expected"),
    [
        ("none", (0.5, 0.5, 1.5, 3.0)),
        ("size", (0.5, 0.5, 1.0, 1.0)),
        ("centre_size", (0.5, 0.5, 1.0, 1.0)),
        ("corners", (0.5, 0.5, 1.0, 1.0)),
    ],
)
def test_what_is_beyond_the_input(clip: str, expected: tuple[float, ...]) -> None:
    np.testing.assert_allclose(laid_out({"cells": [1, 1], "size": 150}, clip=clip), [expected], rtol=1e-6)


def test_corners_move_the_centre() -> None:
    """A corner beyond the edge is cut off, which moves the centre; cutting centre and size each does not."""
    one = {"cells": [10, 1], "size": 30}
    np.testing.assert_allclose(laid_out(one, clip="corners")[0], (0.1, 0.5, 0.2, 0.6), rtol=1e-5)
    np.testing.assert_allclose(laid_out(one, clip="centre_size")[0], (0.05, 0.5, 0.3, 0.6), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"maps": []}, "at least 1 item"),
        ({"maps": [{"cells": [0, 1], "size": 1}]}, "greater than 0"),
        ({"maps": [{"cells": [1, 1], "size": 0}]}, "greater than or equal to 0.000001"),
        ({"maps": [{"cells": [1, 1], "size": math.inf}]}, "finite"),
        ({"maps": [{"cells": [1, 1], "size": math.nan}]}, "finite"),
        ({"maps": [{"cells": [1, 1], "size": 1e300, "next_size": 1e300}]}, "less than or equal to 1000000"),
        ({"maps": [{"cells": [1, 1], "size": 1, "ratios": [1e-300]}]}, "greater than or equal to 0.000001"),
        ({"maps": [{"cells": [1, 1], "size": 1, "stride": 1e39}]}, "less than or equal to 1000000"),
        ({"maps": [{"cells": [10**400, 1], "size": 1}]}, "less than or equal to 1000000"),
        ({"maps": [{"cells": [1, 1], "size": 1, "ratios": [2] * 101}]}, "at most 100 items"),
        ({"maps": [{"cells": [1, 1], "size": 1}] * 101}, "at most 100 items"),
        ({"maps": [{"cells": [1, 1], "size": 1, "ratio": [2]}]}, "Extra inputs"),
        ({"maps": [{"cells": [2000, 2000], "size": 1}]}, "expected at most 1,000,000 priors, found 4,000,000"),
        ({"maps": [{"cells": [1, 1], "size": 1}], "clip": "some"}, "'none', 'centre_size', 'size' or 'corners'"),
    ],
)
def test_what_cannot_be_is_refused(given: Any, expected: str) -> None:
    with pytest.raises(ValidationError, match=expected):
        Priors.model_validate(given)
