"""The sizes at which an export is compared have the ends of every open axis."""

from __future__ import annotations

import pytest

from zoo_runner.plugin.shapes import Shapes, Sizes
from zoo_runner.stages.export.compared_sizes import calls, compared_sizes


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        pytest.param(None, ({},), id="fixed"),
        pytest.param(Shapes(opened="batch", gears=({"batch": 1}, {"batch": 4})), ({},), id="batch"),
        pytest.param(Shapes(opened="dims", gears=({"n": 4}, {"n": 2}, {"n": 3})), ({"n": 2}, {"n": 4}), id="gears"),
        pytest.param(
            Shapes(opened="image_size", gears=({"h": 4, "w": 8}, {"h": 8, "w": 4}, {"h": 6, "w": 6})),
            ({"h": 4, "w": 8}, {"h": 8, "w": 4}),
            id="two-axes",
        ),
        pytest.param(
            Shapes(opened="range", bounds={"h": (1, 9), "w": (3, 3)}), ({"h": 1, "w": 3}, {"h": 9, "w": 3}), id="range"
        ),
        pytest.param(Shapes(opened="range", bounds={"h": (2, 2)}), ({"h": 2},), id="one-size"),
    ],
)
def test_what_is_compared(shapes: Shapes | None, expected: tuple[Sizes, ...]) -> None:
    assert compared_sizes(shapes) == expected


def test_every_batch_and_every_size_is_called() -> None:
    assert calls((1, 3), ({"n": 2}, {"n": 4})) == ((1, {"n": 2}), (3, {"n": 2}), (3, {"n": 4}))
    assert calls((5,), ({},)) == ((5, {}),)
