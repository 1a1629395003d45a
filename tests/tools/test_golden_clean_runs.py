"""Clean runs that begin with golden samples: a few of them, and what the script calls an alarm."""

from __future__ import annotations

from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from golden.clean_runs import CLEAN, SEED, alarms, main, variations
from zoo_runner.report.golden import GoldenFinding, GoldenRecord


@pytest.mark.slow
@pytest.mark.long
def test_a_few_runs_have_no_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", "3"]) == CLEAN
    assert "3 clean runs, " in (said := capsys.readouterr().out)
    assert ": 0 alarms; golden samples were inferred in " in said


def test_the_hundred_runs_differ_in_all_that_must_not_matter() -> None:
    drawn = list(islice(variations(SEED), 100))
    assert drawn == list(islice(variations(SEED), 100))
    for name in ("batch", "threads", "limit", "subset", "devices", "loaded"):
        assert len({getattr(each, name) for each in drawn}) > 1
    assert sum(len(each.devices) > 1 for each in drawn) > 10


@pytest.mark.parametrize(
    ("golden", "count"),
    [
        (None, 1),
        (GoldenRecord(path="", samples=8, state="equal"), 0),
        (GoldenRecord(path="", samples=0, state="nothing in common"), 0),
        (GoldenRecord(path="", samples=8, state="stale", note="of another network"), 1),
        (GoldenRecord(path="", samples=8, state="differs", findings=(GoldenFinding(stage="infer", text="x"),) * 2), 2),
    ],
    ids=["none", "equal", "nothing in common", "stale", "differs"],
)
def test_what_is_an_alarm(golden: GoldenRecord | None, count: int) -> None:
    report: Any = SimpleNamespace(golden=golden, why=("it failed",))
    assert len(alarms(report)) == count
