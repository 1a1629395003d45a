"""Reading `npu-smi info`: tables as real drivers print them, and what is no table."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.backends.ascend.npu_smi import Card, NpuProcess, NpuState, parse, query
from zoo_runner.errors import PrerequisiteError

HEAD = """\
+--------------------------------------------------------------------------------------------------------+
| npu-smi 23.0.0                                   Version: 23.0.0                                       |
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Name                  | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
| Chip    Device                | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
+===============================+=================+======================================================+
"""
ONE_CARD = (
    HEAD
    + """\
| 6       310P3                 | OK              | NA           50                0     / 0             |
| 0       0                     | 0000:84:00.0    | 0            1839 / 21525                            |
+===============================+=================+======================================================+
+-------------------------------+-----------------+------------------------------------------------------+
| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |
+===============================+=================+======================================================+
| No running processes found in NPU 6                                                                    |
+===============================+=================+======================================================+
"""
)
# Two chips on each card; the tool prints no space before the slash once the numbers are long.
TWO_CHIPS_A_CARD = (
    HEAD
    + """\
| 5       310P3                 | OK              | NA           62                7210  / 7210          |
| 0       4                     | 0000:01:00.0    | 97           16302/ 44280                            |
+-------------------------------+-----------------+------------------------------------------------------+
| 5       310P3                 | Warning         | NA           NA                7210  / 7210          |
| 1       5                     | 0000:01:00.0    | 0            NA / 43693                              |
+===============================+=================+======================================================+
| NPU     Chip                  | Process id      | Process name             | Process memory(MB)        |
+===============================+=================+======================================================+
| 5       0                     | 904545          | python3                  | 101                       |
| 5       0                     | 917047          | mindie_llm_back          | 14513                     |
+===============================+=================+======================================================+
"""
)
README = """\
     +-------------------|-----------------|------------------------------------------------------+
     | NPU     Name      | Health          | Power(W)     Temp(C)           Hugepages-Usage(page) |
     | Chip    Device    | Bus-Id          | AICore(%)    Memory-Usage(MB)                        |
     +===================+=================+======================================================+
     | 0       310P3     | OK              | 15.8         42                0    / 0              |
     | 0       0         | 0000:82:00.0    | 0            1074 / 21534                            |
     +===================+=================+======================================================+
     | 1       310P3     | OK              | 15.4         43                0    / 0              |
     | 0       1         | 0000:89:00.0    | 0            1070 / 21534                            |
     +===================+=================+======================================================+
"""
WITH_HBM = """\
| npu-smi 24.1.0                   Version: 24.1.0                                               |
| NPU   Name                | Health        | Power(W)    Temp(C)           Hugepages-Usage(page)|
| Chip                      | Bus-Id        | AICore(%)   Memory-Usage(MB)  HBM-Usage(MB)        |
| 2     910B4               | OK            | 88.9        39                0    / 0             |
| 0                         | 0000:C2:00.0  | 0           0    / 0          2858 / 32768         |
| 5     910B4               | Alarm         | 66.9        34                0    / 0             |
| 0                         | 0000:81:00.0  | 0           2411 / 15665      4    / 32768         |
"""
PHYSICAL_IDS = """\
| npu-smi 26.0.rc2                            Version: 26.0.rc2                                                    |
| NPU   Name                | Health        | Power(W)             Temp(C)                 Hugepages-Usage(page)   |
| Chip  Phy-ID              | Bus-Id        | AICore(%)            Memory-Usage(MB)        HBM-Usage(MB)           |
| 7     Ascend910           | OK            | 162.6                34                      0    / 0                |
| 0     14                  | 0000:9D:00.0  | 0                    0    / 0                3419 / 65536            |
| 7     Ascend910           | OK            | -                    34                      0    / 0                |
| 1     15                  | 0000:9F:00.0  | 0                    0    / 0                2874 / 65536            |
"""
FIRST_LINES_ONLY = """\
| 0       310P3                 | OK              | 15.8         42                0    / 0              |
| 1       310P3                 | OK              | 15.8         42                0    / 0              |
"""


def card(number: int = 0, **changed: object) -> Card:
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
    return replace(quiet, **changed)  # type: ignore[arg-type] # the tables below name fields of Card


@pytest.mark.parametrize(
    ("text", "version", "cards"),
    [
        pytest.param(
            ONE_CARD,
            "23.0.0",
            (card(npu=6, temperature_c=50.0, memory_used_mb=1839.0, memory_total_mb=21525.0),),
            id="310P-in-slot-6",
        ),
        pytest.param(
            TWO_CHIPS_A_CARD,
            "23.0.0",
            (
                card(
                    4,
                    npu=5,
                    temperature_c=62.0,
                    aicore_percent=97.0,
                    memory_used_mb=16302.0,
                    memory_total_mb=44280.0,
                    processes=(
                        NpuProcess(pid=904545, name="python3", memory_mb=101.0),
                        NpuProcess(pid=917047, name="mindie_llm_back", memory_mb=14513.0),
                    ),
                ),
                card(
                    5,
                    npu=5,
                    slot=1,
                    health="Warning",
                    temperature_c=None,
                    memory_used_mb=None,
                    memory_total_mb=None,
                ),
            ),
            id="two-chips-a-card",
        ),
        pytest.param(README, "", (card(), card(1, temperature_c=43.0, memory_used_mb=1070.0)), id="without-title"),
        pytest.param(
            WITH_HBM,
            "24.1.0",
            (
                card(npu=2, chip="910B4", temperature_c=39.0, memory_used_mb=2858.0, memory_total_mb=32768.0),
                card(
                    1,
                    npu=5,
                    chip="910B4",
                    health="Alarm",
                    temperature_c=34.0,
                    memory_used_mb=4.0,
                    memory_total_mb=32768.0,
                ),
            ),
            id="no-device-column",
        ),
        pytest.param(
            PHYSICAL_IDS,
            "26.0.rc2",
            (
                card(npu=7, chip="910", temperature_c=34.0, memory_used_mb=3419.0, memory_total_mb=65536.0),
                card(
                    1,
                    npu=7,
                    slot=1,
                    chip="910",
                    temperature_c=34.0,
                    memory_used_mb=2874.0,
                    memory_total_mb=65536.0,
                ),
            ),
            id="physical-ids-are-not-devices",
        ),
        pytest.param(
            FIRST_LINES_ONLY,
            "",
            tuple(card(number, aicore_percent=None, memory_used_mb=None, memory_total_mb=None) for number in (0, 1)),
            id="first-lines-only",
        ),
        pytest.param(
            ONE_CARD.replace("23.0.0", "22.0.4 stand-in"),
            "22.0.4 stand-in",
            (card(npu=6, temperature_c=50.0, memory_used_mb=1839.0, memory_total_mb=21525.0),),
            id="version-of-two-words",
        ),
    ],
)
def test_parse(text: str, version: str, cards: tuple[Card, ...]) -> None:
    assert parse(text) == NpuState(version=version, cards=cards)


def test_device_numbers_that_repeat_are_counted_anew() -> None:
    text = README.replace("| 0       1         |", "| 0       0         |")
    assert [card.id for card in parse(text).cards] == [0, 1]


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", "(nothing)"),
        ("dcmi module initialize failed. ret is -8005\n", "  dcmi module initialize failed. ret is -8005\n"),
        (HEAD, "  | Chip    Device"),
        ("line\n" * 20, "(12 more lines)"),
    ],
    ids=["nothing", "message", "no-chip", "long"],
)
def test_what_is_no_table_is_quoted(text: str, quoted: str) -> None:
    with pytest.raises(
        PrerequisiteError, match=r"expected the table of `npu-smi info` with at least one chip"
    ) as caught:
        parse(text)
    assert quoted in str(caught.value)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        state = parse(text)
    except PrerequisiteError:
        return
    assert state.cards


@given(
    st.lists(
        st.builds(
            card,
            npu=st.integers(0, 40000),
            chip=st.sampled_from(["310", "310P3", "910B4-1", "910_9362"]),
            health=st.sampled_from(["OK", "Warning", "Alarm", "Critical", "UNKNOWN"]),
            temperature_c=st.none() | st.integers(-20, 120).map(float),
            aicore_percent=st.integers(0, 100).map(float),
            memory_used_mb=st.integers(0, 65536).map(float),
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda each: each.npu,
    )
)
def test_a_table_gives_back_what_it_was_made_of(cards: list[Card]) -> None:
    rows = [HEAD.rstrip("\n")]
    for number, each in enumerate(cards):
        temperature = "NA" if each.temperature_c is None else f"{each.temperature_c:.0f}"
        rows.append(f"| {each.npu:<7} {each.chip:<22}| {each.health:<15} | {'NA':<12} {temperature:<17} 0 / 0 |")
        usage = f"{each.memory_used_mb:<5.0f}/ {each.memory_total_mb:.0f}"
        rows.append(f"| 0       {number:<22}| 0000:84:00.0    | {each.aicore_percent:<12.0f} {usage} |")
    expected = tuple(replace(each, id=number) for number, each in enumerate(cards))
    assert parse("\n".join(rows)).cards == expected


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a shell script in the place of npu-smi."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def write(script: str) -> None:
        path = tmp_path / "npu-smi"
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


def test_query_reads_the_tool(tool: Callable[[str], None]) -> None:
    tool(f'[ "$*" = info ] || exit 9\ncat <<EOF\n{ONE_CARD}EOF')
    assert query() == parse(ONE_CARD)
    assert query().card(0) == query().cards[0]
    assert query().card(7) is None


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo 'DrvMngGetConsoleLogLevel failed. (ret=4)' >&2; exit 1", "found exit code 1 and:\n  DrvMngGetConsole"),
        ("sleep 30", "to answer, found: .* timed out after 0.5 seconds"),
        ("echo hello", "with at least one chip, found:\n  hello\n"),
    ],
    ids=["fails", "hangs", "says-something-else"],
)
def test_query_refuses(tool: Callable[[str], None], script: str, told: str) -> None:
    tool(f"exec {script}" if script.startswith("sleep") else script)
    with pytest.raises(PrerequisiteError, match=told):
        query(timeout_s=0.5 if "sleep" in script else 30.0)


def test_query_without_the_tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        PrerequisiteError, match=r"^expected npu-smi on PATH, found none\. It comes with the NPU driver"
    ):
        query()
