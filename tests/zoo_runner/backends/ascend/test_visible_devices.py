"""Which chip a device number of this process is."""

from __future__ import annotations

import pytest

from zoo_runner.backends.ascend.npu_state import Card, NpuState
from zoo_runner.backends.ascend.visible_devices import visible


def state(*physical: int | None) -> NpuState:
    cards = [
        Card(id=number, npu=number, slot=0, chip="310P3", health="OK", physical=each)
        for number, each in enumerate(physical)
    ]
    return NpuState(version="", cards=tuple(cards))


FOUR = state(None, None, None, None)


@pytest.mark.parametrize(
    ("host", "value", "cards"),
    [
        pytest.param(FOUR, None, {0: 0, 1: 1, 2: 2, 3: 3}, id="not set"),
        pytest.param(FOUR, "2", {0: 2}, id="one"),
        pytest.param(FOUR, "1,3", {0: 1, 1: 3}, id="two"),
        pytest.param(state(0, 1), "1", {0: 1}, id="the tool's numbers are the order of its table"),
        pytest.param(state(0, 7), "0", {0: 0}, id="they are, for the one that is visible"),
        pytest.param(state(4, 5), None, {0: 0, 1: 1}, id="not set, other numbers"),
    ],
)
def test_known(host: NpuState, value: str | None, cards: dict[int, int]) -> None:
    found = visible(host, {} if value is None else {"ASCEND_RT_VISIBLE_DEVICES": value})
    assert ({device: card.id for device, card in found.cards.items()}, found.unknown) == (cards, "")


@pytest.mark.parametrize(
    ("host", "value", "why"),
    [
        (FOUR, "", "expected device numbers in rising order with nothing but commas between them, such as 0,2"),
        (FOUR, "1, 2", "expected device numbers in rising order"),
        (FOUR, "3,1", "expected device numbers in rising order"),
        (FOUR, "1,1", "expected device numbers in rising order"),
        (FOUR, "0..3", "expected device numbers in rising order"),
        (FOUR, "9" * 5000, "expected device numbers in rising order"),
        (FOUR, "1,4", r"expected devices that `npu-smi info` lists \(0, 1, 2, 3\)"),
        (state(4, 5), "1", "npu-smi numbers the chips it lists in another way"),
    ],
    ids=["empty", "space", "falling", "twice", "range", "endless", "absent", "other numbers"],
)
def test_unknown(host: NpuState, value: str, why: str) -> None:
    found = visible(host, {"ASCEND_RT_VISIBLE_DEVICES": value})
    assert found.cards == {}
    assert why.replace("\\", "") in found.unknown
    assert found.unknown.endswith("Correct it, or unset it and choose with --device")
