"""How long each kind of work was busy, where several go on at once."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Clocks:
    """Busy seconds by kind of work, summed over the threads that do it."""

    seconds: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def measure(self, work: str) -> AbstractContextManager[None]:
        """Add the time the block takes."""
        return self._timed(work, 1)

    def pause(self, work: str) -> AbstractContextManager[None]:
        """Leave out the time the block takes of what encloses it."""
        return self._timed(work, -1)

    def each(self, work: str, items: Iterator[Item]) -> Iterator[Item]:
        """Pass items through, adding the time it takes to get them."""
        while True:
            with self.measure(work):
                item = next(items, None)
            if item is None:
                return
            yield item

    @contextmanager
    def _timed(self, work: str, sign: int) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = sign * (time.perf_counter() - start)
            with self._lock:
                self.seconds[work] += seconds  # type: ignore[assignment] # Counter is typed for int
