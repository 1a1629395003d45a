"""Timing, and the lines a benchmark reports."""

from __future__ import annotations

import json
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

Item = TypeVar("Item")

AT_MOST: Final = "<="
AT_LEAST: Final = ">="


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing that was measured.

    Attributes:
        what: What it is.
        target: The bound, in ``unit``; nothing if the line is only for orientation.
        bound: On which side of it the measurement has to be.
        measured: In ``unit``.
        unit: Such as ``ms/image``.
        plain: What the plain implementation takes in the same run, in ``unit``.
        same: Whether both gave the same results, where that was checked.
    """

    what: str
    target: float | None
    measured: float
    unit: str
    bound: str = AT_MOST
    plain: float | None = None
    same: bool | None = None

    @property
    def met(self) -> bool | None:
        """Whether the measurement is on the right side of the target."""
        if self.target is None:
            return None
        return self.measured <= self.target if self.bound == AT_MOST else self.measured >= self.target

    @property
    def ratio(self) -> float | None:
        """How many times as long the plain implementation takes."""
        return None if self.plain is None else self.plain / self.measured

    def columns(self) -> tuple[str, ...]:
        """The line as it is printed."""
        return (
            self.what,
            "" if self.target is None else f"{self.bound} {self.target:g}",
            f"{self.measured:.3g}",
            self.unit,
            "" if self.plain is None else f"{self.plain:.3g}",
            "" if self.ratio is None else f"{self.ratio:.1f}",
            {None: "", True: "yes", False: "NO"}[self.same],
            {None: "", True: "met", False: "NOT MET"}[self.met],
        )


HEADINGS: Final = ("what", "target", "measured", "unit", "plain", "plain / measured", "same results", "")


def report(lines: Sequence[Line], file: Path | None = None) -> None:
    """Print the machine and a table of the lines, and write both to a JSON file.

    A target that is missed does not fail the command: times belong to a machine and to what else it does.

    Raises:
        SystemExit: Some results differ from those of the plain implementation.
    """
    rows = [HEADINGS, *(line.columns() for line in lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(HEADINGS))]
    print(machine())
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
    if file is not None:
        records = [{**asdict(line), "ratio": line.ratio, "met": line.met} for line in lines]
        file.write_text(json.dumps({"machine": machine(), "lines": records}, indent=1) + "\n", encoding="utf-8")
    if different := [line.what for line in lines if line.same is False]:
        raise SystemExit(f"other results than the plain implementation's: {'; '.join(different)}")


def machine() -> str:
    """Processor, cores that may be used, load and versions."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    return f"{_processor()}, {cores} cores, load {load:.1f}; Python {platform.python_version()}, numpy {np.__version__}"


def _processor() -> str:
    try:
        described = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n")
    except OSError:
        return platform.machine()
    facts = {line.partition(":")[0].strip(): line.partition(":")[2].strip() for line in described}
    name = facts.get("model name", platform.machine())
    return f"{name} (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else name


def cpu_seconds(calls: Sequence[Callable[[Item], Any]], items: Sequence[Item], rounds: int) -> list[float]:
    """Seconds of processor time that each call takes for an item.

    Calls that are to be compared take turns, item by item, so that whatever else the machine does hits all of them.
    Who is first with an item, which is not in the processor's cache then, changes from round to round. Of every item
    the best round counts, and of a call the mean over the items.
    """
    best = np.full((len(calls), len(items)), np.inf)
    rows = deque(enumerate(calls))
    for _ in range(rounds):
        for column, item in enumerate(items):
            for row, call in rows:
                start = time.thread_time()
                call(item)
                best[row, column] = min(best[row, column], time.thread_time() - start)
        rows.rotate()
    return [float(mean) for mean in best.mean(axis=1)]
