"""What in a report needs somebody's attention, each with the place in the manifest that it is about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from zoo_runner.report.model import Verdict, WaiverState

if TYPE_CHECKING:
    from zoo_runner.report.model import Report

ROOTS: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""Variables in which CI systems say where the checkout is."""
RULES: Final = {
    "expectation-missed": "An expectation of the manifest is not met.",
    "expectation-open": "An expectation of the manifest could not be checked.",
    "waiver": "A waiver has run out, is too low or is no longer needed.",
    "run": "The run as a whole did not pass.",
    "warning": "The run warned of something.",
}
"""What a finding can be, and what that means."""

_LINE: Final = {Verdict.FAIL: "expectation-missed", Verdict.INCONCLUSIVE: "expectation-open"}
_RUN: Final = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR)
_WAIVER: Final = {
    WaiverState.OVERDUE: "has run out",
    WaiverState.BELOW_FLOOR: "does not reach that far",
    WaiverState.NOT_NEEDED: "is no longer needed",
}
_WHERE: Final = re.compile(r"(?P<file>(?!--set )[^\n]+):(?P<line>[1-9][0-9]*)")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to look at.

    Attributes:
        rule: A key of :data:`RULES`.
        level: ``error`` keeps the run from passing; ``warning`` does not.
        subject: What it is about, such as the id of a line.
        message: What is the matter.
        path: The file, relative to the checkout where it lies in it, with ``/``.
        line: Counted from 1.
    """

    rule: str
    level: Literal["error", "warning"]
    subject: str
    message: str
    path: str
    line: int


def findings(report: Report) -> tuple[Finding, ...]:
    """List what needs attention, errors first."""
    return tuple(sorted(_all(report), key=lambda each: each.level))


def _all(report: Report) -> Iterator[Finding]:
    name, manifest = report.manifest.name, report.manifest.path
    said = False
    for line in report.lines:
        if line.verdict in _LINE:
            said = said or line.verdict is report.verdict
            yield _finding(_LINE[line.verdict], line.label, line.why or line.verdict.value, line.where, manifest)
    for waiver in report.waivers:
        if waiver.state in _WAIVER:
            said = said or report.verdict is Verdict.FAIL
            text = f"the waiver of {waiver.line} {_WAIVER[waiver.state]}: {waiver.why} ({waiver.issue}, {waiver.owner})"
            yield _finding("waiver", waiver.line, text, waiver.where, manifest)
    if report.verdict in _RUN and not said:
        for reason in report.why or (report.verdict.value,):
            yield from _reason(name, reason, manifest)
    for warning in report.warnings:
        yield _finding("warning", name, warning, "", manifest, level="warning")


def _reason(name: str, reason: str, manifest: str) -> Iterator[Finding]:
    """Point at the lines that a reason names, as those of a manifest that cannot be loaded do."""
    place = re.compile(rf"(?P<file>[^\n]+?\.ya?ml|{re.escape(manifest)}):(?P<line>[1-9][0-9]*)(:[0-9]+)?(?=$|: )")
    placed = [(match, text) for text in reason.splitlines() if (match := place.match(text.strip()))]
    for match, text in placed:
        where = f"{match['file']}:{match['line']}"  # GitHub and SARIF take columns too; nobody needs them here
        yield _finding("run", name, text.strip()[match.end() :].lstrip(": ") or reason, where, manifest)
    if not placed:
        yield _finding("run", name, reason, "", manifest)


def _finding(
    rule: str, subject: str, message: str, where: str, manifest: str, *, level: Literal["error", "warning"] = "error"
) -> Finding:
    match = _WHERE.fullmatch(where)  # what --set says has no place: then it is the manifest as a whole
    path, line = (match["file"], int(match["line"])) if match else (manifest, 1)
    return Finding(rule=rule, level=level, subject=subject, message=message, path=in_checkout(path), line=line)


def in_checkout(path: str) -> str:
    """Make a path relative to the checkout that CI works in, else to the current folder, where it lies in it."""
    root = next((Path(os.environ[name]) for name in ROOTS if os.environ.get(name)), Path.cwd())
    full = Path(os.path.normpath(Path(path).absolute()))  # not resolved: GitHub shows a link under the link's name
    for base in (root, root.resolve()):
        for whole in (full, full.resolve()):
            if whole.is_relative_to(base):
                return whole.relative_to(base).as_posix()
    return full.as_posix()
