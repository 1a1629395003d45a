"""Reading the table that ``npu-smi info`` prints.

The tool has no machine-readable output. Two lines describe a chip; the word below ``NPU Name`` in the heading tells
what the second line's second number is: ``Device`` is the number that ais_bench and ACL open, anything else
(``Phy-ID``, nothing) is not, and there devices count from 0 in the order of the table. The layouts known are those of
npu-smi 21 to 26 for the 310, 310B, 310P and 910 families; rules between lines are not looked at, since they differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from zoo_runner.backends.ascend.npu_state import Card, NpuProcess, NpuState
from zoo_runner.errors import PrerequisiteError

_QUOTED_LINES: Final = 8
_CHIP_COLUMNS: Final = 3
_PROCESS_COLUMNS: Final = (4, 5)
"""The fifth, since npu-smi 26, is the process id inside the container, or NA."""
_VERSION: Final = re.compile(r"Version:\s*([^|\n]*?)\s*(?:\||$)", re.MULTILINE)
_NAMED: Final = re.compile(r"(\d+)\s+(\S.*)")
_HEALTH: Final = re.compile(r"(?!NA$)[A-Za-z][A-Za-z ]*")
_PLACE: Final = re.compile(r"(\d+)(?:\s+(\d+))?")
_USAGE: Final = re.compile(r"(\d+)\s*/\s*(\d+)")
_PROCESS_TITLE: Final = "process id"
_NO_PROCESSES: Final = "no running processes"


def parse(text: str) -> NpuState:
    """Read the table.

    Raises:
        PrerequisiteError: It shows no chip; the text is quoted.
    """
    rows = [_cells(line) for line in text.splitlines() if line.strip().startswith("|")]
    processes, unread = _processes(rows)
    cards = list(_cards(rows, processes))
    if not cards:
        raise PrerequisiteError(
            f"expected the table of `npu-smi info` with at least one chip, found:\n{quoted(text)}\nRun `npu-smi info` "
            "by hand: without a chip in it nothing can run; if it shows one, this layout is not known here"
        )
    if len({card.id for card in cards}) < len(cards):
        cards = [replace(card, id=position) for position, card in enumerate(cards)]
    version = _VERSION.search(text)
    return NpuState(
        version=version[1] if version else "",
        cards=tuple(sorted(cards, key=lambda card: card.id)),
        unread=(*unread, *_of_no_card(processes, cards)),
    )


def quoted(text: str) -> str:
    """Return the first lines of what a tool printed, indented."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    shown = [f"  {line}" for line in lines[:_QUOTED_LINES]]
    if len(lines) > _QUOTED_LINES:
        shown.append(f"  ({len(lines) - _QUOTED_LINES} more lines)")
    return "\n".join(shown) or "  (nothing)"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """The two lines of a chip; the second one may be missing, then its cells are empty."""

    npu: int
    name: str
    first: list[str]
    second: list[str]


def _cards(rows: Sequence[list[str]], processes: Sequence[tuple[tuple[int, int], NpuProcess]]) -> Iterator[Card]:
    """Yield the chips in the table's order."""
    has_device_column = any(row[0].split() == ["Chip", "Device"] for row in rows)
    chips = list(_chips(rows))
    slots: dict[int, int] = {}
    for position, chip in enumerate(chips):
        place = _PLACE.fullmatch(chip.second[0])
        slot = int(place[1]) if place else slots.get(chip.npu, 0)
        slots[chip.npu] = slot + 1
        number = int(place[2]) if place and place[2] else None
        alone = sum(other.npu == chip.npu for other in chips) == 1
        load, used, total = _usage(chip.second[2])
        yield Card(
            id=number if number is not None and has_device_column else position,
            physical=None if has_device_column else number if number is not None or not alone else chip.npu,
            npu=chip.npu,
            slot=slot,
            chip=re.sub(r"(?i)^ascend", "", chip.name),
            health=chip.first[1],
            bus=chip.second[1],
            temperature_c=_number(chip.first[2].split(), 1),
            aicore_percent=load,
            memory_used_mb=used,
            memory_total_mb=total,
            processes=tuple(process for where, process in processes if where == (chip.npu, slot)),
        )


def _chips(rows: Sequence[list[str]]) -> Iterator[_Lines]:
    for number, row in enumerate(rows):
        named = _NAMED.fullmatch(row[0])
        if len(row) == _CHIP_COLUMNS and named and _HEALTH.fullmatch(row[1]):
            below = rows[number + 1] if number + 1 < len(rows) else []
            second = below if len(below) == _CHIP_COLUMNS and _PLACE.fullmatch(below[0]) else [""] * _CHIP_COLUMNS
            yield _Lines(npu=int(named[1]), name=named[2], first=row, second=second)


def _processes(rows: Sequence[list[str]]) -> tuple[list[tuple[tuple[int, int], NpuProcess]], tuple[str, ...]]:
    """Return the processes with their card and chip, and lines below their titles that neither are one nor deny it."""
    found: list[tuple[tuple[int, int], NpuProcess]] = []
    unread: list[str] = []
    below = False
    for row in rows:
        place = _PLACE.fullmatch(row[0])
        title = any(_PROCESS_TITLE in cell.lower() for cell in row)
        if len(row) in _PROCESS_COLUMNS and place and row[1].isdecimal():
            process = NpuProcess(pid=int(row[1]), name=row[2], memory_mb=_number(row[3].split(), 0))
            found.append(((int(place[1]), int(place[2] or 0)), process))
        elif below and any(row) and not title and not row[0].lower().startswith(_NO_PROCESSES):
            unread.append(" | ".join(row))
        below = below or title
    return found, tuple(unread)


def _of_no_card(processes: Sequence[tuple[tuple[int, int], NpuProcess]], cards: Sequence[Card]) -> Iterator[str]:
    """Yield processes on chips that are not listed: they could be on any."""
    places = {(card.npu, card.slot) for card in cards}
    for (npu, slot), process in processes:
        if (npu, slot) not in places:
            yield f"process {process.pid} ({process.name or 'no name'}) on NPU {npu} chip {slot}, which is not listed"


def _usage(cell: str) -> tuple[float | None, float | None, float | None]:
    """Return load in percent, used and total memory; chips with HBM show it after their small host-side memory."""
    pairs = [(float(used), float(total)) for used, total in _USAGE.findall(cell) if int(total) > 0]
    used, total = pairs[-1] if pairs else (None, None)
    return _number(cell.split(), 0), used, total


def _number(tokens: Sequence[str], position: int) -> float | None:
    try:
        return float(tokens[position])
    except (IndexError, ValueError):
        return None
