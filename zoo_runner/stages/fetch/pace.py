"""End what is too slow to finish: a byte now and then keeps a connection alive for ever."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from zoo_runner.stages.fetch.limits import SLOWEST

if TYPE_CHECKING:
    import requests

_T = TypeVar("_T")


class Pace:
    """Watches a transfer, and closes its connection when a window of time brings less than ``SLOWEST`` allows.

    A watch of its own is needed: a read returns only when it has all it wants, or when nothing came at all for long.

    Attributes:
        slow: Whether the connection was closed.
        window_s: Length of the window in seconds.
    """

    def __init__(self, window_s: float) -> None:
        self.window_s = window_s
        self.slow = False
        self._received = 0
        self._over = threading.Event()

    def count(self, received: int) -> None:
        """Note that so many bytes came."""
        self._received += received

    @contextmanager
    def kept(self, response: requests.Response) -> Iterator[None]:
        """Watch the body of an answer while the block reads it."""
        try:
            descriptor = os.dup(response.raw.fileno())
        except (OSError, AttributeError, ValueError):  # all of it is here already
            yield
            return
        watch = threading.Thread(target=self._watch, args=(descriptor,), name="pace", daemon=True)
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            watch.join()

    def _watch(self, descriptor: int) -> None:
        with socket.socket(fileno=descriptor) as connection:
            before = 0
            while not self._over.wait(self.window_s):
                now = self._received
                if now - before < SLOWEST * self.window_s:
                    self.slow = True
                    with suppress(OSError):  # the server closed it meanwhile
                        connection.shutdown(socket.SHUT_RDWR)
                    return
                before = now


class _Answer(Generic[_T]):
    """What a call in another thread returned or raised."""

    def __init__(self, value: _T | None = None, error: BaseException | None = None) -> None:
        self.value, self.error = value, error


def within(limit_s: float, call: Callable[[], _T], too_late: Callable[[_T], object]) -> _T:
    """Return what a call returns, if it does so in time.

    Args:
        limit_s: The longest time. The call then goes on in a thread that nobody waits for.
        call: Is made in another thread.
        too_late: Is given what the call returns after that.

    Raises:
        TimeoutError: It took longer.
    """
    answers: SimpleQueue[_Answer[_T]] = SimpleQueue()
    lock, left = threading.Lock(), threading.Event()

    def work() -> None:
        try:
            answer = _Answer(call())
        except BaseException as error:  # noqa: BLE001 - is raised where it is waited for
            answer = _Answer[_T](error=error)
        with lock:
            if left.is_set() and answer.value is not None:
                too_late(answer.value)
            answers.put(answer)

    threading.Thread(target=work, name="request", daemon=True).start()
    try:
        answer = answers.get(timeout=limit_s)
    except Empty:
        with lock:
            left.set()
            if answers.empty():
                raise TimeoutError from None
            answer = answers.get()
    if answer.error is not None:
        raise answer.error
    return answer.value  # type: ignore[return-value] # without an error there is a value, which may be None
