"""The last runs of a manifest: how its figures move, for people and for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.markup import escape
from rich.table import Table

from zoo_runner.ledger import Entry, EntryLine
from zoo_runner.report.console import console
from zoo_runner.report.model import Verdict

if TYPE_CHECKING:
    from rich.console import Console

BLOCKS: Final = "▁▂▃▄▅▆▇█"
ASCII: Final = "_.-=+*#@"
"""What stands for the blocks where they cannot be written, from low to high."""
GAP: Final = " "
"""A run that did not measure the figure."""
_STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.ERROR: "red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.WAIVED: "yellow",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One figure over runs that can be compared: of one backend and chip.

    Attributes:
        id: The line's.
        unit: The figure's.
        backend: What ran the model.
        chip: Where it ran.
        values: One for each of the runs, the oldest first; ``None`` where it was not measured.
        newest: The line of the newest run that has it.
    """

    id: str
    unit: str
    backend: str
    chip: str
    values: tuple[float | None, ...]
    newest: EntryLine


def trends(entries: Sequence[Entry]) -> tuple[Trend, ...]:
    """Follow every figure through the runs.

    Args:
        entries: Newest first.

    Returns:
        One for each line, backend and chip, in the order of the newest run that has it.
    """
    found: dict[tuple[str, str, str], EntryLine] = {}
    for entry in entries:
        for line in entry.lines:
            found.setdefault((line.id, entry.backend, entry.chip), line)
    return tuple(
        Trend(
            id=name,
            unit=newest.unit,
            backend=backend,
            chip=chip,
            values=tuple(_values(reversed(entries), name, backend, chip)),
            newest=newest,
        )
        for (name, backend, chip), newest in found.items()
    )


def sparkline(values: Sequence[float | None], levels: str = BLOCKS, least: float = 0.0) -> str:
    """Draw values as one character each, scaled between their extremes.

    Args:
        values: What is ``None`` or not finite becomes a gap.
        levels: The characters, from low to high.
        least: Extremes that are no further apart than this are drawn alike, half high.
    """
    finite = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)

    def level(value: float) -> str:
        # Halves, as the distance of two huge numbers may be infinite.
        span = high / 2 - low / 2
        place = (value / 2 - low / 2) / span if span > least / 2 else 0.5
        return levels[min(int(place * len(levels)), len(levels) - 1)]

    return "".join(GAP if value is None or not math.isfinite(value) else level(value) for value in values)


def decimals(unit: str) -> int:
    """Return how many decimals of a figure are printed."""
    return 4 if unit == "fraction" else 2


def as_json(name: str, entries: Sequence[Entry]) -> str:
    """Write the runs for programs, newest first; infinite figures as words, like in ``report.json``."""
    return json.dumps({"name": name, "runs": [_plain(asdict(entry)) for entry in entries]}, indent=2, allow_nan=False)


def show(name: str, entries: Sequence[Entry]) -> None:
    """Print the runs, each with its first figure, and the trend of every figure.

    Args:
        name: The manifest's.
        entries: Newest first, at least one.
    """
    stdout = console()
    levels = BLOCKS if _can_write(stdout, BLOCKS) else ASCII
    followed = next((each.lines[0].id for each in entries if each.lines), "")
    stdout.print(_runs(name, entries, followed, stdout))
    if followed:
        stdout.print(_trends(trends(entries), levels, stdout))
    stdout.print(_cell(stdout, f"newest report: {entries[0].report}"), soft_wrap=True)


def _values(entries: Iterator[Entry], name: str, backend: str, chip: str) -> Iterator[float | None]:
    for entry in entries:
        line = entry.line(name) if (entry.backend, entry.chip) == (backend, chip) else None
        yield line.value if line else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, Path) else value


def _runs(name: str, entries: Sequence[Entry], followed: str, stdout: Console) -> Table:
    """Make the table of runs; what is the same for all of them stands in the title."""
    columns: dict[str, list[str]] = {
        "started (UTC)": [_moment(entry.started) for entry in entries],
        "verdict": [_verdict(entry.verdict) for entry in entries],
    }
    same = [f"last {f'{len(entries)} runs' if len(entries) > 1 else 'run'} of {name}"]
    for title, facts in (
        ("on", [_place(entry.backend, entry.chip) for entry in entries]),
        ("subset", [entry.subset or "-" for entry in entries]),
    ):
        if len(set(facts)) > 1:
            columns[title] = [_cell(stdout, fact) for fact in facts]
        elif facts[0] != "-":
            same.append(f"{title} {facts[0]}")
    table = _table(_cell(stdout, ", ".join(same)), list(columns))
    rows = list(zip(*columns.values(), strict=True))
    if followed:
        _add_right(table, _cell(stdout, followed), "change", "expected")
        measured = zip(entries, _previous(entries, followed), strict=True)
        figures = [_figures(entry.line(followed), previous, stdout) for entry, previous in measured]
        rows = [(*row, *cells) for row, cells in zip(rows, figures, strict=True)]
    for row in rows:
        table.add_row(*row)
    return table


def _previous(entries: Sequence[Entry], followed: str) -> list[float | None]:
    """Return, for each run, what the run before it on the same backend and chip measured."""
    earlier: dict[tuple[str, str], float] = {}
    found: list[float | None] = []
    for entry in reversed(entries):
        place, line = (entry.backend, entry.chip), entry.line(followed)
        found.append(earlier.get(place))
        if line and line.value is not None:
            earlier[place] = line.value
    return found[::-1]


def _figures(line: EntryLine | None, previous: float | None, stdout: Console) -> tuple[str, str, str]:
    if line is None or line.value is None:
        return ("-", "-", _expected(line, stdout) if line else "-")
    text = _figure(line.value, line.unit)
    if line.low is not None and line.high is not None:
        text += f" [{_figure(line.low, line.unit)}, {_figure(line.high, line.unit)}]"
    style = _STYLES.get(line.verdict, "")
    change = _change([line.value] if previous is None else [previous, line.value], line.unit)
    return (f"[{style}]{escape(text)}[/]" if style else escape(text), change, _expected(line, stdout))


def _trends(shown: Sequence[Trend], levels: str, stdout: Console) -> Table:
    places = len({(trend.backend, trend.chip) for trend in shown}) > 1
    table = _table("oldest to newest", ["figure", *(["on"] if places else [])])
    table.add_column("trend", no_wrap=True)
    _add_right(table, "newest", "change", "expected")
    for trend in shown:
        measured = [value for value in trend.values if value is not None]
        unit = "%" if trend.unit == "percent" else trend.unit
        table.add_row(
            _cell(stdout, trend.id),
            *([_cell(stdout, _place(trend.backend, trend.chip))] if places else []),
            sparkline(trend.values, levels, least=10.0 ** -decimals(trend.unit)),
            _cell(stdout, f"{_figure(measured[-1], trend.unit)} {unit}") if measured else "-",
            _change(measured, trend.unit),
            _expected(trend.newest, stdout),
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


def _expected(line: EntryLine, stdout: Console) -> str:
    if line.expected is None:
        return "-"
    sign = "\N{PLUS-MINUS SIGN}" if _can_write(stdout, "\N{PLUS-MINUS SIGN}") else "+-"
    margin = "" if line.tolerance is None else f" {sign} {line.tolerance:.4g}"
    return f"{_figure(line.expected, line.unit)}{margin}"


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
