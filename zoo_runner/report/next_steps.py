"""What a reader of a report can do next: the command that repeats the run, those that look closer, and the page."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause
from zoo_runner.report.deciding import Deciding, deciding
from zoo_runner.report.model import LineKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_runner.report.model import Report

REPEAT: Final = "repeat"
COMPARE: Final = "compare"
REMEDY: Final = "remedy"
READ: Final = "read"
"""Kinds of steps."""
BASELINE: Final = "--baseline"
GREEN: Final = "FOLDER_OF_A_GREEN_RUN"
"""What stands for a folder that only the user knows."""
PAGES: Final = {
    Verdict.PASS: "docs/report.md",
    Verdict.STOPPED: "docs/running.md",
    Verdict.FAIL: "docs/report.md#how-a-verdict-comes-about",
    Verdict.INCONCLUSIVE: "docs/reference/exit-codes.md#inconclusive",
    Verdict.ERROR: "docs/reference/exit-codes.md#errors",
}
"""What explains each verdict."""


@dataclass(frozen=True, kw_only=True)
class NextStep:
    """One thing to do.

    Attributes:
        kind: ``repeat``, ``compare``, ``remedy`` or ``read``.
        text: A command line, the words of a remedy, or the name of a page.
    """

    kind: str
    text: str

    @property
    def command(self) -> bool:
        """Whether ``text`` can be typed at a shell."""
        return self.kind in {REPEAT, COMPARE}


def next_steps(report: Report) -> tuple[NextStep, ...]:
    """Return what to do next, the most useful first.

    Of a run that nobody knows the command of, what can be said without it.
    """
    return tuple(_steps(report, deciding(report)))


def _steps(report: Report, decided: Deciding | None) -> Iterator[NextStep]:
    command = report.manifest.command
    if remedy := _remedy(report, decided):
        yield NextStep(kind=REMEDY, text=remedy)
    accuracy = decided is not None and decided.line.kind is LineKind.ACCURACY
    if command and report.verdict is Verdict.FAIL and accuracy and report.comparison is None:
        yield NextStep(kind=COMPARE, text=shlex.join((*command, BASELINE, GREEN)))
    if command:
        yield NextStep(kind=REPEAT, text=shlex.join(command))
    if page := PAGES.get(report.verdict):
        yield NextStep(kind=READ, text=page)


def _remedy(report: Report, decided: Deciding | None) -> str:
    """Return what the table of causes says of the line that is not clear."""
    if report.verdict is not Verdict.INCONCLUSIVE or decided is None or not decided.line.cause:
        return ""
    known = {cause.value: cause.remedy for cause in Cause}
    return known.get(decided.line.cause, "")
