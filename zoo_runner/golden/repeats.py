"""Golden batches among those of the samples: on every device, between chunks and at the end, in other rows each time.

A batch that is stale, or whose rows changed places, may look well by itself. These are batches of which all is known.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.golden.limits import apart
from zoo_runner.plugin.backend_facts import ForDevice
from zoo_runner.stages.predict.pipeline import chunk_size

if TYPE_CHECKING:
    from zoo_runner.golden.limits import Limits
    from zoo_runner.plugin.interfaces import Arrays, TensorSpec

SHORT_S: Final = 0.2
SHARE: Final = 0.02
"""What golden batches may take: so many seconds, or of a longer inference this part."""
SHOWN: Final = 4
"""Positions that a text names."""


@dataclass
class _Wrong:
    """What was wrong in one row of one device's batches: each output's distance, and whose row came instead."""

    worst: dict[str, float] = field(default_factory=dict)
    instead: int | None = None


@dataclass
class Repeats:
    """Makes golden batches, and looks at what comes of them. Used by one thread at a time.

    Attributes:
        devices: Their numbers.
        batch: Samples of a call.
        limits: How far outputs may be off.
        inputs: What the model takes.
        whole: Names of tensors without a batch axis.
        rows: Inputs of each golden sample; none as long as there is nothing to repeat.
        expected: What was recorded of each.
        first_s: Seconds that a call took before, where that is known.
        budgeted: Whether the time that they take is bounded.
        made: How many came back, by device; by ``None`` where nobody says which.
        spread: By output, the largest distance from what was recorded, as a part of the output's size.
    """

    devices: tuple[int, ...]
    batch: int
    limits: Limits
    inputs: tuple[TensorSpec, ...]
    whole: frozenset[str] = frozenset()
    rows: Sequence[Arrays] = ()
    expected: Sequence[Arrays] = ()
    first_s: float = 0.0
    budgeted: bool = True
    made: Counter[int | None] = field(default_factory=Counter)
    spread: dict[str, float] = field(default_factory=dict)
    _asked: deque[list[int]] = field(default_factory=deque)
    _turns: Counter[int] = field(default_factory=Counter)
    _wrong: dict[int | None, dict[int, _Wrong]] = field(default_factory=dict)
    _bad: Counter[int | None] = field(default_factory=Counter)
    _begun: int = 0
    _since: float = 0.0
    _looking_s: float = 0.0
    _each_s: float = 0.0

    def begin(self, rows: Sequence[Arrays], expected: Sequence[Arrays], first_s: float) -> None:
        """Begin to repeat golden samples: their inputs, what was recorded of them, and seconds of a call."""
        self.rows, self.expected, self.first_s, self._begun = rows, expected, first_s, 0

    def batches(self, ended: int, *, last: bool) -> Iterable[Arrays]:
        """Return what is to be inferred now: between two chunks, and at the end, as much as the time allows."""
        if not self._begun:
            self._since = time.perf_counter()
        begun, self._begun = self._begun, self._begun + 1
        every = chunk_size(self.batch) // self.batch
        if not self.rows or not (last or (begun and begun % every == 0)):
            return ()
        chosen = sorted(self.devices, key=lambda device: self._turns[device])[: self._count(ended, last=last)]
        return [self._made(device) for device in chosen]

    def take(self, outputs: Arrays) -> None:
        """Look at the outputs of the next golden batch."""
        start = time.perf_counter()
        order, device = self._asked.popleft(), getattr(outputs, "device", None)
        self.made[device] += 1
        wrong = self._wrong.setdefault(device, {})
        bad = False
        for row, which in enumerate(order):
            found = {name: array if name in self.whole else array[row] for name, array in outputs.items()}
            far = apart(found, self.expected[which])
            self.spread |= {name: max(value, self.spread.get(name, 0.0)) for name, value in far.items()}
            if beyond := self.limits.too_far(far):
                bad = True
                here = wrong.setdefault(row, _Wrong())
                here.worst |= {name: max(value, here.worst.get(name, 0.0)) for name, value in beyond.items()}
                here.instead = self._source_of(found, which, order)
        self._bad[device] += bad
        self._looking_s += time.perf_counter() - start

    def findings(self) -> list[str]:
        """Say of each device in which rows of the batch its outputs were wrong."""
        texts = []
        for device, rows in self._wrong.items():
            if rows:
                listed = [self._row(row, rows[row]) for row in sorted(rows)]
                more = ", …" if len(listed) > SHOWN else ""
                who = "the device" if device is None else f"device {device}"
                texts.append(
                    f"{who} gave other outputs for {self._bad[device]} of {self.made[device]} golden batches among the "
                    f"others: {', '.join(listed[:SHOWN])}{more}"
                )
        return texts

    @property
    def why_none(self) -> str:
        """Why none was made; empty where some were, or there was nothing to repeat."""
        if not self.rows or self.made.total() or not self._each_s:
            return ""
        return f"no golden batch was repeated: one takes {self._each_s:.2g} s, too much of this run"

    def _count(self, ended: int, *, last: bool) -> int:
        """Return how many the time has room for; before the end, room for one on each device is left."""
        count = len(self.devices)
        if not self.budgeted:
            return count
        took = time.perf_counter() - self._since
        self._each_s = each = took / ended if ended else self.first_s / count
        if not each:
            return count
        left = max(SHORT_S, SHARE * took) - self._looking_s - each * self._turns.total()
        return max(0, min(count, int(left / each) - (0 if last else count)))

    def _made(self, device: int) -> ForDevice:
        shift = self._turns[device] + self.devices.index(device)
        self._turns[device] += 1
        order = [(row + shift) % len(self.rows) for row in range(self.batch)]
        self._asked.append(order)
        return ForDevice({spec.name: self._joined(spec.name, order) for spec in self.inputs}, device)

    def _joined(self, name: str, order: Sequence[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        return self.rows[order[0]][name] if name in self.whole else np.stack([self.rows[each][name] for each in order])

    def _source_of(self, found: Arrays, which: int, order: Sequence[int]) -> int | None:
        """Return the row that these outputs should have come in; ``None`` if they are of no other sample."""
        for row, other in enumerate(order):
            if other != which and not self.limits.beyond(found, self.expected[other]):
                return row
        return None

    def _row(self, row: int, wrong: _Wrong) -> str:
        if wrong.instead is not None:
            return f"position {row} of the batch has those of position {wrong.instead}"
        return f"position {row} of the batch ({_listed(wrong.worst)})"


def _listed(worst: Mapping[str, float]) -> str:
    return ", ".join(f"{name} by {value:.2g}" for name, value in worst.items())
