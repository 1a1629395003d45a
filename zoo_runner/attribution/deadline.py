"""The time that a search may take which nobody asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

LIMIT_S: Final = 30.0
"""Seconds that a search may take by itself."""


class OutOfTimeError(Exception):
    """A search that nobody asked for has taken its time."""


@dataclass(frozen=True)
class Deadline:
    """When a search ends; ``None`` where it takes the time that it needs.

    It is looked at between samples: one that takes long is not interrupted.
    """

    end: float | None = None

    @classmethod
    def of(cls, explain: str, seconds: float) -> Deadline:
        """Return the deadline of a search that begins now."""
        return cls(None if explain == "always" else time.monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds that are left; infinite without an end."""
        return float("inf") if self.end is None else self.end - time.monotonic()

    def check(self) -> None:
        """Go on only in time.

        Raises:
            OutOfTimeError: It is over.
        """
        if self.left < 0:
            raise OutOfTimeError

    def over(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the items as long as there is time.

        Raises:
            OutOfTimeError: It is over.
        """
        for item in items:
            self.check()
            yield item
