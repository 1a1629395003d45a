"""What makes a timing untrustworthy, and where nobody could see whether anything did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from npu_cards import card
from zoo_runner.backends.ascend.npu_state import Card, NpuProcess
from zoo_runner.backends.ascend.watching import Reading, disturbances, look, states, unseen
from zoo_runner.testing import stand_in_environment

BLIND = Reading(blind="no tool")


def reading(*cards: Card, **changed: Any) -> Reading:
    return Reading(cards=dict(enumerate(cards)), **changed)


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
        ({"memory_used_mb": None}, ()),
        (
            {"processes": (NpuProcess(pid=1, name=""), NpuProcess(pid=2, name="python3"))},
            (
                "device 0 {} the timing: process 1 (no name) runs on it",
                "device 0 {} the timing: process 2 (python3) runs on it",
            ),
        ),
        (
            {"memory_used_mb": 8000.0},
            ("device 0 {} the timing: 8000 of 21534 MB in use, expected at most 20%",),
        ),
        ({"chip": "310B4", "bus": "NA", "health": "Alarm", "memory_used_mb": 8000.0}, ()),
        (
            {"chip": "310B4", "bus": "NA", "health": "Alarm", "temperature_c": 97.0},
            ("device 0 {} the timing: 97 degrees Celsius, expected at most 85",),
        ),
        (
            {"chip": "310B4", "bus": "NA", "processes": (NpuProcess(pid=2, name="python3"),)},
            ("device 0 {} the timing: process 2 (python3) runs on it",),
        ),
        (
            {"chip": "310B1", "memory_used_mb": 8000.0},
            ("device 0 {} the timing: 8000 of 21534 MB in use, expected at most 20%",),
        ),
    ],
    ids=[
        *("quiet", "ill", "warm", "hot", "partly unknown", "processes", "memory"),
        *("idle board", "hot board", "board in use", "310B on a bus"),
    ],
)
def test_disturbances(changed: dict[str, Any], told: tuple[str, ...]) -> None:
    quiet = reading(card(), card(1, health="Alarm"))
    noisy = reading(card(**changed), card(1))
    for before, after, when in ((noisy, quiet, "before"), (quiet, noisy, "after")):
        assert disturbances(before, after, [0]) == tuple(text.format(when) for text in told)


def test_load_counts_before_the_timing_only() -> None:
    quiet, busy = (reading(card(aicore_percent=load)) for load in (0.0, 87.0))
    assert disturbances(quiet, busy, [0]) == ()
    assert disturbances(busy, quiet, [0]) == ("device 0 before the timing: AI cores 87 % busy, expected at most 5 %",)


def test_a_board_with_another_load_is_busy() -> None:
    idle, busy = (reading(card(chip="310B4", bus="NA", aicore_percent=load)) for load in (0.0, 87.0))
    assert disturbances(busy, idle, [0]) == ("device 0 before the timing: AI cores 87 % busy, expected at most 5 %",)


def test_a_device_that_went_away_is_a_disturbance() -> None:
    assert disturbances(reading(card()), reading(), [0]) == ("device 0 after the timing: not listed by npu-smi",)
    assert disturbances(reading(card()), reading(card()), []) == ()


def test_a_line_about_processes_that_is_not_understood_is_a_disturbance() -> None:
    odd = reading(card(), unread=("0 0 | x",))
    assert disturbances(reading(card()), odd, [0]) == (
        "device 0 after the timing: a line about processes that is not understood: 0 0 | x",
    )


@pytest.mark.parametrize(
    ("before", "after", "noise", "why"),
    [
        pytest.param(BLIND, BLIND, (), "no tool", id="never seen"),
        pytest.param(reading(card()), BLIND, ("after",), "", id="not seen after it"),
        pytest.param(BLIND, reading(card()), ("before",), "", id="not seen before it"),
        pytest.param(reading(card()), reading(card()), (), "", id="seen"),
    ],
)
def test_what_nobody_saw_is_not_quiet(before: Reading, after: Reading, noise: tuple[str, ...], why: str) -> None:
    """A host that cannot be watched is one thing; one that can and then cannot has a trouble."""
    assert unseen(before, after, [0]) == why
    expected = tuple(f"device 0 {when} the timing: nothing could be seen of it: no tool" for when in noise)
    assert disturbances(before, after, [0]) == expected


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"temperature_c": None}, "the temperature"),
        ({"aicore_percent": None, "memory_used_mb": None}, "the load"),
        ({"aicore_percent": None}, ""),
        ({"memory_used_mb": None}, ""),
        ({"chip": "310B4", "bus": "NA", "aicore_percent": None}, "the load"),
        ({"chip": "310B4", "bus": "NA", "memory_used_mb": None}, ""),
    ],
)
def test_a_chip_that_is_shown_in_part_is_unseen(changed: dict[str, Any], missing: str, which: int) -> None:
    bare, full = reading(card(**changed)), reading(card())
    before, after = ((bare, bare), (bare, full), (full, bare))[which]
    assert unseen(before, after, [0]) == (f"npu-smi does not show {missing} of device 0" if missing else "")


def test_states_are_those_of_the_chips_that_the_devices_are() -> None:
    both = Reading(cards={0: card(2, npu=64), 1: card(3, temperature_c=None, memory_used_mb=None)})
    assert states(both, [0, 1, 2]) == (
        "device 0 is NPU 64 chip 0 (310P3): OK, 42 degrees Celsius, AI cores 0 % busy, 1074 of 21534 MB in use",
        "device 1 is NPU 3 chip 0 (310P3): OK, AI cores 0 % busy",
    )
    assert states(BLIND, [0]) == ()


@pytest.mark.parametrize(
    ("used", "total"),
    [(577.0, 7759.0), (1839.0, 21525.0), (1839.0, 44280.0), (4091.0, 21534.0), (3419.0, 65536.0)],
    ids=["310", "310P", "310P-duo", "310P-at-19-percent", "910"],
)
def test_idle_machines_are_quiet(used: float, total: float) -> None:
    """Memory as drivers show it on idle chips."""
    idle = reading(card(memory_used_mb=used, memory_total_mb=total, temperature_c=73.0))
    assert disturbances(idle, idle, [0]) == ()


HOSTS = [
    ("310", "21.0.2"),
    ("310B4", "23.0.0"),
    ("310P3", "22.0.4"),
    ("310P3", "26.0.rc2"),
    ("910A", "21.0.2"),
    ("910B4", "26.0.rc2"),
    ("910_9392", "26.0.rc2"),
]


@pytest.mark.parametrize(("chip", "smi"), HOSTS)
@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ((), []),
        (("hot",), ["104 degrees Celsius"]),
        (("busy",), ["process 4242 (python3) runs on it", "AI cores 87 % busy", "MB in use"]),
        (("ill-card:1",), ["health is Alarm", "97 degrees Celsius"]),
        (("ill-card:0",), []),
    ],
    ids=["quiet", "hot", "busy", "ill", "another-is-ill"],
)
def test_stand_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chip: str, smi: str, faults: tuple[str, ...], told: list[str]
) -> None:
    environ = stand_in_environment(tmp_path / "host", chip=chip, devices=2, faults=faults, smi=smi)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    here = look()
    assert list(here.cards) == [0, 1]
    found = [text for text in disturbances(here, here, [1]) if text.startswith("device 1 before")]
    if chip == "310B4":  # its alarm and its memory say nothing, and it lists no processes
        told = [each for each in told if "degrees" in each or "AI cores" in each]
    if chip == "910_9392":  # of its much memory another process takes little
        told = [each for each in told if "MB" not in each]
    assert len(found) == len(told), found
    for part, text in zip(told, found, strict=True):
        assert part in text


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ["device 1"]),
        ("1", ["device 0"]),
        ("2", []),
        ("0,2", []),
        ("1,2", ["device 0"]),
    ],
)
def test_a_card_at_97_degrees_is_seen_under_the_number_that_the_process_has_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, told: list[str]
) -> None:
    for name, text in stand_in_environment(tmp_path / "host", devices=3, faults=("ill-card:1",)).items():
        monkeypatch.setenv(name, text)
    if value is not None:
        monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", value)
    here = look()
    found = {line.partition(" before")[0] for line in disturbances(here, here, list(here.cards)) if "before" in line}
    assert found == set(told)


def test_a_variable_that_tells_no_cards_makes_blind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in stand_in_environment(tmp_path / "host", devices=2, faults=("ill-card:1",)).items():
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("ASCEND_RT_VISIBLE_DEVICES", "1,0")
    here = look()
    assert "which card a device number is, is not known: ASCEND_RT_VISIBLE_DEVICES is '1,0'" in unseen(here, here, [0])


def test_without_the_tool_nothing_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    here = look()
    assert unseen(here, here, [0]).startswith("expected npu-smi on PATH, found none.")
    assert disturbances(here, here, [0]) == ()
