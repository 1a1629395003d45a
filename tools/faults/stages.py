"""Which stage a report blames for a fault, and which it should: the table that ``run.py --stages`` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from faults.records import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from faults.records import Row

EXPECTED: Final = {
    "preprocessing": "preprocess",
    "network": "network",
    "weights": "weights",
    "postprocess": "postprocess",
    "metric": "metric",
    "data": "data",
    "cache": "reuse",
    "manifest": "postprocess",
    "device": "infer",
}
"""The stage at fault, by area. Most faults of the manifest let a model pass that does not suppress boxes."""
COUNTED: Final = frozenset({State.RED, State.INCONCLUSIVE})
"""What a stage can be named for: a run that was refused has named its reason already."""
RIGHT, WRONG, SILENT = COUNTS = ("right", "WRONG", "silent")


def expected(row: Row) -> str:
    """Return the stage at fault."""
    return row.fault.stage or EXPECTED[row.fault.area]


def judged(row: Row) -> str:
    """Say whether a row names the stage at fault; empty where none is due.

    None is due of a throughput that is too low: no stage lost accuracy, and the line says itself what is wrong.
    """
    if row.state not in COUNTED or not row.fault.shows:
        return ""
    if not row.stage:
        return SILENT
    return RIGHT if row.stage == expected(row) else WRONG


def table(rows: Sequence[Row]) -> list[str]:
    """Return a line for each fault that turned the gate red or inconclusive, and the sums by area and in all."""
    lines = [f"{'area':<13}  {'fault':<27}  {'expected':<12}  {'named':<12}  result", ""]
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if result := judged(row):
            area = row.fault.area
            counts[area, result] += 1
            lines.append(f"{area:<13}  {row.fault.name:<27}  {expected(row):<12}  {row.stage or '-':<12}  {result}")
    lines.append("")
    areas = dict.fromkeys(area for area, _ in counts)
    lines += [f"{area:<13}  {_sums({each: counts[area, each] for each in COUNTS})}" for area in areas]
    whole = {each: sum(count for (_, result), count in counts.items() if result == each) for each in COUNTS}
    return [*lines, f"{'all':<13}  {_sums(whole)}"]


def _sums(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    share = f" ({100 * counts[RIGHT] / total:.0f} % right)" if total else ""
    return f"{counts[RIGHT]} right, {counts[WRONG]} wrong, {counts[SILENT]} silent of {total}{share}"
