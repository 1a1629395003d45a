"""The table of which stage was named for a fault."""

from __future__ import annotations

import pytest

from faults.records import AREAS, Fault, Row, State
from faults.stages import COUNTED, EXPECTED, expected, judged, table
from faults.table import FAULTS


def row(area: str, stage: str, state: State = State.RED, at_fault: str = "", *, shows: bool = True) -> Row:
    fault = Fault(
        name=f"{area}-{stage or 'none'}",
        area=area,
        what="wrong",
        act=lambda bench: bench.run(),
        stage=at_fault,
        shows=shows,
    )
    return Row(fault=fault, state=state, stage=stage)


@pytest.mark.parametrize(
    ("given", "result"),
    [
        (row("device", "infer"), "right"),
        (row("device", "infer", State.INCONCLUSIVE), "right"),
        (row("device", "postprocess"), "WRONG"),
        (row("device", ""), "silent"),
        (row("device", "infer", State.ERROR), ""),
        (row("device", "", State.GREEN), ""),
        (row("device", "infer", State.FALSE_GREEN), ""),
        (row("device", "infer", State.NOT_APPLIED), ""),
        (row("device", "", shows=False), ""),
        (row("cache", "reuse"), "right"),
        (row("cache", "network", at_fault="network"), "right"),
    ],
)
def test_judged(given: Row, result: str) -> None:
    assert judged(given) == result


def test_table() -> None:
    assert table([])[-1] == "all            0 right, 0 wrong, 0 silent of 0"
    rows = [row("device", "infer"), row("device", ""), row("data", "infer"), row("data", "data", State.ERROR)]
    lines = table(rows)
    assert [line.split() for line in lines[2:5]] == [
        ["device", "device-infer", "infer", "infer", "right"],
        ["device", "device-none", "infer", "-", "silent"],
        ["data", "data-infer", "data", "infer", "WRONG"],
    ]
    assert lines[-3:] == [
        "device         1 right, 0 wrong, 1 silent of 2 (50 % right)",
        "data           0 right, 1 wrong, 0 silent of 1 (0 % right)",
        "all            1 right, 1 wrong, 1 silent of 3 (33 % right)",
    ]


def test_every_fault_has_a_stage_that_a_run_can_name() -> None:
    from zoo_runner.attribution.wording import WORDS  # noqa: PLC0415 - the suite itself needs none of it

    assert set(EXPECTED) == set(AREAS)
    found = {expected(Row(fault=fault, state=State.RED)) for fault in FAULTS if fault.expect & COUNTED}
    assert found - set(WORDS) <= {"metric"}
