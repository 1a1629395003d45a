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
REPLAY: Final = "replay"
SAMPLES: Final = "samples"
RECORD: Final = "record"
REMEDY: Final = "remedy"
READ: Final = "read"
"""Kinds of steps."""
CLOSER: Final = (REMEDY, REPLAY, COMPARE)
"""Those that lead on from a run that did not pass."""
BASELINE: Final = "--baseline"
OF_ANOTHER_RUN: Final = ("--set", "--limit", "--subset", "--until", "--from", "--results", "--om")
"""Options of a run that is not the one golden samples would be recorded of."""
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
        kind: ``remedy``, ``replay``, ``samples``, ``compare``, ``record``, ``repeat`` or ``read``.
        text: A command line, the words of a remedy, the name of a page, or the part of this one to look at.
    """

    kind: str
    text: str

    @property
    def command(self) -> bool:
        """Whether ``text`` can be typed at a shell."""
        return self.kind in {REPEAT, COMPARE, REPLAY, RECORD}


def next_steps(report: Report) -> tuple[NextStep, ...]:
    """Return what to do next, the most useful first.

    Of a run that nobody knows the command of, what can be said without it.
    """
    return tuple(_steps(report, deciding(report)))


def _steps(report: Report, decided: Deciding | None) -> Iterator[NextStep]:
    command = report.manifest.command
    if remedy := _remedy(report, decided):
        yield NextStep(kind=REMEDY, text=remedy)
    if replay := next((each.path for each in report.artifacts if each.name == REPLAY), None):
        yield NextStep(kind=REPLAY, text=shlex.join(("zoo-run", "replay", replay)))
    if report.verdict is Verdict.FAIL and decided is not None and decided.line.kind is LineKind.ACCURACY:
        if report.diagnosis:
            yield NextStep(kind=SAMPLES, text="#gallery")
        if command and report.comparison is None:
            yield NextStep(kind=COMPARE, text=shlex.join((*command, BASELINE, GREEN)))
    if _recordable(report):
        yield NextStep(kind=RECORD, text=shlex.join(("zoo-run", "golden", "record", report.manifest.path)))
    if command:
        yield NextStep(kind=REPEAT, text=shlex.join(command))
    if page := PAGES.get(report.verdict):
        yield NextStep(kind=READ, text=page)


def _recordable(report: Report) -> bool:
    """Say whether later runs could begin with samples of this one, and do not yet."""
    if report.verdict is not Verdict.PASS or report.golden is not None or report.inferences or not report.metrics:
        return False
    return not any(word.partition("=")[0] in OF_ANOTHER_RUN for word in report.manifest.command or OF_ANOTHER_RUN)


def _remedy(report: Report, decided: Deciding | None) -> str:
    """Return what the table of causes says of the line that is not clear."""
    if report.verdict is not Verdict.INCONCLUSIVE or decided is None or not decided.line.cause:
        return ""
    known = {cause.value: cause.remedy for cause in Cause}
    return known.get(decided.line.cause, "")
