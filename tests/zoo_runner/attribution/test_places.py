"""Where outputs differ: on which devices, and at which places of a batch."""

from __future__ import annotations

import pytest

from zoo_runner.attribution.deadline import Deadline, OutOfTimeError
from zoo_runner.attribution.places import where
from zoo_runner.plugin.interfaces import Arrays, DeviceArrays

ALONE: list[Arrays] = [{} for _ in range(8)]
TWO: list[Arrays] = [DeviceArrays({}, place % 2, place // 2 % 2) for place in range(8)]
ROWLESS: list[Arrays] = [DeviceArrays({}, 0, None) for _ in range(8)]


@pytest.mark.parametrize(
    ("outputs", "differing", "batch", "text"),
    [
        pytest.param([], [], 4, "", id="nothing"),
        pytest.param(ALONE, [], 4, "", id="none differs"),
        pytest.param(ALONE, [1, 5], None, "", id="no places"),
        pytest.param(ALONE, [1, 5], 4, "row 1 of the batch differ on 2 of 2", id="row"),
        pytest.param(ALONE, [1, 2, 5], 4, "row 1 of the batch, row 2 of the batch differ on 3 of 4", id="rows"),
        pytest.param(ALONE, list(range(8)), 4, "", id="everywhere"),
        pytest.param(TWO, [1, 3, 5], None, "device 1 differ on 3 of 4", id="device"),
        pytest.param(TWO, [2, 3, 6], None, "row 1 of the batch differ on 3 of 4", id="row of devices"),
        pytest.param(
            TWO, [0, 3, 4, 7], None, "device 0 in row 0 of its batch, device 1 in row 1 of its batch differ on 4 of 4"
        ),
        pytest.param(ROWLESS, [3, 7], 4, "row 3 of the batch differ on 2 of 2", id="one device"),
    ],
)
def test_where(outputs: list[Arrays], differing: list[int], batch: int | None, text: str) -> None:
    assert where(outputs, differing, batch, "images") == (text and f"outputs of {text} images, elsewhere equal")


def test_deadline() -> None:
    assert list(Deadline.of("always", 0).over([1, 2])) == [1, 2]
    assert list(Deadline.of("auto", 1000).over([1, 2])) == [1, 2]
    late = Deadline.of("auto", -1)
    assert late.left < 0
    with pytest.raises(OutOfTimeError):
        list(late.over([1]))
    assert list(late.over([])) == []
