"""Double of ``npu-smi``: the table of ``npu-smi info``, laid out as driver 22.0 prints it.

Cards are numbered by slot, as on real hosts: device 1 is chip 0 of NPU 32. The second line of a device has
its number in the column ``Device``. Processes that hold a stand-in device are listed as long as they live.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from zoo_runner.testing.devices import DeviceProcess, holders
from zoo_runner.testing.machine import SMI_VERSION, Machine

_SLOT_STEP: Final = 32
_WIDTHS: Final = (31, 17, 54)
_PROCESS_WIDTHS: Final = (31, 17, 26, 27)
_FOREIGN: Final = DeviceProcess(pid=4242, name="python3", memory_mb=8192)
_MEMORY_MB: Final = 21534
_IDLE_MEMORY_MB: Final = 1637
_USAGE: Final = "usage: npu-smi info | npu-smi -v\n"


def info(machine: Machine) -> str:
    """Return the table of ``npu-smi info``."""
    line = _rule("-")
    title = f"npu-smi {SMI_VERSION}".ljust(49) + f"Version: {SMI_VERSION}"
    head = (
        _row(" NPU     Name", " Health", " Power(W)     Temp(C)           Hugepages-Usage(page)"),
        _row(" Chip    Device", " Bus-Id", " AICore(%)    Memory-Usage(MB)"),
    )
    body = [row for device in range(machine.devices) for row in _device(machine, device)]
    processes = [row for device in range(machine.devices) for row in _processes(machine, device)]
    titles = _process_row(" NPU     Chip", " Process id", " Process name", " Process memory(MB)")
    top = "+" + "-" * (len(line) - 2) + "+"
    return "\n".join((top, _wide(title), line, *head, _rule("="), *body, titles, _rule("="), *processes, ""))


def _device(machine: Machine, device: int) -> Iterator[str]:
    busy = "busy" in machine.faults
    health = "Alarm" if "unhealthy" in machine.faults else "OK"
    temperature = 104 if "hot" in machine.faults else 42
    held = sum(process.memory_mb for process in _listed(machine, device))
    usage = f"{_IDLE_MEMORY_MB + held:<4} / {_MEMORY_MB}"
    yield _row(
        f" {device * _SLOT_STEP:<8}{machine.chip}",
        f" {health}",
        f" {'15.8':<13}{temperature:<18}{0:<4} / 0",
    )
    yield _row(f" {0:<8}{device}", f" 0000:{0x3B + device:02X}:00.0", f" {87 if busy else 0:<13}{usage}")
    yield _rule("=")


def _processes(machine: Machine, device: int) -> Iterator[str]:
    number = device * _SLOT_STEP
    listed = _listed(machine, device)
    for process in listed:
        yield _process_row(f" {number:<8}0", f" {process.pid}", f" {process.name[:24]}", f" {process.memory_mb}")
    if not listed:
        yield _wide(f"No running processes found in NPU {number}")
    yield _rule("=")


def _listed(machine: Machine, device: int) -> tuple[DeviceProcess, ...]:
    foreign = (_FOREIGN,) if "busy" in machine.faults else ()
    return (*foreign, *holders(machine.folder, device))


def _row(*cells: str) -> str:
    return "|" + "|".join(cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)) + "|"


def _process_row(*cells: str) -> str:
    return "|" + "|".join(cell.ljust(width) for cell, width in zip(cells, _PROCESS_WIDTHS, strict=True)) + "|"


def _wide(text: str) -> str:
    return "| " + text.ljust(sum(_WIDTHS) + 1) + "|"


def _rule(mark: str) -> str:
    return "+" + "+".join(mark * width for width in _WIDTHS) + "+"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run npu-smi and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given == ["info"]:
        sys.stdout.write(info(Machine.from_environment()))
        return 0
    if given in (["-v"], ["--version"]):
        sys.stdout.write(f"npu-smi version: {SMI_VERSION}\n")
        return 0
    sys.stdout.write(_USAGE)
    return 0 if given in (["-h"], ["--help"]) else 1


if __name__ == "__main__":
    sys.exit(main())
