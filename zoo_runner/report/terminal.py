"""The report and the progress of a run, for people at a terminal or reading a CI log."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from zoo_runner.report.files import NAME
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from zoo_runner.doctor import Findings
    from zoo_runner.report.model import MetricRecord, PerformanceRecord, Report

STYLES = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.STOPPED: "bold blue",
    Verdict.NOT_GATED: "dim",
}
LOG_WIDTH = 180
"""Columns where there is no terminal to ask: wide enough that CI logs do not wrap tables."""


class Terminal:
    """Progress on standard error: bars at a terminal, plain lines in a log."""

    def __init__(self) -> None:
        self._console = _console(stderr=True)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            TextColumn("eta"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
        )
        self._open = 0

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Show a bar, or in a log one line when the work is done."""
        start = time.perf_counter()
        done = [0]
        with self._bar(label, total, unit) as advance:

            def count(amount: int) -> None:
                done[0] += amount
                advance(amount)

            yield count
        self.note(f"{label}: {done[0]} {unit} in {time.perf_counter() - start:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self._console.print(escape(text), style="dim", soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self._console.print(f"[bold yellow]warning:[/] {escape(text)}", soft_wrap=True)

    @contextmanager
    def _bar(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        if not self._console.is_terminal:
            yield lambda _amount: None
            return
        task = self._bars.add_task(escape(label), total=total, unit=unit)
        self._open += 1
        self._bars.start()
        try:
            yield lambda amount: self._bars.update(task, advance=amount)
        finally:
            self._bars.remove_task(task)
            self._open -= 1
            if not self._open:
                self._bars.stop()


def show_report(report: Report, output: Path) -> None:
    """Print the verdict, what it rests on, and where the report is."""
    console = _console()
    style = STYLES[report.verdict]
    if report.notice:
        console.print(f"\n[bold yellow]{escape(report.notice)}[/]", highlight=False, soft_wrap=True, end="")
    console.print(f"\n[{style}]{report.verdict.value.upper()}[/] {escape(report.manifest.name)}", highlight=False)
    for reason in report.why:
        console.print(f"  {escape(reason)}", highlight=False, soft_wrap=True)
    if report.environment:
        here = report.environment
        version = f" ({here.backend_version})" if here.backend_version else ""
        chip = f" on {here.chip}" if here.chip != here.backend else ""  # result files are neither, and both
        console.print(escape(f"  {here.backend}{version}{chip}"), style="dim", soft_wrap=True)
    if report.metrics:
        console.print(_metrics(report.metrics))
    if report.performance:
        console.print(_performance(report.performance))
    console.print(f"report: {escape(str(output / NAME))}", highlight=False, soft_wrap=True)


def show_findings(findings: Findings) -> None:
    """Print what ``zoo-run doctor`` found."""
    console = _console()
    for section in findings.sections:
        mark = "[green]ready[/]" if section.complete else "[yellow]not ready[/]"
        console.print(f"[bold]{escape(section.title)}[/]: {mark}", highlight=False)
        for need in section.needs:
            sign = "[green]ok     [/]" if need.ok else "[yellow]missing[/]"
            console.print(f"  {sign} {escape(f'{need.name}: {need.found}')}", highlight=False, soft_wrap=True)
            if not need.ok and need.remedy:
                console.print(f"          {escape(need.remedy)}", style="dim", highlight=False, soft_wrap=True)


def _metrics(records: tuple[MetricRecord, ...]) -> Table:
    table = Table("metric", "protocol", "measured", "expected", "tolerance", "samples", "verdict", title="accuracy")
    for record in records:
        table.add_row(
            record.name,
            record.protocol,
            f"{record.value:.2f} {record.unit}",
            _number(record.expected, ".2f"),
            _number(record.tolerance, "g"),
            f"{record.samples}/{record.dataset_samples}",
            _verdict(record.verdict),
        )
    return table


def _performance(records: tuple[PerformanceRecord, ...]) -> Table:
    first = records[0]
    title = f"pure inference, {first.backend} on {first.chip}"
    timing = ("min ms", "mean ms", "median ms", "p99 ms", "to device ms", "from device ms", "loops")
    columns = ("batch", "images/s", *timing, "end to end images/s", "expected", "tolerance", "verdict")
    table = Table(*columns, title=title)
    for record in records:
        table.add_row(
            str(record.batch),
            _number(record.throughput, ".2f"),
            _number(record.min_ms, ".3f"),
            _number(record.mean_ms, ".3f"),
            _number(record.median_ms, ".3f"),
            _number(record.p99_ms, ".3f"),
            _number(record.to_device_ms, ".3f"),
            _number(record.from_device_ms, ".3f"),
            str(record.loops),
            _number(record.end_to_end, ".2f"),
            _number(record.expected, ".3f"),
            _number(record.tolerance, ".3f"),
            _verdict(record.verdict),
        )
    return table


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _verdict(verdict: Verdict) -> str:
    return f"[{STYLES[verdict]}]{verdict.value.replace('_', ' ')}[/]"


def _console(*, stderr: bool = False) -> Console:
    """Return a console that writes plain lines unless it is at a terminal and ``NO_COLOR`` is not set."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR"))
    width = None if terminal else LOG_WIDTH
    return Console(stderr=stderr, width=width, force_terminal=False if plain else None, emoji=False)
