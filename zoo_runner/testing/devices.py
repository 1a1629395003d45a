"""What several processes must agree on: which process holds a device, and which device is lost.

Processes number devices as ``ASCEND_RT_VISIBLE_DEVICES`` tells them; ``npu-smi``, which asks for :func:`holders`, does
not.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LOST: Final = "lost"
_VISIBLE: Final = "ASCEND_RT_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True)
class DeviceProcess:
    """A process that holds a device."""

    pid: int
    name: str
    memory_mb: int


def hold(folder: Path, device: int) -> None:
    """Note that this process uses the device."""
    mark = _mark(folder, _own(device), str(os.getpid()))
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def release(folder: Path, device: int) -> None:
    """Note that this process no longer uses the device."""
    _mark(folder, _own(device), str(os.getpid())).unlink(missing_ok=True)


def holders(folder: Path, device: int) -> tuple[DeviceProcess, ...]:
    """Return the living processes that use the device."""
    marks = sorted(_mark(folder, device, "").glob("[0-9]*"), key=lambda mark: int(mark.name))
    return tuple(
        DeviceProcess(pid=int(mark.name), name=name, memory_mb=512)
        for mark in marks
        if (name := _process_name(int(mark.name)))
    )


def lose(folder: Path, device: int) -> None:
    """Note that the device does not answer any more."""
    mark = _mark(folder, _own(device), _LOST)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def lost(folder: Path, device: int) -> bool:
    """Say whether the device was lost before, in any process."""
    return _mark(folder, _own(device), _LOST).exists()


def _own(device: int) -> int:
    """Return the host's number of a device that this process has another one for."""
    numbers = [int(part) for part in os.environ.get(_VISIBLE, "").split(",") if part.isdecimal()]
    return numbers[device] if device < len(numbers) else device


def _mark(folder: Path, device: int, name: str) -> Path:
    return folder / "devices" / str(device) / name


def _process_name(pid: int) -> str:
    """Return the command name of a living process, or the empty string."""
    try:
        return Path("/proc", str(pid), "comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
