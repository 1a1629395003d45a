"""What a run comes to, on one screen; and what ``zoo-run doctor`` found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.text import Text

from zoo_runner.language.spoken import mark, said
from zoo_runner.output.names import NAME, PAGE
from zoo_runner.report.deciding import deciding, shortfall
from zoo_runner.report.model import Verdict, WaiverState
from zoo_runner.report.next_steps import CLOSER, REMEDY, next_steps
from zoo_runner.report.table import grouped, reference_texts, rows, tie_spreads
from zoo_runner.terminal import tables
from zoo_runner.terminal.console import Detail, console, literal

if TYPE_CHECKING:
    from rich.console import Console

    from zoo_runner.backends.doctor import Findings
    from zoo_runner.report.model import Report, WaiverRecord


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many lines of each kind are shown; the report has them all.

    Attributes:
        reasons: Why the verdict is what it is.
        lines: Of the expectations table, for each run.
        notes: Of the comparison, and of the waivers.
        timings: Whether there is a table of them.
    """

    reasons: int
    lines: int
    notes: int
    timings: bool = False


ALL: Final = Room(reasons=10**6, lines=10**6, notes=10**6, timings=True)
LOG: Final = Room(reasons=12, lines=10**6, notes=5, timings=True)
SCREENS: Final = (
    LOG,
    Room(reasons=6, lines=20, notes=3, timings=True),
    *(
        Room(reasons=reasons, lines=lines, notes=notes)
        for reasons, lines, notes in (
            *((6, 20, 3), (4, 16, 3), (4, 12, 3), (3, 10, 2), (2, 9, 2), (2, 8, 1)),
            *((1, most, 1) for most in range(8, 1, -1)),
        )
    ),
)
"""What is tried at a terminal, until it fits."""
NO_REASON_NEEDED: Final = {Verdict.PASS}
"""Verdicts that the table explains."""
NO_TROUBLE: Final = {WaiverState.USED, WaiverState.NOT_APPLICABLE}


def show_report(report: Report, output: Path, detail: Detail = Detail.NORMAL) -> None:
    """Print the verdict, what it rests on, and where the report is.

    Args:
        report: Of one run.
        output: The folder it was written to.
        detail: Quiet prints the verdict only, and for a run that could not finish also why.
    """
    screen = console()
    if detail is Detail.QUIET:
        _show_outcome(screen, report)
    else:
        verbose = detail is Detail.VERBOSE
        _show_fitting(screen, detail, lambda room: _show_run(screen, report, output, room, verbose=verbose))


def show_reports(reports: Sequence[tuple[Report, Path | None]], detail: Detail = Detail.NORMAL) -> None:
    """Print one table of several runs: every expectation of each, and its verdict.

    Args:
        reports: Each with the folder it was written to, if it was.
        detail: Quiet prints the verdicts only.
    """
    screen = console()
    if detail is Detail.QUIET:
        for report, _ in reports:
            _show_outcome(screen, report)
    else:
        verbose = detail is Detail.VERBOSE
        _show_fitting(screen, detail, lambda room: _show_runs(screen, reports, room, verbose=verbose))


USES: Final = {"convert": "to convert (zoo-run pack)", "infer": "to infer with what was packed (--om PACK)"}


def show_findings(findings: Findings) -> None:
    """Print what ``zoo-run doctor`` found."""
    screen = console()
    for section in findings.sections:
        mark = f"[green]{said('ready')}[/]" if section.complete else f"[yellow]{said('not ready')}[/]"
        screen.print(f"[bold]{literal(said(section.title))}[/]: {mark}")
        for need in section.needs:
            sign = f"[green]{said('ok'):7}[/]" if need.ok else f"[yellow]{said('missing'):7}[/]"
            screen.print(f"  {sign} {literal(f'{said(need.name)}: {said(need.found)}')}", soft_wrap=True)
            if not need.ok and need.remedy:
                screen.print(f"          {literal(said(need.remedy))}", style="dim", soft_wrap=True)
        for way, names in section.ways.items():
            state = said(f"lacks {', '.join(names)}") if names else said("ready")
            screen.print(f"  {literal(f'{said(USES[way])}: {state}')}", soft_wrap=True)


def _show_fitting(screen: Console, detail: Detail, show: Callable[[Room], None]) -> None:
    """Print as much as one screen takes; in a log, or where all of it is asked for, there is no such limit."""
    if detail is Detail.VERBOSE or not screen.is_terminal:
        show(ALL if detail is Detail.VERBOSE else LOG)
        return
    room = next((each for each in SCREENS if _height(screen, show, each) < screen.height), SCREENS[-1])
    show(room)


def _height(screen: Console, show: Callable[[Room], None], room: Room) -> int:
    """Count the lines of the screen that a text takes, one of them for each that is longer than the screen is wide."""
    with screen.capture() as captured:
        show(room)
    lines = (Text.from_ansi(line).cell_len for line in captured.get().splitlines())
    return sum(max(1, ceil(length / screen.width)) for length in lines)


def _show_run(screen: Console, report: Report, output: Path, room: Room, *, verbose: bool) -> None:
    screen.print()
    _show_notice(screen, report)
    _show_verdict(screen, report)
    if verbose or report.verdict not in NO_REASON_NEEDED:
        _show_reasons(screen, report, room)
    _show_golden(screen, report)
    _show_attribution(screen, report, room)
    _show_place(screen, report)
    if lines := rows(report, all_lines=verbose):
        shown, others = tables.telling(lines, room.lines)
        tables.show(screen, tables.expectations(shown))
        if others:
            screen.print(said(f"  … and {others}, see the report"), style="dim")
        if ties := tie_spreads(report):
            screen.print(literal(said(f"equal scores, in any order: {', '.join(ties)}")), style="dim", soft_wrap=True)
    _show_references(screen, report, room)
    if report.performance and room.timings:
        tables.show(
            screen, tables.timings(report.performance, verbose=verbose, noun=report.noun, inferences=report.inferences)
        )
    if verbose and report.stages:
        tables.show(screen, tables.stages(report.stages))
    screen.print()
    _show_waivers(screen, report.waivers, room)
    _show_comparison(screen, report, room)
    _show_warnings(screen, report, verbose=verbose)
    _show_next(screen, report)
    screen.print(f"{said('report')}{mark(': ')}{literal(_where(output))}", soft_wrap=True, no_wrap=True)


def _show_runs(screen: Console, reports: Sequence[tuple[Report, Path | None]], room: Room, *, verbose: bool) -> None:
    for notice in dict.fromkeys(report.notice for report, _ in reports if report.notice):
        screen.print()
        screen.print(f"[bold yellow]{literal(said(notice))}[/]", soft_wrap=True)
    runs, left_out = [], 0
    for report, _ in reports:
        lines = rows(report, all_lines=verbose)
        shown, _others = tables.telling(lines, room.lines)
        left_out += len(lines) - len(shown)
        runs.append((report.manifest.name, report.verdict, shown))
    tables.show(screen, tables.several(runs))
    if left_out:
        screen.print(said(f"  … and {left_out} lines more, see the reports"), style="dim")
    screen.print()
    for report, _ in reports:
        if report.verdict not in NO_REASON_NEEDED or report.remarks:
            _show_verdict(screen, report)
        if report.verdict not in NO_REASON_NEEDED:
            _show_reasons(screen, report, room)
    for _, folder in reports:
        if folder is not None:
            screen.print(f"{said('report')}{mark(': ')}{literal(_where(folder))}", soft_wrap=True)


def _show_outcome(screen: Console, report: Report) -> None:
    """Print the verdict, and of a run that could not finish also why."""
    _show_notice(screen, report)
    _show_verdict(screen, report)
    if report.verdict is Verdict.ERROR:
        _show_reasons(screen, report, LOG)


def _show_notice(screen: Console, report: Report) -> None:
    if report.notice:
        screen.print(f"[bold yellow]{literal(said(report.notice))}[/]", soft_wrap=True)


def _show_verdict(screen: Console, report: Report) -> None:
    subset = said(f" (subset {report.subset})") if report.subset else ""
    style, name = tables.STYLES[report.verdict], literal(report.manifest.name + subset)
    remarks = f" [yellow]({literal(said('; '.join(report.remarks)))})[/]" if report.remarks else ""
    screen.print(f"[{style}]{tables.words(report.verdict).upper()}[/] {name}{remarks}", soft_wrap=True)


def _show_reasons(screen: Console, report: Report, room: Room) -> None:
    """Print why the verdict is what it is; the line that decided it comes first, with how far it is off."""
    reasons, found = list(report.why), deciding(report)
    if found is not None and (missed := shortfall(found)):
        reasons.sort(key=lambda reason: not reason.startswith(f"{found.line.title}: "))
        if reasons and reasons[0].startswith(f"{found.line.title}: "):
            reasons[0] += f"; {missed}"
    _show_list(screen, [line for reason in reasons for line in said(reason).splitlines()], room.reasons)


def _show_golden(screen: Console, report: Report) -> None:
    """Print the first stage that gave something else for the golden samples than recorded."""
    if report.golden and report.golden.findings:
        first = report.golden.findings[0]
        screen.print(
            f"  [yellow]{said('golden samples')}[/]: {literal(f'{first.stage}: {said(first.text)}')}", soft_wrap=True
        )


def _show_place(screen: Console, report: Report) -> None:
    if report.environment:
        here = report.environment
        version = f" ({here.backend_version})" if here.backend_version else ""
        chip = f" on {here.chip}" if here.chip != here.backend else ""  # result files are neither, and both
        scored = {
            f"{each.samples} of {each.dataset_samples} {report.samples_noun}{grouped(each)}" for each in report.metrics
        }
        screen.print(
            literal(f"  {here.backend}{version}{said(chip)}{''.join(mark(', ') + said(text) for text in scored)}"),
            style="dim",
            soft_wrap=True,
        )


def _show_references(screen: Console, report: Report, room: Room) -> None:
    """Print figures of other chips and frameworks: what this run is beside them, and that no verdict looks at them."""
    lines = [said(f"not gated: {text}") for text in reference_texts(report)]
    for line in lines[: room.notes]:
        screen.print(f"  {literal(line)}", style="dim", soft_wrap=True)
    _show_rest(screen, len(lines) - room.notes)


def _show_waivers(screen: Console, waivers: Sequence[WaiverRecord], room: Room) -> None:
    ordered = sorted(waivers, key=lambda each: each.state in NO_TROUBLE)
    for waiver in ordered[: room.notes]:
        screen.print(literal(said(_waiver_line(waiver))), soft_wrap=True)
    _show_rest(screen, len(waivers) - room.notes)


def _waiver_line(waiver: WaiverRecord) -> str:
    """Say what became of a waiver, until when and whose it is; of that, what its reason says is not said again."""
    facts = (f"until {waiver.until}", f"{waiver.owner}, {waiver.issue}")
    said = [waiver.state.value.replace("_", " "), *(fact for fact in facts if fact not in waiver.why)]
    return f"waiver of {waiver.line}: {', '.join(said)}{f' ({waiver.why})' if waiver.why else ''}"


def _show_comparison(screen: Console, report: Report, room: Room) -> None:
    if report.comparison:
        against = report.comparison
        told = f"compared with {against.path} (its verdict: {against.verdict})"
        screen.print(literal(said(told)), soft_wrap=True)
        _show_list(screen, against.notes, room.notes)


def _show_warnings(screen: Console, report: Report, *, verbose: bool) -> None:
    if verbose:
        for warning in report.warnings:
            screen.print(f"[bold yellow]{said('warning')}{mark(': ')}[/]{literal(said(warning))}", soft_wrap=True)
    elif report.warnings:
        count = len(report.warnings)
        warned = f"{count} warning" if count == 1 else f"{count} warnings"
        screen.print(f"[yellow]{said(warned)}[/]: {said('see the report')}")


def _show_attribution(screen: Console, report: Report, room: Room) -> None:
    """Print which stage lost the accuracy, as far as that was found."""
    if report.attribution:
        told = f"stages against their references, {report.attribution.samples} {report.samples_noun}:"
        screen.print(literal(said(told)))
        _show_list(screen, report.attribution.findings, room.notes)


def _show_next(screen: Console, report: Report) -> None:
    """Print the step that looks closer, where there is one."""
    closer = next((step for step in next_steps(report) if step.kind in CLOSER), None)
    if closer is not None:
        text = said(closer.text) if closer.kind == REMEDY else closer.text
        screen.print(
            f"{said('next')}{mark(': ')}{literal(text.replace('`', ''))}", soft_wrap=True, no_wrap=closer.command
        )


def _show_list(screen: Console, lines: Sequence[str], most: int) -> None:
    for line in lines[:most]:
        screen.print(f"  {literal(said(line))}", soft_wrap=True)
    _show_rest(screen, len(lines) - most)


def _show_rest(screen: Console, count: int) -> None:
    if count > 0:
        screen.print(said(f"  … and {count} more, see the report"), style="dim")


def _where(folder: Path) -> str:
    """Name the page for people, or where there is none the report itself."""
    return str(folder / (PAGE if (folder / PAGE).is_file() else NAME))
