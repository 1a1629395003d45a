"""What a run comes to, on one screen; and what ``zoo-run doctor`` found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from zoo_runner.report.console import Detail, console
from zoo_runner.report.files import NAME, PAGE
from zoo_runner.report.model import Verdict
from zoo_runner.report.table import ABSENT, Row, figure, rows

if TYPE_CHECKING:
    from rich.console import Console

    from zoo_runner.doctor import Findings
    from zoo_runner.report.model import PerformanceRecord, Report, WaiverRecord

STYLES: Final = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.WAIVED: "yellow",
    Verdict.STOPPED: "bold blue",
    Verdict.NOT_GATED: "dim",
}
TOP: Final = 5
"""Notes of a comparison that are shown; the report has them all."""
REASONS: Final = 12
"""Lines of reasons that are shown, so that all of it stays on one screen."""
HEADINGS: Final = ("line", "measured", "expected", "tolerance", "verdict")
RIGHT: Final = {"measured", "expected", "tolerance"}
UNBROKEN: Final[dict[object, int]] = {"line": 22, "verdict": 12, "stage": 12}
"""Columns that are not broken on a screen of the usual width, up to so many characters."""
USUAL_WIDTH: Final = 80
NO_REASON_NEEDED: Final = {Verdict.PASS}
"""Verdicts that the table explains."""


def show_report(report: Report, output: Path, detail: Detail = Detail.NORMAL) -> None:
    """Print the verdict, what it rests on, and where the report is.

    Args:
        report: Of one run.
        output: The folder it was written to.
        detail: Quiet prints the verdict only, and for a run that could not finish also why.
    """
    screen = console()
    if detail is not Detail.QUIET:
        screen.print()
    if report.notice:
        screen.print(f"[bold yellow]{escape(report.notice)}[/]", soft_wrap=True)
    _show_verdict(screen, report)
    if detail is not Detail.QUIET or report.verdict is Verdict.ERROR:
        _show_reasons(screen, report, detail)
    if detail is Detail.QUIET:
        return
    _show_place(screen, report)
    if lines := rows(report, all_lines=detail is Detail.VERBOSE):
        _show_table(screen, _lines(lines))
    if report.performance:
        _show_table(screen, _timings(report.performance, verbose=detail is Detail.VERBOSE))
    if detail is Detail.VERBOSE:
        _show_stages(screen, report)
    screen.print()
    _show_waivers(screen, report.waivers)
    _show_comparison(screen, report, detail)
    _show_warnings(screen, report, detail)
    screen.print(f"report: {escape(_where(output))}", soft_wrap=True)


def show_reports(reports: Sequence[tuple[Report, Path | None]], detail: Detail = Detail.NORMAL) -> None:
    """Print one table of several runs: every expectation of each, and its verdict.

    Args:
        reports: Each with the folder it was written to, if it was.
        detail: Quiet prints the verdicts only.
    """
    screen = console()
    if detail is Detail.QUIET:
        for report, _ in reports:
            _show_verdict(screen, report)
            if report.verdict is Verdict.ERROR:
                _show_reasons(screen, report, detail)
        return
    table = _grid(HEADINGS, RIGHT)
    for report, _ in reports:
        table.add_row(f"[bold]{escape(report.manifest.name)}[/]", "", "", "", f"[bold]{_verdict(report.verdict)}[/]")
        for row in rows(report, all_lines=detail is Detail.VERBOSE):
            table.add_row(*_cells(row, indent=" "))
    _show_table(screen, table)
    screen.print()
    for report, _ in reports:
        if report.verdict not in NO_REASON_NEEDED:
            _show_verdict(screen, report)
            _show_reasons(screen, report, detail)
    for _, folder in reports:
        if folder is not None:
            screen.print(f"report: {escape(_where(folder))}", soft_wrap=True)


def show_findings(findings: Findings) -> None:
    """Print what ``zoo-run doctor`` found."""
    screen = console()
    for section in findings.sections:
        mark = "[green]ready[/]" if section.complete else "[yellow]not ready[/]"
        screen.print(f"[bold]{escape(section.title)}[/]: {mark}")
        for need in section.needs:
            sign = "[green]ok     [/]" if need.ok else "[yellow]missing[/]"
            screen.print(f"  {sign} {escape(f'{need.name}: {need.found}')}", soft_wrap=True)
            if not need.ok and need.remedy:
                screen.print(f"          {escape(need.remedy)}", style="dim", soft_wrap=True)


def _show_verdict(screen: Console, report: Report) -> None:
    subset = f" (subset {report.subset})" if report.subset else ""
    style = STYLES[report.verdict]
    screen.print(f"[{style}]{report.verdict.value.upper()}[/] {escape(report.manifest.name + subset)}", soft_wrap=True)


def _show_reasons(screen: Console, report: Report, detail: Detail) -> None:
    if report.verdict in NO_REASON_NEEDED and detail is not Detail.VERBOSE:
        return
    lines = [line for reason in report.why for line in reason.splitlines()]
    most = len(lines) if detail is Detail.VERBOSE else REASONS
    _show_list(screen, lines, most)


def _show_place(screen: Console, report: Report) -> None:
    if report.environment:
        here = report.environment
        version = f" ({here.backend_version})" if here.backend_version else ""
        chip = f" on {here.chip}" if here.chip != here.backend else ""  # result files are neither, and both
        scored = {f", {each.samples} of {each.dataset_samples} samples" for each in report.metrics}
        screen.print(escape(f"  {here.backend}{version}{chip}{''.join(scored)}"), style="dim", soft_wrap=True)


def _show_stages(screen: Console, report: Report) -> None:
    table = _grid(("stage", "seconds", "note"), {"seconds"})
    for stage in report.stages:
        table.add_row(stage.name, f"{stage.seconds:.2f}", escape(stage.why))
    if report.stages:
        _show_table(screen, table)


def _show_waivers(screen: Console, waivers: Iterable[WaiverRecord]) -> None:
    for waiver in waivers:
        state = waiver.state.value.replace("_", " ")
        text = f"waiver of {waiver.line}: {state}, until {waiver.until}, {waiver.owner}, {waiver.issue}"
        screen.print(escape(f"{text}{f' ({waiver.why})' if waiver.why else ''}"), soft_wrap=True)


def _show_comparison(screen: Console, report: Report, detail: Detail) -> None:
    if report.comparison:
        against = report.comparison
        screen.print(f"compared with {escape(against.path)} (its verdict: {escape(against.verdict)})", soft_wrap=True)
        _show_list(screen, against.notes, len(against.notes) if detail is Detail.VERBOSE else TOP)


def _show_warnings(screen: Console, report: Report, detail: Detail) -> None:
    if detail is Detail.VERBOSE:
        for warning in report.warnings:
            screen.print(f"[bold yellow]warning:[/] {escape(warning)}", soft_wrap=True)
    elif report.warnings:
        screen.print(f"[yellow]{len(report.warnings)} warning{'s'[: len(report.warnings) > 1]}[/]: see the report")


def _show_list(screen: Console, lines: Sequence[str], most: int) -> None:
    for line in lines[:most]:
        screen.print(f"  {escape(line)}", soft_wrap=True)
    if len(lines) > most:
        screen.print(f"  … and {len(lines) - most} more, see the report", style="dim")


def _show_table(screen: Console, table: Table) -> None:
    for column in table.columns:
        if column.header in UNBROKEN and screen.width >= USUAL_WIDTH:
            longest = max(cell_len(Text.from_markup(str(cell)).plain) for cell in column.cells)
            column.min_width = min(longest, UNBROKEN[column.header])
    screen.print()
    screen.print(table)


def _lines(lines: Iterable[Row]) -> Table:
    table = _grid(HEADINGS, RIGHT)
    for row in lines:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row, indent: str = "") -> tuple[str, ...]:
    return (
        escape(f"{indent}{row.line}"),
        escape(row.measured),
        escape(row.expected),
        escape(row.tolerance),
        _verdict(row.verdict),
    )


def _timings(records: Sequence[PerformanceRecord], *, verbose: bool) -> Table:
    columns = dict(_columns(verbose=verbose))
    table = _grid(columns, set(columns))
    for record in records:
        table.add_row(*(_number(getattr(record, field)) for field in columns.values()))
    return table


def _columns(*, verbose: bool) -> Iterator[tuple[str, str]]:
    """Heading and field of each column; the figures are of pure inference unless the heading says otherwise."""
    yield from (("batch", "batch"), ("images/s", "throughput"), ("mean ms", "mean_ms"))
    if verbose:
        yield from (("min ms", "min_ms"), ("median ms", "median_ms"))
    yield ("p99 ms", "p99_ms")
    if verbose:
        yield from (("to device ms", "to_device_ms"), ("from device ms", "from_device_ms"), ("loops", "loops"))
    yield ("end to end images/s", "end_to_end")


def _grid(headings: Iterable[str], right: set[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right" if heading in right else "left", overflow="fold")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ABSENT
    return str(value) if isinstance(value, int) else figure(value)


def _verdict(verdict: Verdict) -> str:
    return f"[{STYLES[verdict]}]{verdict.value.replace('_', ' ')}[/]"


def _where(folder: Path) -> str:
    """Name the page for people, or where there is none the report itself."""
    return str(folder / (PAGE if (folder / PAGE).is_file() else NAME))
