"""A run and those before it: what its report says of them, and its entry in the ledger."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import ZooError, interrupted
from zoo_runner.history.conditions import conditions
from zoo_runner.history.ledger import entry_of
from zoo_runner.report.trends import TrendRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from zoo_runner.history.ledger import Entry, Ledger
    from zoo_runner.report.model import Report

LAST: Final = 20
"""Runs of a trend."""
FEWEST: Final = 2


def with_trends(report: Report, report_path: Path, ledger: Ledger) -> Report:
    """Return a report that says how its figures moved; the same where there is no earlier run, or no ledger to read.

    What cannot be read costs the trend and nothing else: appending the run says what is wrong with the file.

    Args:
        report: Of a run that is not in the ledger yet.
        report_path: Where that will be written.
        ledger: Of the earlier runs.
    """
    try:
        runs = (entry_of(report, report_path), *ledger.last(report.manifest.name, LAST - 1))
        return report.model_copy(update={"trends": tuple(_trends(runs))})
    except Exception as error:
        if interrupted(error):
            raise
        return report


def _trends(runs: Sequence[Entry]) -> Iterator[TrendRecord]:
    """Follow the lines of the newest run, which comes first, through those that can be compared with it."""
    newest = runs[0]
    for line in newest.lines:
        under = conditions(newest, line)
        found = [
            (run.started, here.value)
            for run in reversed(runs)
            if (here := run.line(line.id)) is not None
            and here.value is not None
            and math.isfinite(here.value)
            and conditions(run, here) == under
        ]
        measured = line.value is not None and math.isfinite(line.value)
        if measured and len(found) >= FEWEST:
            started, values = zip(*found, strict=True)
            yield TrendRecord(line=line.id, started=started, values=values)


def append(ledger: Ledger, report: Report, report_path: Path, inputs: Mapping[str, str]) -> str:
    """Append a run to the ledger; return why it could not be, or nothing.

    A report that is there is worth more than its entry in the ledger.
    """
    try:
        ledger.append(report, report_path, inputs)
    except Exception as error:
        if interrupted(error):
            raise
        kind = "" if isinstance(error, ZooError) else f"{type(error).__name__}: "
        return f"this run is not in the history: {kind}{error}"
    return ""
