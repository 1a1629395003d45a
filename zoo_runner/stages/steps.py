"""What a long stage is doing at the moment, for whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

Track: TypeAlias = Callable[[str, "int | None", str], AbstractContextManager[Callable[[int], None]]]
"""As :meth:`zoo_runner.plugin.interfaces.Progress.track`."""
_TRACK: Final[ContextVar[Track | None]] = ContextVar("track", default=None)


@contextmanager
def shown_by(track: Track) -> Iterator[None]:
    """Have the steps inside the block shown by ``track``."""
    before = _TRACK.set(track)
    try:
        yield
    finally:
        _TRACK.reset(before)


@contextmanager
def step(label: str, total: int | None = None, unit: str = "") -> Iterator[Callable[[int], None]]:
    """Show what is done inside the block; where nobody shows steps, nothing.

    Yields:
        A function that counts finished units.
    """
    track = _TRACK.get()
    if track is None:
        yield lambda _: None
    else:
        with track(label, total, unit) as advance:
            yield advance
