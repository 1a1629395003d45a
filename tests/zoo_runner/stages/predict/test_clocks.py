from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from zoo_runner.stages.predict.clocks import Clocks


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass on the clock that is read; otherwise it stands still."""
    now = [100.0]

    def go(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return go


def test_times_add_up_by_kind(passes: Callable[[float], None]) -> None:
    clocks = Clocks()
    for work, seconds in (("decode", 1.0), ("infer", 2.0), ("decode", 4.0)):
        with clocks.measure(work):
            passes(seconds)
        passes(8)
    assert clocks.seconds == {"decode": 5.0, "infer": 2.0}


def test_a_failure_took_time_too(passes: Callable[[float], None]) -> None:
    clocks = Clocks()

    def fail() -> None:
        with clocks.measure("decode"):
            passes(1)
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert clocks.seconds == {"decode": 1.0}


def test_a_pause_is_left_out(passes: Callable[[float], None]) -> None:
    clocks = Clocks()
    with clocks.measure("infer"):
        passes(1)
        with clocks.pause("infer"):
            passes(2)
        passes(4)
    assert clocks.seconds == {"infer": 5.0}


def test_only_getting_items_counts(passes: Callable[[float], None]) -> None:
    def made() -> Iterator[int]:
        for item in (1, 2):
            passes(1)
            yield item

    clocks = Clocks()
    for _ in clocks.each("infer", made()):
        passes(10)
    assert clocks.seconds == {"infer": 2.0}


def test_nothing_took_no_time() -> None:
    assert Clocks().seconds["anything"] == 0
