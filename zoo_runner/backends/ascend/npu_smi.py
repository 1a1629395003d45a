"""What ``npu-smi info`` says: which chips there are, how they feel, and who uses them.

The tool has no machine-readable output, so its table is read. Two lines describe a chip; the word
below ``NPU Name`` in the heading tells what the second line's second number is: ``Device`` is the number
that ais_bench and ACL open, anything else (``Phy-ID``, nothing) is not, and there devices count from 0 in the
order of the table. The layouts known are those of npu-smi 22 to 26 for the 310, 310P and 910 families.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from zoo_runner.errors import PrerequisiteError

TOOL = "npu-smi"
HEALTHY = "OK"
HOT_C = 85.0
"""A chip above this many degrees Celsius may slow down. Chosen, not published: idle cards show 30 to 73."""
BUSY_MEMORY = 0.2
"""Used share of device memory above which somebody else is on the chip; idle chips show up to 0.09."""
BUSY_AICORE_PERCENT = 5.0
"""Computing load before the timing starts above which somebody else is on the chip; idle chips show 0."""

_QUOTED_LINES = 8
_VERSION = re.compile(r"Version:\s*([^|\n]*?)\s*(?:\||$)", re.MULTILINE)
_NAMED = re.compile(r"(\d+)\s+(\S.*)")
_HEALTH = re.compile(r"(?!NA$)[A-Za-z][A-Za-z ]*")
_PLACE = re.compile(r"(\d+)(?:\s+(\d+))?")
_USAGE = re.compile(r"(\d+)\s*/\s*(\d+)")


@dataclass(frozen=True, kw_only=True)
class NpuProcess:
    """A process on a chip.

    Attributes:
        pid: Process id; as the host counts, also when asked from inside a container.
        name: Command name, possibly cut short.
        memory_mb: Device memory it holds.
    """

    pid: int
    name: str
    memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """One chip.

    Attributes:
        id: Device number, as ``--device`` takes it.
        npu: The card's own number, the first column of the table.
        slot: The chip's number on its card.
        chip: Name without the prefix ``Ascend``, such as ``310P3``.
        health: ``OK``, or what the driver calls the trouble (``Warning``, ``Alarm``, ``Critical``, ``UNKNOWN``).
        temperature_c: Degrees Celsius; ``None`` where the tool shows none.
        aicore_percent: Computing load.
        memory_used_mb: Device memory in use: HBM where the chip has it.
        memory_total_mb: Device memory.
        processes: What runs on the chip; inside containers the tool may show none.
    """

    id: int
    npu: int
    slot: int
    chip: str
    health: str
    temperature_c: float | None = None
    aicore_percent: float | None = None
    memory_used_mb: float | None = None
    memory_total_mb: float | None = None
    processes: tuple[NpuProcess, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether the driver reports no trouble."""
        return self.health == HEALTHY


@dataclass(frozen=True, kw_only=True)
class NpuState:
    """One reading.

    Attributes:
        version: Version of the tool and driver from the table's first line; empty where there is none.
        cards: The chips, by device number.
    """

    version: str
    cards: tuple[Card, ...]

    def card(self, device: int) -> Card | None:
        """Return the chip with that device number, if there is one."""
        return next((card for card in self.cards if card.id == device), None)


def query(timeout_s: float = 30.0) -> NpuState:
    """Run ``npu-smi info`` and read it.

    Raises:
        PrerequisiteError: The tool is absent, fails, does not answer, or says something else than a table.
    """
    tool = shutil.which(TOOL)
    if tool is None:
        raise PrerequisiteError(
            f"expected {TOOL} on PATH, found none. It comes with the NPU driver (usually /usr/local/sbin/{TOOL} or "
            f"/usr/local/bin/{TOOL}): install driver and firmware; in a container, mount the tool, "
            "/usr/local/Ascend/driver and the /dev/davinci* devices"
        )
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell
            [tool, "info"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PrerequisiteError(
            f"expected `{tool} info` to answer, found: {error}. Check that the driver runs (`dmesg`, "
            "/var/log/npu) and that this user may use the devices"
        ) from error
    if done.returncode != 0:
        raise PrerequisiteError(
            f"expected `{tool} info` to succeed, found exit code {done.returncode} and:\n{_quoted(done.stdout)}\n"
            "Check that driver and firmware fit each other and that this user may use the devices; after an "
            "upgrade the machine must be restarted"
        )
    return parse(done.stdout)


def parse(text: str) -> NpuState:
    """Read the table.

    Raises:
        PrerequisiteError: It shows no chip; the text is quoted.
    """
    rows = [_cells(line) for line in text.splitlines() if line.strip().startswith("|")]
    has_device_column = any(len(row) > 1 and row[0].split() == ["Chip", "Device"] for row in rows)
    cards = list(_cards(rows, has_device_column=has_device_column))
    if not cards:
        raise PrerequisiteError(
            f"expected the table of `{TOOL} info` with at least one chip, found:\n{_quoted(text)}\nRun `{TOOL} info` "
            "by hand: without a chip in it nothing can run; if it shows one, this layout is not known here"
        )
    if len({card.id for card in cards}) < len(cards):
        cards = [replace(card, id=position) for position, card in enumerate(cards)]
    version = _VERSION.search(text)
    return NpuState(
        version=version[1] if version else "",
        cards=tuple(sorted(cards, key=lambda card: card.id)),
    )


def disturbances(
    before: NpuState, after: NpuState, devices: Sequence[int], *, own: Collection[int] = ()
) -> tuple[str, ...]:
    """List what makes a timing between two readings untrustworthy; empty when the devices were quiet.

    Take ``before`` before the model is loaded and ``after`` once it is unloaded: memory held by the timed
    model itself cannot be told from somebody else's.

    Args:
        before: Reading before the timing.
        after: Reading after it.
        devices: Device numbers that were timed.
        own: Process ids that are the caller's.
    """
    found: list[str] = []
    for when, state in (("before", before), ("after", after)):
        for device in devices:
            card = state.card(device)
            if card is None:
                found.append(f"device {device} {when} the timing: not listed by {TOOL}")
                continue
            # Right after a run the load shown is still the run's own.
            signs = _signs(card, own, load=when == "before")
            found.extend(f"device {device} {when} the timing: {sign}" for sign in signs)
    return tuple(found)


def _signs(card: Card, own: Collection[int], *, load: bool) -> Iterator[str]:
    if not card.healthy:
        yield f"health is {card.health}, expected {HEALTHY}"
    if card.temperature_c is not None and card.temperature_c > HOT_C:
        yield f"{card.temperature_c:g} degrees Celsius, expected at most {HOT_C:g}"
    for process in card.processes:
        if process.pid not in own:
            yield f"process {process.pid} ({process.name}) runs on it"
    if load and card.aicore_percent is not None and card.aicore_percent > BUSY_AICORE_PERCENT:
        yield f"AI cores {card.aicore_percent:g} % busy, expected at most {BUSY_AICORE_PERCENT:g} %"
    used, total = card.memory_used_mb, card.memory_total_mb
    if used is not None and total and used > BUSY_MEMORY * total:
        yield f"{used:g} of {total:g} MB in use, expected at most {BUSY_MEMORY:.0%}"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _cards(rows: Sequence[list[str]], *, has_device_column: bool) -> Iterator[Card]:
    """Yield the chips in the table's order; a chip's second line may be missing."""
    processes = list(_processes(rows))
    slots: dict[int, int] = {}
    for position, (number, npu, name) in enumerate(_first_lines(rows)):
        row = rows[number]
        below = rows[number + 1] if number + 1 < len(rows) else []
        place = _PLACE.fullmatch(below[0]) if len(below) == len(row) else None
        slot = int(place[1]) if place else slots.get(npu, 0)
        slots[npu] = slot + 1
        device = int(place[2]) if place and place[2] and has_device_column else position
        load, used, total = _usage(below[2]) if place else (None, None, None)
        yield Card(
            id=device,
            npu=npu,
            slot=slot,
            chip=re.sub(r"(?i)^ascend", "", name),
            health=row[1],
            temperature_c=_number(row[2].split(), 1),
            aicore_percent=load,
            memory_used_mb=used,
            memory_total_mb=total,
            processes=tuple(process for where, process in processes if where == (npu, slot)),
        )


def _first_lines(rows: Sequence[list[str]]) -> Iterator[tuple[int, int, str]]:
    """Yield where a chip's first line is, the number of its card and its name."""
    for number, row in enumerate(rows):
        named = _NAMED.fullmatch(row[0])
        if len(row) == 3 and named and _HEALTH.fullmatch(row[1]):  # noqa: PLR2004 - columns
            yield number, int(named[1]), named[2]


def _processes(rows: Sequence[list[str]]) -> Iterator[tuple[tuple[int, int], NpuProcess]]:
    for row in rows:
        place = _PLACE.fullmatch(row[0])
        if len(row) == 4 and place and row[1].isdecimal():  # noqa: PLR2004 - columns
            where = (int(place[1]), int(place[2] or 0))
            memory = _number(row[3].split(), 0)
            yield where, NpuProcess(pid=int(row[1]), name=row[2], memory_mb=memory)


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


def _quoted(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    shown = [f"  {line}" for line in lines[:_QUOTED_LINES]]
    if len(lines) > _QUOTED_LINES:
        shown.append(f"  ({len(lines) - _QUOTED_LINES} more lines)")
    return "\n".join(shown) or "  (nothing)"
