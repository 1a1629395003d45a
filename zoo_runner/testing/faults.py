"""The failures the stand-ins can be asked for, and how they are written: ``NAME[:ARGUMENT…]``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from zoo_runner.errors import UsageError, did_you_mean

SEPARATOR: Final = ","
_INTEGER: Final = re.compile(r"\d+")
_NUMBER: Final = re.compile(r"\d+(\.\d+)?")
_CODE: Final = re.compile(r"[A-Z]{1,2}\d{4,5}")
_PLACES: Final = {"DEV": _INTEGER, "N": _INTEGER, "MS": _NUMBER, "CODE": _CODE}


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One failure that can be asked for.

    Attributes:
        arguments: Names of what follows the fault's name, each after a colon; all are required.
        meaning: What happens.
    """

    arguments: tuple[str, ...]
    meaning: str


KINDS: Final = {
    "atc-code": FaultKind(("CODE",), "atc fails with this code, such as E10016"),
    "atc-silent": FaultKind((), "atc reports success, exits 0 and writes no .om"),
    "atc-crash": FaultKind((), "atc is killed by a signal and leaves half an .om"),
    "atc-hang": FaultKind((), "atc never ends"),
    "device-lost": FaultKind(("DEV", "N"), "device DEV fails after N executions, and stays lost"),
    "device-crash": FaultKind(("DEV", "N"), "a process using device DEV is killed after N executions"),
    "hang": FaultKind(("DEV", "N"), "device DEV never answers after N executions"),
    "nan-output": FaultKind((), "the first output has a NaN"),
    "corrupt-output": FaultKind((), "outputs hold finite garbage"),
    "swap-outputs": FaultKind((), "outputs 0 and 2 (or 0 and the last) change places"),
    "zero-outputs": FaultKind((), "outputs hold nothing but zeros"),
    "scaled-outputs": FaultKind((), "outputs are twice what they should be"),
    "stale-outputs": FaultKind((), "every execution gives the outputs of a process's first one"),
    "copied-outputs": FaultKind((), "every sample of a batch gets the outputs of its first one"),
    "swap-rows": FaultKind(("DEV", "N"), "device DEV exchanges a batch's first two samples after N executions"),
    "wrong-size": FaultKind((), "the first output is too short"),
    "flat-outputs": FaultKind((), "outputs of a model with shape ranges have one axis, as where no shape is known"),
    "slow": FaultKind(("MS",), "every execution is reported to take MS milliseconds"),
    "mixed-generations": FaultKind((), "aclruntime is of the other generation than ais_bench"),
    "renamed-times": FaultKind((), "ais_bench tells the times of copies under names that nobody knows"),
    "short-summary": FaultKind((), "time lists and _summary.json lack entries and keys"),
    "unhealthy": FaultKind((), "npu-smi shows health Alarm"),
    "busy": FaultKind((), "npu-smi shows another process on every device"),
    "hot": FaultKind((), "npu-smi shows 104 degrees"),
    "ill-card": FaultKind(("DEV",), "npu-smi shows card DEV with an alarm, at 97 degrees"),
    "no-npu-smi": FaultKind((), "there is no npu-smi, as in many containers"),
    "wrong-chip": FaultKind((), "the device is another chip than npu-smi says, so that an .om does not load"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One failure that was asked for."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the fault as it is written on the command line."""
        return ":".join((self.name, *self.arguments))

    @property
    def device(self) -> int:
        """The device of a fault that names one."""
        return int(self.arguments[0])

    @property
    def after(self) -> int:
        """The number of executions that still succeed."""
        return int(self.arguments[1])


@dataclass(frozen=True, slots=True)
class Faults:
    """The failures that were asked for together."""

    asked: tuple[Fault, ...] = ()

    def __iter__(self) -> Iterator[Fault]:
        """Iterate over the faults in the order they were asked for."""
        return iter(self.asked)

    def __contains__(self, name: object) -> bool:
        """Say whether a fault of that name was asked for."""
        return any(fault.name == name for fault in self.asked)

    def __str__(self) -> str:
        """Return the form that :func:`parse_faults` reads after a split at commas."""
        return SEPARATOR.join(map(str, self.asked))

    def find(self, name: str) -> Fault | None:
        """Return the first fault of that name."""
        return next((fault for fault in self.asked if fault.name == name), None)

    def due(self, name: str, device: int, executions: int) -> bool:
        """Say whether a per-device fault strikes ``device`` after that many executions."""
        return any(f.name == name and f.device == device and executions >= f.after for f in self.asked)


NO_FAULTS: Final = Faults()


def parse_faults(texts: Iterable[str]) -> Faults:
    """Read faults as written on the command line.

    Raises:
        UsageError: A name is unknown, or the arguments are not those of the fault.
    """
    return Faults(tuple(_parse(text) for text in texts))


def describe_faults() -> str:
    """Return one line per fault: how to write it and what it does."""
    width = max(len(_usage(name)) for name in KINDS)
    return "\n".join(f"  {_usage(name):<{width}}  {kind.meaning}" for name, kind in KINDS.items())


def _parse(text: str) -> Fault:
    name, *arguments = text.split(":")
    if name not in KINDS:
        msg = f"unknown fault '{name}'{did_you_mean(name, KINDS)}\nknown faults:\n{describe_faults()}"
        raise UsageError(msg)
    if not _fits(arguments, KINDS[name].arguments):
        msg = f"fault '{text}': expected {_usage(name)} ({KINDS[name].meaning})"
        raise UsageError(msg)
    return Fault(name, tuple(arguments))


def _fits(arguments: Sequence[str], places: Sequence[str]) -> bool:
    return len(arguments) == len(places) and all(
        _PLACES[place].fullmatch(argument) for argument, place in zip(arguments, places, strict=True)
    )


def _usage(name: str) -> str:
    return ":".join((name, *KINDS[name].arguments))
