from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.errors import UsageError
from zoo_runner.testing.faults import KINDS, SEPARATOR, Fault, describe_faults, parse_faults

ARGUMENTS = {"DEV": st.integers(0, 99).map(str), "N": st.integers(0, 99).map(str)}
ARGUMENTS |= {"MS": st.sampled_from(["1", "2.5"]), "CODE": st.sampled_from(["E10016", "EZ3003"])}
FAULTS = st.sampled_from(sorted(KINDS)).flatmap(
    lambda name: st.tuples(*(ARGUMENTS[place] for place in KINDS[name].arguments)).map(
        lambda values: Fault(name, values)
    )
)


@given(st.lists(FAULTS))
def test_what_is_written_reads_back(faults: list[Fault]) -> None:
    read = parse_faults(str(fault) for fault in faults)
    assert list(read) == faults
    assert parse_faults(filter(None, str(read).split(SEPARATOR))) == read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "unknown fault ''", id="empty"),
        pytest.param("device-los:0:1", "did you mean 'device-lost'", id="misspelt"),
        pytest.param("nonsense", "known faults:\n  atc-code:CODE", id="unknown-lists-all"),
        pytest.param("device-lost:0", "fault 'device-lost:0': expected device-lost:DEV:N", id="argument-missing"),
        pytest.param("atc-silent:1", "expected atc-silent (", id="argument-too-many"),
        pytest.param("slow:fast", "expected slow:MS", id="no-number"),
        pytest.param("atc-code:16", "expected atc-code:CODE", id="no-code"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        parse_faults([text])


def test_per_device_faults_strike_their_device_when_due() -> None:
    faults = parse_faults(["device-lost:1:2"])
    struck = [(device, n) for device in (0, 1) for n in range(4) if faults.due("device-lost", device, n)]
    assert struck == [(1, 2), (1, 3)]
    assert not faults.due("hang", 1, 9)


def test_every_fault_is_described() -> None:
    lines = describe_faults().splitlines()
    assert len(lines) == len(KINDS)
    assert lines[0] == "  atc-code:CODE       atc fails with this code, such as E10016"
