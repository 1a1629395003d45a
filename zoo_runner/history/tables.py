"""The last runs on the screen: a table of the runs, and one of their figures."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich import box
from rich.markup import escape
from rich.table import Table

from zoo_runner.history.conditions import Conditions, conditions, labels
from zoo_runner.history.trends import ASCII, BLOCKS, decimals, followed, sparkline, trends
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.report.characters import SUBSTITUTES
from zoo_runner.report.model import Verdict
from zoo_runner.report.table import ABSENT, rate_unit
from zoo_runner.terminal.console import console

if TYPE_CHECKING:
    from rich.console import Console

    from zoo_runner.history.ledger import Entry, EntryLine
    from zoo_runner.history.trends import Trend

_DIGITS: Final = 8
_STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.WAIVED: "yellow",
}


def show(name: str, entries: Sequence[Entry]) -> None:
    """Print the runs, each with its first figure, and the trend of every figure.

    Args:
        name: The manifest's.
        entries: Newest first, at least one.
    """
    stdout = console()
    levels = BLOCKS if _can_write(stdout, BLOCKS) else ASCII
    head = followed(entries)
    names, legend = labels(entries)
    stdout.print(_runs(name, entries, head, stdout))
    if head:
        stdout.print(_trends(entries, names, levels, stdout))
    for text in legend:
        stdout.print(_cell(stdout, f"settings {text}"), soft_wrap=True)
    stdout.print(_cell(stdout, f"newest report: {entries[0].report}"), soft_wrap=True)


def _runs(name: str, entries: Sequence[Entry], head: str, stdout: Console) -> Table:
    """Make the table of runs; what is the same for all of them stands in the title."""
    columns: dict[str, list[str]] = {
        "started (UTC)": [_moment(entry.started) for entry in entries],
        "verdict": [_verdict(entry.verdict) for entry in entries],
    }
    same = [f"last {f'{len(entries)} runs' if len(entries) > 1 else 'run'} of {name}"]
    under = [conditions(entry, line) if (line := entry.line(head)) else None for entry in entries]
    names, _ = labels(entries)
    for title, facts in (
        ("on", [_place(entry.backend, entry.chip) for entry in entries]),
        ("subset", [entry.subset or "-" for entry in entries]),
        ("weights", _short(entry.weights for entry in entries)),
        *_told_apart(under, entries[0].noun or SAMPLES),
        ("settings", names),
    ):
        if len(set(facts)) > 1:
            columns[title] = [_cell(stdout, fact) for fact in facts]
        elif facts[0] != "-" and title in {"on", "subset"}:
            same.append(f"{title} {facts[0]}")
    table = _table(_cell(stdout, ", ".join(same)), list(columns))
    rows = list(zip(*columns.values(), strict=True))
    if head:
        _add_right(table, _cell(stdout, head), "change", "expected", "tolerance")
        measured = zip(entries, _previous(entries, head), strict=True)
        figures = [
            (*_figures(line := entry.line(head), previous), *_expected(line, stdout)) for entry, previous in measured
        ]
        rows = [(*row, *cells) for row, cells in zip(rows, figures, strict=True)]
    for row in rows:
        table.add_row(*row)
    return table


def _told_apart(under: Sequence[Conditions | None], noun: str) -> Iterator[tuple[str, list[str]]]:
    """Yield, for what figures may be measured under beside their place, a column: empty where nothing is known."""
    known = [each for each in under if each is not None]
    devices = {each.devices for each in known} - {None}
    yield "devices", [each.devices or "-" if each and len(devices) > 1 else "-" for each in under]
    samples = {each.samples for each in known} - {None}
    yield noun, [str(each.samples or "-") if each and len(samples) > 1 else "-" for each in under]


def _names(trend: Trend, names: Sequence[str]) -> str:
    """Return the settings of the runs that a figure was measured in; runs are newest first, and values oldest first."""
    measured = [name for name, value in zip(names, reversed(trend.values), strict=True) if value is not None]
    return " ".join(dict.fromkeys(measured)) or "-"


def _short(hashes: Iterable[str | None]) -> list[str]:
    """Return hashes, shortened, where several are known; else nothing of them."""
    found = list(hashes)
    several = len(set(found) - {None}) > 1
    return [each[:_DIGITS] if each and several else "-" for each in found]


def _previous(entries: Sequence[Entry], head: str) -> list[float | None]:
    """Return, for each run, what the run before it measured under the same conditions."""
    earlier: dict[Conditions, float] = {}
    found: list[float | None] = []
    for entry in reversed(entries):
        line = entry.line(head)
        if line is None:
            found.append(None)
            continue
        under = conditions(entry, line)
        found.append(earlier.get(under))
        if line.value is not None:
            earlier[under] = line.value
    return found[::-1]


def _figures(line: EntryLine | None, previous: float | None) -> tuple[str, str]:
    if line is None or line.value is None:
        return ABSENT, ABSENT
    text = _figure(line.value, line.unit)
    if line.low is not None and line.high is not None:
        text += f" [{_figure(line.low, line.unit)}, {_figure(line.high, line.unit)}]"
    style = _STYLES.get(line.verdict, "")
    change = _change([line.value] if previous is None else [previous, line.value], line.unit)
    return f"[{style}]{escape(text)}[/]" if style else escape(text), change


def _trends(entries: Sequence[Entry], names: Sequence[str], levels: str, stdout: Console) -> Table:
    shown = trends(entries)
    under = [trend.conditions for trend in shown]
    columns = {"on": [_place(each.backend, each.chip) for each in under]}
    for name in dict.fromkeys(trend.id for trend in shown):  # only rows of one figure need be told apart
        rows = [row for row, trend in enumerate(shown) if trend.id == name]
        settings = [_names(shown[row], names) for row in rows]
        counted = _told_apart([under[row] for row in rows], entries[0].noun or SAMPLES)
        facts = (*counted, ("settings", settings))
        for title, texts in facts if len(rows) > 1 else ():
            column = columns.setdefault(title, ["-"] * len(shown))
            for row, text in zip(rows, texts, strict=True):
                column[row] = text
    columns = {title: texts for title, texts in columns.items() if len(set(texts)) > 1}
    table = _table("oldest to newest", ["figure", *columns])
    table.add_column("trend", no_wrap=True)
    _add_right(table, "newest", "change", "expected", "tolerance")
    for trend, *told in zip(shown, *columns.values(), strict=True):
        measured = [value for value in trend.values if value is not None]
        unit = "%" if trend.unit == "percent" else rate_unit(trend.unit, trend.noun)
        table.add_row(
            _cell(stdout, trend.id),
            *(_cell(stdout, each) for each in told),
            sparkline(trend.values, levels, least=10.0 ** -decimals(trend.unit)),
            _cell(stdout, f"{_figure(measured[-1], trend.unit)} {unit}") if measured else "-",
            _change(measured, trend.unit),
            *_expected(trend.newest, stdout),
        )
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _add_right(table: Table, *columns: str) -> None:
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")


def _place(backend: str, chip: str) -> str:
    return f"{chip} ({backend})" if chip not in {backend, ""} else backend or "-"


def _figure(value: float, unit: str) -> str:
    return f"{value:.{decimals(unit)}f}"


def _change(values: Sequence[float], unit: str) -> str:
    """Phrase the last change; of rates as a fraction, as nobody knows them by heart."""
    before, after = values[-2:] if len(values) > 1 else (math.nan, math.nan)
    if unit not in {"percent", "fraction"} and before > 0:
        text, nothing = f"{after / before - 1:+.1%}", f"{0:.1%}"
    else:
        text, nothing = f"{after - before:+.{decimals(unit)}f}", _figure(0.0, unit)
    if "n" in text:  # not a number: one of the two is missing, or both are infinite
        return "-"
    return nothing if text[1:] == nothing else text


def _expected(line: EntryLine | None, stdout: Console) -> tuple[str, str]:
    """Write the figure to reach and the allowed distance, as the table of a run does."""
    if line is None or line.expected is None:
        return ABSENT, ABSENT
    bound = f"{line.direction.symbol} ".lstrip() if line.direction else ""
    if not _can_write(stdout, bound):
        bound = "".join(SUBSTITUTES.get(each, each) for each in bound)
    tolerance = ABSENT if line.tolerance is None else f"{line.tolerance:.4g}"
    return f"{bound}{_figure(line.expected, line.unit)}", tolerance


def _moment(started: str) -> str:
    return escape(started[:16].replace("T", " ")) or "-"


def _verdict(verdict: Verdict) -> str:
    text = verdict.value.replace("_", " ")
    return f"[{_STYLES[verdict]}]{text}[/]" if verdict in _STYLES else text


def _can_write(stdout: Console, text: str) -> bool:
    try:
        text.encode(stdout.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _cell(stdout: Console, text: str) -> str:
    """Escape what rich would take for markup, and what standard output cannot encode."""
    return escape(text if _can_write(stdout, text) else text.encode("ascii", "backslashreplace").decode("ascii"))
