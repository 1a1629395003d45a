"""The ``ais_bench`` commands of a recipe: batch sizes, and how often a timing calls the model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.importing.account import Account, quoted
from zoo_runner.importing.atc import BATCH_NAMES
from zoo_runner.importing.commands import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from zoo_runner.importing.commands import Command, Script

_OF_NAME: Final = re.compile(r"(?:bs|batch(?:size)?)[_-]?([1-9][0-9]{0,5})(?![0-9A-Za-z])", re.IGNORECASE)
MODULES: Final = ("ais_bench", "ais_infer")
_BATCH: Final = ("batchsize", "batch_size", "bs", "dymBatch")
_CHOSEN: Final = (
    "m",
    "model",
    "om",
    "input",
    "output",
    "output_dirname",
    "device",
    "d",
    "i",
    "o",
    "profiler",
    "debug",
    "display_all_summary",
    "pure_data_type",
)
"""Flags that the run chooses by itself."""


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the commands say.

    Attributes:
        batches: Batch sizes in them, each once.
        over_data: The batch size over the data set; ``None`` where none is said.
        loop: Timed calls; ``None`` where none is said.
        warmup: Calls before that; likewise.
        line: Of the command that says ``loop``.
    """

    batches: tuple[int, ...] = ()
    over_data: int | None = None
    loop: int | None = None
    warmup: int | None = None
    line: int = 0


def bench(script: Script, account: Account) -> Bench:
    """Read the commands."""
    batches: dict[int, None] = {}
    over_data: int | None = None
    loops: dict[int, int] = {}
    warmup: int | None = None
    for command in script.commands:
        if not any(map(command.runs, MODULES)):
            continue
        flags = {name: script.variables.filled(value)[0] for name, value in command.flags.items()}
        sizes = _sizes(flags, script)
        if (named := _named(flags)) is not None and sizes and named not in sizes:
            text = f"flag --batchsize {', '.join(map(str, sizes))}: the model's file is of batch size {named}"
            account.warn(command.line, f"{text}; neither is taken")
            sizes = []
        batches |= dict.fromkeys(sizes)
        if "input" in flags or "i" in flags:
            over_data = over_data or next(iter(sizes), None)
        elif loop := _number(flags.get("loop")):
            loops.setdefault(loop, command.line)
            warmup = warmup if warmup is not None else _number(flags.get("warmup_count"))
        _leave_others(command, flags, account)
        account.take(command)
    for loop, line in list(loops.items())[1:]:
        account.leave(line, f"flag --loop {loop}: line {next(iter(loops.values()))} has another; the first is taken")
    first = next(iter(loops), None)
    return Bench(
        batches=tuple(batches), over_data=over_data, loop=first, warmup=warmup, line=loops[first] if first else 0
    )


def _named(flags: Mapping[str, str]) -> int | None:
    """Return the batch size that the name of the .om file has in it; ``None`` without one."""
    match = _OF_NAME.search(flags.get("model") or flags.get("m") or flags.get("om") or "")
    return int(match[1]) if match else None


def _sizes(flags: Mapping[str, str], script: Script) -> list[int]:
    """Return the batch sizes of a command; several where a loop sets its variable."""
    value = next((flags[name] for name in _BATCH if flags.get(name)), "")
    if number := _number(value):
        return [number]
    match = VARIABLE.fullmatch(value)
    known = script.variables.values.get((match[1] or match[2]), []) if match else []
    return [number for each in known if (number := _number(each))]


def _number(value: str | None) -> int | None:
    return int(value) if value and re.fullmatch("[1-9][0-9]{0,6}", value) else None


def _leave_others(command: Command, flags: Mapping[str, str], account: Account) -> None:
    for name, value in flags.items():
        if name in _BATCH:
            match = VARIABLE.search(value)
            if match and not BATCH_NAMES.fullmatch(match[1] or match[2]):
                account.warn(
                    command.line, f"flag --{name} {quoted(value)}: the variable {match[1] or match[2]} is never set"
                )
        elif name == "outfmt":
            text = (
                f"flag --outfmt {quoted(value)}: the run keeps outputs in memory; infer.tool: ais_bench-cli has files"
            )
            account.leave(command.line, text)
        elif name not in _CHOSEN and name not in {"loop", "warmup_count"}:
            account.leave(command.line, f"flag --{quoted(name)} {quoted(value)} of ais_bench")
