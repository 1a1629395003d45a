"""Iterators that work in threads. They keep the order, hold a bounded number of items, and end with their consumer.

An exception keeps its place in the sequence: what comes before it is still delivered, so that which error a run
ends with, and what it had finished by then, depend on the data and not on the schedule.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Generic, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def batched(items: Iterable[In], size: int) -> Iterator[tuple[In, ...]]:
    """Cut into tuples of ``size``, the last one possibly shorter."""
    rest = iter(items)
    while group := tuple(itertools.islice(rest, size)):
        yield group


def ordered(
    pool: ThreadPoolExecutor, call: Callable[[In], Out], items: Iterable[In], *, ahead: int
) -> Generator[Out, None, None]:
    """Map in order on a pool, never more than ``ahead`` items before the consumer."""
    waiting: deque[Future[Out]] = deque()
    rest = UntilError(items)
    try:
        waiting.extend(pool.submit(call, item) for item in itertools.islice(rest, ahead))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(call, item) for item in itertools.islice(rest, 1))
        rest.check()
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def buffered(items: Iterator[Out], *, ahead: int, name: str) -> Iterator[Iterator[Out]]:
    """Run an iterator in a thread of its own, never more than ``ahead`` items before the consumer.

    Leaving the block ends the thread as soon as the item it is making is made, and closes a generator there.

    Args:
        items: Used by the thread alone from here on.
        ahead: Items that wait at most; the next one is begun when there is room for it.
        name: Of the thread.
    """
    channel: _Channel[Out] = _Channel(ahead)
    thread = threading.Thread(target=_pump, args=(items, channel), name=name, daemon=True)
    try:
        thread.start()
        yield channel
    finally:
        channel.stop()
        thread.join()


@contextmanager
def closed(items: Iterator[Out]) -> Iterator[Iterator[Out]]:
    """Close a generator on leaving the block; other iterators have nothing to close."""
    try:
        yield items
    finally:
        if isinstance(items, Generator):
            items.close()


class UntilError(Generic[Out]):
    """An iterator that ends where another one raises, and raises that error when it is asked to.

    For consumers that would drop what they have at hand if their source raised.
    """

    def __init__(self, items: Iterable[Out]) -> None:
        self._items = iter(items)
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Out]:
        return self

    def __next__(self) -> Out:
        if self._error is not None:
            raise StopIteration
        try:
            return next(self._items)
        except StopIteration:
            raise
        except Exception as error:  # noqa: BLE001 - check() raises it
            self._error = error
            raise StopIteration from None

    def check(self) -> None:
        """Raise the error, if there was one."""
        if self._error is not None:
            raise self._error


class _Channel(Generic[Out]):
    """A bounded queue between two threads that either side can end. It holds no item that was taken."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._changed = threading.Condition()
        self._items: deque[Out] = deque()
        self._ended = False
        self._stopped = False
        self._error: BaseException | None = None

    def wants_more(self) -> bool:
        """Wait until there is room; whether anyone still wants an item."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._items) < self._room)
            return not self._stopped

    def put(self, item: Out) -> None:
        """Add an item; only after :meth:`wants_more`."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def end(self, error: BaseException | None = None) -> None:
        """Say that no item follows, or that an error does."""
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    def stop(self) -> None:
        """Say that no item is wanted any more, and let go of those that wait."""
        with self._changed:
            self._stopped = True
            self._items.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Out]:
        return self

    def __next__(self) -> Out:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._ended)
            if self._items:
                self._changed.notify_all()
                return self._items.popleft()
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration


def _pump(items: Iterator[Out], channel: _Channel[Out]) -> None:
    """Make items while they are wanted."""
    error: BaseException | None = None
    try:
        with closed(items), suppress(StopIteration):
            while channel.wants_more():
                channel.put(next(items))  # no name for the item: it would stay alive while the next one is made
    except BaseException as raised:  # noqa: BLE001 - the consumer raises it
        error = raised
    channel.end(error)
