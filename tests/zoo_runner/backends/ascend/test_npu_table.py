"""Reading `npu-smi info`: tables as real drivers print them, and what is no table."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from npu_cards import card
from zoo_runner.backends.ascend.npu_state import Card, NpuProcess, NpuState
from zoo_runner.backends.ascend.npu_table import parse
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
# npu-smi 26: a fifth column, a process without a name, and no rule between the tables.
FIVE_COLUMNS = """\
| npu-smi 26.0.rc2                            Version: 26.0.rc2                                                    |
| NPU   Name                | Health        | Power(W)             Temp(C)                 Hugepages-Usage(page)   |
| Chip                      | Bus-Id        | AICore(%)            Memory-Usage(MB)        HBM-Usage(MB)           |
| 0     910B3               | OK            | 97.8                 49                      0    / 0                |
| 0                         | 0000:41:00.0  | 0                    0    / 0                3402 / 65536            |
| 1     910B3               | OK            | 93.3                 48                      0    / 0                |
| 0                         | 0000:42:00.0  | 0                    0    / 0                3403 / 65536            |
| NPU     Chip              | Process id    | Process name       | Process memory(MB)    | Process id in container |
| 0       0                 | 485946        | pytest             | 5175                  | NA                      |
| 0       0                 | 485947        |                    | 101                   | 12                      |
| No running processes found in NPU 1                                                                              |
"""
BOARD = (
    HEAD
    + """\
| 0       310B4                 | Alarm           | 0.0          58                15    / 15            |
| 0       0                     | NA              | 0            2500 / 7545                             |
+===============================+=================+======================================================+
"""
)
WITHOUT_HUGE_PAGES = """\
| npu-smi 21.0.2                       Version: 21.0.2                                       |
| NPU     Name                  | Health          | Power(W)          Temp(C)              |
| Chip    Device                | Bus-Id          | AICore(%)         Memory-Usage(MB)     |
| 0       310                   | OK              | 12.8              45                   |
| 0       0                     | 0000:84:00.0    | 0                 2703 / 8192          |
"""
FIRST_LINES_ONLY = """\
| 0       310P3                 | OK              | 15.8         42                0    / 0              |
| 1       310P3                 | OK              | 15.8         42                0    / 0              |
"""


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
                    bus="0000:01:00.0",
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
                    bus="0000:01:00.0",
                    health="Warning",
                    temperature_c=None,
                    memory_used_mb=None,
                    memory_total_mb=None,
                ),
            ),
            id="two-chips-a-card",
        ),
        pytest.param(
            README,
            "",
            (card(bus="0000:82:00.0"), card(1, bus="0000:89:00.0", temperature_c=43.0, memory_used_mb=1070.0)),
            id="without-title",
        ),
        pytest.param(
            WITH_HBM,
            "24.1.0",
            (
                card(
                    npu=2,
                    physical=2,
                    bus="0000:C2:00.0",
                    chip="910B4",
                    temperature_c=39.0,
                    memory_used_mb=2858.0,
                    memory_total_mb=32768.0,
                ),
                card(
                    1,
                    npu=5,
                    physical=5,
                    bus="0000:81:00.0",
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
                card(
                    npu=7,
                    physical=14,
                    bus="0000:9D:00.0",
                    chip="910",
                    temperature_c=34.0,
                    memory_used_mb=3419.0,
                    memory_total_mb=65536.0,
                ),
                card(
                    1,
                    npu=7,
                    slot=1,
                    physical=15,
                    bus="0000:9F:00.0",
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
            tuple(
                card(at, physical=at, bus="", aicore_percent=None, memory_used_mb=None, memory_total_mb=None)
                for at in (0, 1)
            ),
            id="first-lines-only",
        ),
        pytest.param(
            ONE_CARD.replace("23.0.0", "22.0.4 stand-in"),
            "22.0.4 stand-in",
            (card(npu=6, temperature_c=50.0, memory_used_mb=1839.0, memory_total_mb=21525.0),),
            id="version-of-two-words",
        ),
        pytest.param(
            FIVE_COLUMNS,
            "26.0.rc2",
            (
                card(
                    physical=0,
                    bus="0000:41:00.0",
                    chip="910B3",
                    temperature_c=49.0,
                    memory_used_mb=3402.0,
                    memory_total_mb=65536.0,
                    processes=(
                        NpuProcess(pid=485946, name="pytest", memory_mb=5175.0),
                        NpuProcess(pid=485947, name="", memory_mb=101.0),
                    ),
                ),
                card(
                    1,
                    npu=1,
                    physical=1,
                    bus="0000:42:00.0",
                    chip="910B3",
                    temperature_c=48.0,
                    memory_used_mb=3403.0,
                    memory_total_mb=65536.0,
                ),
            ),
            id="process-id-in-container",
        ),
        pytest.param(
            BOARD,
            "23.0.0",
            (
                card(
                    chip="310B4",
                    health="Alarm",
                    bus="NA",
                    temperature_c=58.0,
                    memory_used_mb=2500.0,
                    memory_total_mb=7545.0,
                ),
            ),
            id="board-that-is-its-own-host",
        ),
        pytest.param(
            WITHOUT_HUGE_PAGES,
            "21.0.2",
            (card(chip="310", temperature_c=45.0, memory_used_mb=2703.0, memory_total_mb=8192.0),),
            id="without-huge-pages",
        ),
    ],
)
def test_parse(text: str, version: str, cards: tuple[Card, ...]) -> None:
    assert parse(text) == NpuState(version=version, cards=cards)


def test_device_numbers_that_repeat_are_counted_anew() -> None:
    text = README.replace("| 0       1         |", "| 0       0         |")
    assert [card.id for card in parse(text).cards] == [0, 1]


@pytest.mark.parametrize(
    ("line", "unread"),
    [
        pytest.param("| 0       0      | 12 | python3 | 101 |", (), id="four columns"),
        pytest.param("| 0       0      | 12 |  | 101 | NA |", (), id="five columns"),
        pytest.param("| No running processes found in NPU 0 |", (), id="none"),
        pytest.param("|     |    |    |", (), id="empty"),
        pytest.param(
            "| 0  0 | 12 | python3 | 101 | NA | 7 |", ("0  0 | 12 | python3 | 101 | NA | 7",), id="six columns"
        ),
        pytest.param("| 0 0 | NA | python3 | 101 |", ("0 0 | NA | python3 | 101",), id="no process id"),
        pytest.param("| Failed to query |", ("Failed to query",), id="a message"),
        pytest.param(
            "| 7       0      | 12 | python3 | 101 |",
            ("process 12 (python3) on NPU 7 chip 0, which is not listed",),
            id="a card that is not listed",
        ),
        pytest.param("| 0 0 12 python3 101 |", ("0 0 12 python3 101",), id="one column"),
    ],
)
def test_a_line_about_processes_is_read_or_kept(line: str, unread: tuple[str, ...]) -> None:
    """A process that is overlooked would make a busy chip a quiet one."""
    title = "| NPU  Chip | Process id | Process name | Process memory(MB) |\n"
    assert parse(f"{README}{title}{line}\n").unread == unread


@pytest.mark.parametrize("title", ["| NPU Chip Process id Process name |\n", "| NPU | PID |\n", ""])
def test_processes_are_found_under_any_title(title: str) -> None:
    state = parse(f"{README}{title}| 1 0 | 12 | python3 | 101 |\n")
    assert [len(card.processes) for card in state.cards] == [0, 1]
    assert state.unread == ()


@pytest.mark.parametrize(
    ("chip", "health", "bus", "host_memory", "healthy"),
    [
        ("310B4", "Alarm", "NA", True, True),
        ("310B1", "OK", "NA", True, True),
        ("310", "Alarm", "NA", True, True),
        ("310B4", "Warning", "NA", True, False),
        ("310B4", "Critical", "NA", True, False),
        ("310B1", "Alarm", "0000:01:00.0", False, False),
        ("310", "Alarm", "0000:01:00.0", False, False),
        ("310P3", "Alarm", "NA", False, False),
        ("910B4", "OK", "", False, True),
    ],
)
def test_boards_that_are_their_own_host(chip: str, health: str, bus: str, host_memory: bool, healthy: bool) -> None:
    one = card(chip=chip, health=health, bus=bus)
    assert (one.host_memory, one.healthy) == (host_memory, healthy)


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
