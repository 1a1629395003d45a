"""The figures of several runs: which of them belong together, and how they move."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from zoo_runner.history.conditions import Conditions, conditions
from zoo_runner.history.ledger import Entry, EntryLine
from zoo_runner.redaction import clean_values

BLOCKS: Final = "▁▂▃▄▅▆▇█"
ASCII: Final = "_.-=+*#@"
"""What stands for the blocks where they cannot be written, from low to high."""
GAP: Final = " "
"""A run that did not measure the figure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """One figure over runs that can be compared: of one backend and chip, with equal settings and as many samples.

    Attributes:
        id: The line's.
        unit: The figure's.
        conditions: What it was measured under.
        values: One for each of the runs, the oldest first; ``None`` where it was not measured.
        newest: The line of the newest run that has it.
        noun: What that run calls its samples, in the plural; empty where it does not say.
    """

    id: str
    unit: str
    conditions: Conditions
    values: tuple[float | None, ...]
    newest: EntryLine
    noun: str = ""


def trends(entries: Sequence[Entry]) -> tuple[Trend, ...]:
    """Follow every figure through the runs.

    Args:
        entries: Newest first.

    Returns:
        One for each line and each of its conditions, in the order of the newest run that has it.
    """
    found: dict[tuple[str, Conditions], tuple[EntryLine, str]] = {}
    for entry in entries:
        for line in entry.lines:
            found.setdefault((line.id, conditions(entry, line)), (line, entry.noun or ""))
    return tuple(
        Trend(
            id=name,
            unit=newest.unit,
            conditions=under,
            values=tuple(_values(reversed(entries), name, under)),
            newest=newest,
            noun=noun,
        )
        for (name, under), (newest, noun) in found.items()
    )


def followed(entries: Sequence[Entry]) -> str:
    """Return the id of the figure that heads the runs: of the whole data set, unless all runs are of subsets.

    Args:
        entries: Newest first.
    """
    measured = [entry for entry in entries if entry.lines]
    return next((entry.lines[0].id for entry in sorted(measured, key=lambda entry: bool(entry.subset))), "")


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
    made = {"name": name, "runs": [_plain(asdict(entry)) for entry in entries]}
    return json.dumps(clean_values(made), indent=2, allow_nan=False)


def _values(entries: Iterator[Entry], name: str, under: Conditions) -> Iterator[float | None]:
    for entry in entries:
        line = entry.line(name)
        yield line.value if line and conditions(entry, line) == under else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "Infinity" if value > 0 else "-Infinity"
    return str(value) if isinstance(value, Path) else value
