"""The progress of a run, for people at a terminal or reading a CI log."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn
from rich.text import Text

from zoo_runner.language.spoken import mark, said
from zoo_runner.terminal.console import Detail, console, literal

if TYPE_CHECKING:
    from rich.progress import Task

EVERY: Final = 30.0
"""Seconds between two lines on the same work where there are no bars."""
BYTES: Final = "B"
WINDOW: Final = 30
"""Seconds that the rate is over: what was found done already must not make the rest look fast."""
UNKNOWN: Final = "-:--"
NOTABLE: Final = 1.0
"""Seconds from which on it is worth a line that work without a unit is done."""
_MB: Final = 1e6
_FAST: Final = 10.0


class Terminal:
    """Progress on standard error: bars at a terminal, plain lines in a log, nothing when quiet."""

    def __init__(self, detail: Detail = Detail.NORMAL, *, every: float = EVERY) -> None:
        self._console = console(stderr=True)
        self._quiet = detail is Detail.QUIET
        self._every = every
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Figures(),
            console=self._console,
            transient=True,
        )
        self._open = 0

    @contextmanager
    def track(self, label: str, total: int | None, unit: str) -> Iterator[Callable[[int], None]]:
        """Show a bar, or in a log a line now and then, and one when the work is done.

        Work without a unit, of which nobody knows how far it is, shows how long it takes.
        """
        work = _Work(label=label, total=total, unit=unit)
        with self._bar(work) as advance:
            yield advance
        if unit:
            self.note(f"{label}: {amount(work.done, unit)} in {work.seconds:.1f} s")
        elif work.seconds >= NOTABLE:
            self._print(f"{said(label)}{mark(': ')}{work.seconds:.1f} s")

    def note(self, text: str) -> None:
        """Print a line."""
        self._print(said(text))

    def warn(self, text: str) -> None:
        """Print a warning."""
        if not self._quiet:
            self._console.print(f"[bold yellow]{said('warning')}{mark(': ')}[/]{literal(said(text))}", soft_wrap=True)

    def _print(self, text: str) -> None:
        if not self._quiet:
            self._console.print(literal(text), style="dim", soft_wrap=True)

    @contextmanager
    def _bar(self, work: _Work) -> Iterator[Callable[[int], None]]:
        if self._quiet or not self._console.is_terminal:
            yield lambda amount: self._count(work, amount)
            return
        task = self._bars.add_task(literal(said(work.label)), total=work.total, work=work)
        self._open += 1
        self._bars.start()

        def count(amount: int) -> None:
            work.add(amount)
            self._bars.update(task, advance=amount)

        try:
            yield count
        finally:
            self._bars.remove_task(task)
            self._open -= 1
            if not self._open:
                self._bars.stop()

    def _count(self, work: _Work, amount: int) -> None:
        if work.add(amount, every=self._every):
            self._print(f"{said(work.label)}{mark(': ')}{work.figures()}")


@dataclass
class _Work:
    """How far some work is. Several threads may add to it."""

    label: str
    total: int | None
    unit: str
    done: int = 0
    start: float = field(default_factory=time.perf_counter)
    said: float = field(default_factory=time.perf_counter)
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=WINDOW))
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.start

    @property
    def rate(self) -> float:
        """Units a second, lately."""
        since, before = self.recent[0] if len(self.recent) == WINDOW else (self.start, 0)
        span = time.perf_counter() - since
        return (self.done - before) / span if span else 0.0

    def add(self, amount: int, *, every: float = float("inf")) -> bool:
        """Add finished units; say whether ``every`` seconds have passed since that was last so."""
        with self.lock:
            now = time.perf_counter()
            if not self.recent or now - self.recent[-1][0] >= 1:
                self.recent.append((now, self.done))
            self.done += amount
            due = now - self.said >= every
            if due:
                self.said = now
            return due

    def figures(self) -> str:
        """Write the amount, the rate and the time left."""
        if not self.unit:
            return duration(self.seconds)
        of = "" if self.total is None else f"{_number(self.total, self.unit)} "
        done = f"{_number(self.done, self.unit)}/{of}" if of else f"{_number(self.done, self.unit)} "
        rate = self.rate
        text = f"{done}{said(_named(self.unit))}"
        if rate:
            text += f", {_number(rate, self.unit)} {said(_named(self.unit))}/s"
        if self.total is not None:
            text += f", {said('eta')} {duration((self.total - self.done) / rate) if rate else UNKNOWN}"
        return text


class _Figures(ProgressColumn):
    """The amount, the rate and the time left."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        work: _Work = task.fields["work"]
        return Text(work.figures(), style="progress.remaining", no_wrap=True)


def amount(count: float, unit: str) -> str:
    """Write an amount with its unit; bytes as MB."""
    return f"{_number(count, unit)} {_one(count, _named(unit))}"


def duration(seconds: float) -> str:
    """Write a time span as ``h:mm:ss`` or ``m:ss``."""
    minutes, left = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def _named(unit: str) -> str:
    return "MB" if unit == BYTES else unit


def _one(count: float, unit: str) -> str:
    """Return a noun as it stands behind a number; of some plurals nobody knows the singular."""
    return unit.removesuffix("s") if count == 1 and not unit.endswith(("ses", "xes", "ches", "shes")) else unit


def _number(count: float, unit: str) -> str:
    if unit == BYTES:
        return f"{count / _MB:.1f}"
    return f"{count:.1f}" if isinstance(count, float) and count < _FAST else f"{count:.0f}"
