"""What makes a timing untrustworthy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from zoo_runner.backends.ascend.npu_smi import Card, NpuProcess, NpuState, disturbances, query
from zoo_runner.testing import stand_in_environment


def card(number: int = 0, **changed: Any) -> Card:
    quiet = Card(
        id=number,
        npu=number,
        slot=0,
        chip="310P3",
        health="OK",
        temperature_c=42.0,
        aicore_percent=0.0,
        memory_used_mb=1074.0,
        memory_total_mb=21534.0,
    )
    return replace(quiet, **changed)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ()),
        ({"health": "Alarm"}, ("device 0 {} the timing: health is Alarm, expected OK",)),
        ({"temperature_c": 85.0}, ()),
        (
            {"temperature_c": 104.0},
            ("device 0 {} the timing: 104 degrees Celsius, expected at most 85",),
        ),
        ({"temperature_c": None, "memory_used_mb": None, "aicore_percent": None}, ()),
        (
            {"processes": (NpuProcess(pid=1, name="mine"), NpuProcess(pid=2, name="python3"))},
            ("device 0 {} the timing: process 2 (python3) runs on it",),
        ),
        (
            {"memory_used_mb": 8000.0},
            ("device 0 {} the timing: 8000 of 21534 MB in use, expected at most 20%",),
        ),
    ],
    ids=["quiet", "ill", "warm", "hot", "unknown", "process", "memory"],
)
def test_disturbances(changed: dict[str, Any], told: tuple[str, ...]) -> None:
    quiet = NpuState(version="", cards=(card(), card(1, health="Alarm")))
    noisy = replace(quiet, cards=(card(**changed), quiet.cards[1]))
    for before, after, when in ((noisy, quiet, "before"), (quiet, noisy, "after")):
        assert disturbances(before, after, [0], own=[1]) == tuple(text.format(when) for text in told)


def test_load_counts_before_the_timing_only() -> None:
    quiet, busy = (NpuState(version="", cards=(card(aicore_percent=load),)) for load in (0.0, 87.0))
    assert disturbances(quiet, busy, [0]) == ()
    assert disturbances(busy, quiet, [0]) == ("device 0 before the timing: AI cores 87 % busy, expected at most 5 %",)


def test_a_device_that_went_away_is_a_disturbance() -> None:
    state = NpuState(version="", cards=(card(),))
    assert disturbances(state, replace(state, cards=()), [0]) == ("device 0 after the timing: not listed by npu-smi",)
    assert disturbances(state, state, []) == ()


@pytest.mark.parametrize(
    ("used", "total"),
    [(577.0, 7759.0), (1839.0, 21525.0), (1839.0, 44280.0), (3419.0, 65536.0)],
    ids=["310", "310P", "310P-duo", "910"],
)
def test_idle_machines_are_quiet(used: float, total: float) -> None:
    """Memory as drivers show it on idle chips."""
    idle = NpuState(version="", cards=(card(memory_used_mb=used, memory_total_mb=total, temperature_c=73.0),))
    assert disturbances(idle, idle, [0]) == ()


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ((), []),
        (("unhealthy",), ["health is Alarm"]),
        (("hot",), ["104 degrees Celsius"]),
        (("busy",), ["process 4242 (python3) runs on it", "AI cores 87 % busy", "MB in use"]),
    ],
    ids=["quiet", "unhealthy", "hot", "busy"],
)
def test_stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: tuple[str, ...], told: list[str]) -> None:
    for name, value in stand_in_environment(tmp_path / "host", devices=2, faults=faults).items():
        monkeypatch.setenv(name, value)
    state = query()
    assert "stand-in" in state.version
    assert [card.id for card in state.cards] == [0, 1]
    found = [text for text in disturbances(state, state, [1]) if text.startswith("device 1 before")]
    assert len(found) == len(told)
    for part, text in zip(told, found, strict=True):
        assert part in text
