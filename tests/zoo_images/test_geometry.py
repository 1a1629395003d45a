"""Steps that follow each other are one step."""

from __future__ import annotations

import numpy as np

from zoo_images.geometry import Geometry


def test_steps_are_joined_in_their_order() -> None:
    joined = Geometry().then((2.0, 4.0), (10.0, 0.0)).then((0.5, 0.25), (-1.0, 3.0))
    assert joined == Geometry(1.0, 1.0, 4.0, 3.0)
    point = np.array([[1, 2, 1, 2]], np.float32)
    assert joined.to_network(point).tolist() == [[5, 5, 5, 5]]
    assert joined.to_image(joined.to_network(point)).tolist() == point.tolist()
