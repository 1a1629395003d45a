"""Telling people and CI what became of the runs."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from zoo_runner.output.names import NAME, SUMMARY
from zoo_runner.redaction import write_json
from zoo_runner.report.annotations import workflow_commands
from zoo_runner.report.model import Verdict
from zoo_runner.report.summary import summary
from zoo_runner.terminal.console import Detail
from zoo_runner.terminal.screen import show_report, show_reports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.commands.execution import FinishedRun
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.report.model import Report

STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""Names the file of which GitHub makes the step's summary."""
LIMIT: Final = 1024 * 1024
"""Bytes that GitHub takes of it; of a longer one it shows nothing (GitHub Docs, "Step isolation and limits")."""


def show(done: Sequence[FinishedRun], detail: Detail, *, as_json: bool) -> None:
    """Print the results on standard output."""
    if as_json:
        _show_json(done)
        return
    if all(each.said and not each.folder for each in done):
        return  # nothing was run, and standard error has said why: a table of that would only hide it
    if len(done) == 1:
        if (one := done[0]).folder:
            show_report(one.report, one.folder, detail)
        return
    if detail is Detail.VERBOSE:
        for each in done:
            if each.folder:
                show_report(each.report, each.folder, detail)
    show_reports([(each.report, each.folder) for each in done], detail)


def publish(done: Sequence[FinishedRun], progress: Progress, *, as_json: bool, language: str) -> None:
    """Tell GitHub Actions, where that is what runs this; also of manifests that could not be run."""
    for each in done:
        for line in workflow_commands(each.report):
            click.echo(line, err=as_json)
    if target := os.environ.get(STEP_SUMMARY):
        for each in done:
            _append(Path(target), each, language, progress)


def _show_json(done: Sequence[FinishedRun]) -> None:
    for each in done:
        if each.report.verdict is Verdict.ERROR and not each.said:
            click.echo(f"error: {each.report.manifest.name}: {'; '.join(each.report.why)}", err=True)
    texts = [(each.folder / NAME).read_bytes() if each.folder else _json(each) for each in done]
    several = b"[\n" + b",\n".join(text.rstrip() for text in texts) + b"\n]\n"
    write_json(sys.stdout, texts[0] if len(texts) == 1 else several)


def _json(done: FinishedRun) -> bytes:
    return done.report.to_json().encode()


def _append(target: Path, done: FinishedRun, language: str, progress: Progress) -> None:
    """Add a run's summary to that of the CI step. Failing that costs nothing else."""
    name = done.folder / SUMMARY if done.folder else f"what became of {done.report.manifest.path}"
    try:
        written = (done.folder / SUMMARY).read_bytes() if done.folder else _refusal(done.report, language)
        text = written + b"\n"
        size = target.stat().st_size if target.exists() else 0
        if size + len(text) > LIMIT:
            progress.warn(f"{STEP_SUMMARY}: {size + len(text)} bytes would be more than the {LIMIT} that are shown")
            return
        with target.open("ab") as file:
            file.write(text)
    except OSError as error:
        progress.warn(f"{STEP_SUMMARY}: {name} could not be added to {target} ({error.strerror})")


def _refusal(report: Report, language: str) -> bytes:
    return summary(report, None, language).encode(errors="backslashreplace")
