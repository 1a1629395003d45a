"""The tables of the terminal: expectations, timings, stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from zoo_runner.language.spoken import said
from zoo_runner.manifest.section import RATE_UNIT
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.report.model import Verdict
from zoo_runner.report.table import ABSENT, Row, figure, rate_unit
from zoo_runner.terminal.console import literal

if TYPE_CHECKING:
    from rich.console import Console

    from zoo_runner.report.model import PerformanceRecord, StageRecord

STYLES: Final = {
    Verdict.PASS: "bold green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold red",
    Verdict.INCONCLUSIVE: "bold yellow",
    Verdict.WAIVED: "yellow",
    Verdict.STOPPED: "bold blue",
    Verdict.NOT_GATED: "dim",
}
CONCERN: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.WAIVED, Verdict.PASS)
"""Which lines are shown first where there is no room for all."""
HEADINGS: Final = ("line", "measured", "expected", "tolerance", "verdict")
RIGHT: Final = {"measured", "expected", "tolerance"}
UNBROKEN: Final[dict[object, int]] = {"line": 22, "verdict": 12, "stage": 12}
"""Columns that are not broken on a screen of the usual width, up to so many characters."""
USUAL_WIDTH: Final = 80


def expectations(lines: Iterable[Row]) -> Table:
    """Make the table of a run's expectations."""
    table = _grid(HEADINGS, RIGHT)
    for row in lines:
        table.add_row(*cells(row))
    return table


def several(runs: Iterable[tuple[str, Verdict, Sequence[Row]]]) -> Table:
    """Make the table of several runs: of each its name, its verdict, and its expectations."""
    table = _grid(HEADINGS, RIGHT)
    for name, overall, lines in runs:
        table.add_row(f"[bold]{literal(name)}[/]", "", "", "", f"[bold]{verdict(overall)}[/]")
        for row in lines:
            table.add_row(*cells(row, indent=" "))
    return table


def timings(records: Sequence[PerformanceRecord], *, verbose: bool, noun: str = "", inferences: bool = False) -> Table:
    """Make the table of what was timed, and say of what was not why; ``noun`` is what samples are called, if known."""
    columns, untimed = (
        dict(_columns(records[0].unit if records else RATE_UNIT, noun, verbose=verbose, inferences=inferences)),
        [each for each in records if each.throughput is None and each.why],
    )
    if all(record.p99_ms is None for record in records):
        columns = {heading: field for heading, field in columns.items() if field != "p99_ms"}
    table = _grid((*columns, *(["note"] if untimed else [])), set(columns))
    for record in records:
        why = [literal(said(record.why))] if record in untimed else []
        table.add_row(*(_number(getattr(record, field)) for field in columns.values()), *why)
    return table


def stages(records: Iterable[StageRecord]) -> Table:
    """Make the table of what a run's time went into."""
    table = _grid(("stage", "seconds", "note"), {"seconds"})
    for stage in records:
        table.add_row(stage.name, f"{stage.seconds:.2f}", literal(said(stage.why)))
    return table


def telling(lines: Sequence[Row], most: int) -> tuple[Sequence[Row], str]:
    """Pick the lines to show where there is no room for all, in their order, and say what the others are."""
    if len(lines) <= most:
        return lines, ""
    rank = {verdict: place for place, verdict in enumerate(CONCERN)}
    by_concern = sorted(range(len(lines)), key=lambda place: rank.get(lines[place].verdict, len(rank)))
    left = Counter(lines[place].verdict for place in by_concern[most:])
    others = ", ".join(f"{count} {words(verdict)}" for verdict, count in left.items())
    return [lines[place] for place in sorted(by_concern[:most])], others


def show(screen: Console, table: Table) -> None:
    """Print a table below a blank line."""
    unbroken = {said(str(heading)): most for heading, most in UNBROKEN.items()}
    for column in table.columns:
        if str(column.header) in unbroken and screen.width >= USUAL_WIDTH:
            longest = max((cell_len(Text.from_markup(str(cell)).plain) for cell in column.cells), default=0)
            column.min_width = min(longest, unbroken[str(column.header)])
    screen.print()
    screen.print(table)


def cells(row: Row, indent: str = "") -> tuple[str, ...]:
    """Return the texts of a row of the expectations."""
    return (
        literal(f"{indent}{row.line}"),
        literal(said(row.measured)),
        literal(row.expected),
        literal(row.tolerance),
        verdict(row.verdict),
    )


def verdict(found: Verdict) -> str:
    """Write a verdict in its colour."""
    return f"[{STYLES[found]}]{words(found)}[/]"


def words(verdict: Verdict) -> str:
    """Write a verdict in words."""
    return said(verdict.value.replace("_", " "))


def _columns(unit: str, noun: str, *, verbose: bool, inferences: bool) -> Iterator[tuple[str, str]]:
    """Heading and field of each column; the figures are of pure inference unless the heading says otherwise."""
    rate = rate_unit(unit, "inferences" if inferences else noun)
    whole = rate_unit(unit, noun or SAMPLES) if inferences else rate  # from file to prediction
    yield from (("batch", "batch"), (rate, "throughput"), ("mean ms", "mean_ms"))
    if verbose:
        yield from (("min ms", "min_ms"), ("median ms", "median_ms"))
    yield ("p99 ms", "p99_ms")
    if verbose:
        yield from (("to device ms", "to_device_ms"), ("from device ms", "from_device_ms"), ("loops", "loops"))
    yield (f"end to end {whole}", "end_to_end")


def _grid(headings: Iterable[str], right: set[str]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for heading in headings:
        table.add_column(said(heading), justify="right" if heading in right else "left", overflow="fold")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ABSENT
    return str(value) if isinstance(value, int) else figure(value)
