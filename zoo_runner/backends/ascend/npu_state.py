"""The NPUs of a machine at one moment, as ``npu-smi info`` shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

HEALTHY: Final = "OK"
ALARM: Final = "Alarm"

_HOST_MEMORY_CHIPS: Final = ("310", "310B")
_NO_BUS: Final = "NA"


@dataclass(frozen=True, kw_only=True)
class NpuProcess:
    """A process on a chip.

    Attributes:
        pid: Process id; as the host counts, also when asked from inside a container.
        name: Command name, possibly cut short; the tool may show none.
        memory_mb: Device memory it holds.
    """

    pid: int
    name: str
    memory_mb: float | None = None


@dataclass(frozen=True, kw_only=True)
class Card:
    """One chip.

    Attributes:
        id: Device number, as ACL counts where ``ASCEND_RT_VISIBLE_DEVICES`` is not set.
        physical: The number that the tool itself gives the chip, where it gives none for devices: of the column
            ``Phy-ID``, or of a card with one chip. ``None`` where ``id`` is the tool's own device number.
        npu: The card's own number, the first column of the table.
        slot: The chip's number on its card.
        chip: Name without the prefix ``Ascend``, such as ``310P3``.
        health: ``OK``, or what the driver calls the trouble (``Warning``, ``Alarm``, ``Critical``, ``UNKNOWN``).
        bus: Address of the chip on the PCI bus; ``NA`` for a chip that is not on one.
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
    physical: int | None = None
    bus: str = ""
    temperature_c: float | None = None
    aicore_percent: float | None = None
    memory_used_mb: float | None = None
    memory_total_mb: float | None = None
    processes: tuple[NpuProcess, ...] = ()

    @property
    def host_memory(self) -> bool:
        """Whether the chip's memory is the host's: a board that is its own host, such as those with a 310B4."""
        family = self.chip[:4] if self.chip.startswith("310B") else self.chip
        return family in _HOST_MEMORY_CHIPS and self.bus == _NO_BUS

    @property
    def healthy(self) -> bool:
        """Whether the driver reports no trouble; boards that are their own host show an alarm when they are idle."""
        return self.health == HEALTHY or (self.host_memory and self.health == ALARM)

    @property
    def unseen(self) -> str:
        """What the tool does not show, without which a hot or a busy chip would look quiet; or nothing."""
        if self.temperature_c is None:
            return "the temperature"
        load = (self.aicore_percent,) if self.host_memory else (self.aicore_percent, self.memory_used_mb)
        return "the load" if all(value is None for value in load) else ""

    def __str__(self) -> str:
        """Say which chip it is, and how it is."""
        facts = [
            self.health,
            None if self.temperature_c is None else f"{self.temperature_c:g} degrees Celsius",
            None if self.aicore_percent is None else f"AI cores {self.aicore_percent:g} % busy",
            None if self.memory_used_mb is None else f"{self.memory_used_mb:g} of {self.memory_total_mb:g} MB in use",
        ]
        return f"{self.place} ({self.chip}): {', '.join(fact for fact in facts if fact)}"

    @property
    def place(self) -> str:
        """Where the chip is in the tool's table."""
        return f"NPU {self.npu} chip {self.slot}"


@dataclass(frozen=True, kw_only=True)
class NpuState:
    """One reading.

    Attributes:
        version: Version of the tool and driver from the table's first line; empty where there is none.
        cards: The chips, by device number.
        unread: Lines of the table of processes that are not understood.
    """

    version: str
    cards: tuple[Card, ...]
    unread: tuple[str, ...] = ()

    def card(self, device: int) -> Card | None:
        """Return the chip with that device number, if there is one."""
        return next((card for card in self.cards if card.id == device), None)
