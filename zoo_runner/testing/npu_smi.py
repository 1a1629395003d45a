"""Double of ``npu-smi``: the table of ``npu-smi info``, laid out as drivers 21 to 26 print it.

Cards are numbered by slot, as on real hosts with 310 or 310P chips: device 1 is chip 0 of NPU 32, and the second line
of a device has its number in the column ``Device``. Cards with 910 chips are numbered one after the other and show HBM
instead; of the A3 each has two chips with a ``Phy-ID``, all called ``Ascend910``. A board with a 310B is its own host:
its chip is on no bus, shares the host's memory, is in ``Alarm`` when idle, and has no table of processes. Since driver
26 that table has a fifth column. Processes that hold a stand-in device are listed as long as they live.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from zoo_runner.testing.devices import DeviceProcess, holders
from zoo_runner.testing.machine import STAND_IN, Machine

_SLOT_STEP: Final = 32
_WIDTHS: Final = (31, 17, 54)
_PROCESS_WIDTHS: Final = (31, 17, 26, 27)
_CONTAINER_WIDTHS: Final = (25, 15, 16, 20, 24)
_CONTAINER_COLUMN_SINCE: Final = 26
_FOREIGN: Final = DeviceProcess(pid=4242, name="python3", memory_mb=8192)
_ILL_C: Final = 97
_HOT_C: Final = 104
_IDLE_C: Final = 42
_USAGE: Final = "usage: npu-smi info | npu-smi -v\n"


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """How a family of chips is shown.

    Attributes:
        second: Title of the chip's own number on the second line.
        memory: Used and total megabytes of an idle chip.
        hbm: Whether the memory is HBM, shown after the host-side memory.
        slots: How many card numbers lie between two devices' cards.
        chips: Chips a card.
        own_host: Whether the board is its own host.
    """

    second: str
    memory: tuple[int, int]
    hbm: bool = False
    slots: int = 1
    chips: int = 1
    own_host: bool = False


_BOARD: Final = _Kind(second="Device", memory=(3628, 15609), own_host=True)
_PCI_CARD: Final = _Kind(second="Device", memory=(1637, 21534), slots=_SLOT_STEP)
_HBM_CARD: Final = _Kind(second="", memory=(2858, 32768), hbm=True)
_A3: Final = _Kind(second="Phy-ID", memory=(3419, 65536), hbm=True, chips=2)


def info(machine: Machine) -> str:
    """Return the table of ``npu-smi info``."""
    kind, version = _kind(machine), f"{machine.smi}-{STAND_IN}"
    line = _rule("-")
    title = f"npu-smi {version}".ljust(49) + f"Version: {version}"
    memory = "Memory-Usage(MB)  HBM-Usage(MB)" if kind.hbm else "Memory-Usage(MB)"
    head = (
        _row(" NPU     Name", " Health", " Power(W)     Temp(C)           Hugepages-Usage(page)"),
        _row(f" Chip    {kind.second}", " Bus-Id", f" AICore(%)    {memory}"),
    )
    body = [row for device in range(machine.devices) for row in _device(machine, kind, device)]
    top = "+" + "-" * (len(line) - 2) + "+"
    below = () if kind.own_host else _process_table(machine, kind)
    return "\n".join((top, _wide(title), line, *head, _rule("="), *body, *below, ""))


def _kind(machine: Machine) -> _Kind:
    if machine.chip.startswith("910_"):
        return _A3
    if machine.chip.startswith("910"):
        return _HBM_CARD
    return _BOARD if machine.chip.startswith("310B") else _PCI_CARD


def _place(kind: _Kind, device: int) -> tuple[int, int]:
    """Return the number of a device's card, and of the chip on it."""
    return device // kind.chips * kind.slots, device % kind.chips


def _device(machine: Machine, kind: _Kind, device: int) -> Iterator[str]:
    card, chip = _place(kind, device)
    ill = any(fault.name == "ill-card" and fault.device == device for fault in machine.faults)
    alarm = ill or kind.own_host or "unhealthy" in machine.faults
    temperature = _HOT_C if "hot" in machine.faults else _ILL_C if ill else _IDLE_C
    yield _row(
        f" {card:<8}{'Ascend910' if kind is _A3 else machine.chip}",
        f" {'Alarm' if alarm else 'OK'}",
        f" {'15.8':<13}{temperature:<18}{0:<4} / 0",
    )
    used, total = kind.memory
    usage = f"{used + sum(process.memory_mb for process in _listed(machine, device)):<4} / {total}"
    shown = f"{'0    / 0':<18}{usage}" if kind.hbm else usage
    bus = "NA" if kind.own_host else f"0000:{0x3B + device:02X}:00.0"
    number = device if kind.second else ""
    yield _row(f" {chip:<8}{number}", f" {bus}", f" {87 if 'busy' in machine.faults else 0:<13}{shown}")
    yield _rule("=")


def _process_table(machine: Machine, kind: _Kind) -> Iterator[str]:
    in_container = machine.smi_major >= _CONTAINER_COLUMN_SINCE
    widths = _CONTAINER_WIDTHS if in_container else _PROCESS_WIDTHS
    titles = (" NPU     Chip", " Process id", " Process name", " Process memory(MB)", " Process id in container")
    yield _process_row(widths, *titles[: len(widths)])
    yield _rule("=")
    for device in range(machine.devices):
        card, chip = _place(kind, device)
        listed = _listed(machine, device)
        for process in listed:
            name = process.name[: widths[2] - 2]
            cells = (f" {card:<8}{chip}", f" {process.pid}", f" {name}", f" {process.memory_mb}", " NA")
            yield _process_row(widths, *cells[: len(widths)])
        if not listed:
            yield _wide(f"No running processes found in NPU {card}")
        yield _rule("=")


def _listed(machine: Machine, device: int) -> tuple[DeviceProcess, ...]:
    foreign = (_FOREIGN,) if "busy" in machine.faults else ()
    return (*foreign, *holders(machine.folder, device))


def _row(*cells: str) -> str:
    return _process_row(_WIDTHS, *cells)


def _process_row(widths: Sequence[int], *cells: str) -> str:
    return "|" + "|".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + "|"


def _wide(text: str) -> str:
    return "| " + text.ljust(sum(_WIDTHS) + 1) + "|"


def _rule(mark: str) -> str:
    return "+" + "+".join(mark * width for width in _WIDTHS) + "+"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run npu-smi and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    machine = Machine.from_environment()
    if given == ["info"]:
        sys.stdout.write(info(machine))
        return 0
    if given in (["-v"], ["--version"]):
        sys.stdout.write(f"npu-smi version: {machine.smi}-{STAND_IN}\n")
        return 0
    sys.stdout.write(_USAGE)
    return 0 if given in (["-h"], ["--help"]) else 1


if __name__ == "__main__":
    sys.exit(main())
