"""The process that has one device to itself.

A device gets a process of its own, also when there is only one: the real runtime can be initialised once in a
process and not again after ``finalize``, prints its errors from C, and may crash or hang in native code.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias

from zoo_runner.backends.shared_arrays import SharedArrays, SharedLog
from zoo_runner.errors import PrerequisiteError
from zoo_runner.interfaces import Session, SessionRequest, Timings

OpenSession: TypeAlias = Callable[[SessionRequest], Session]
"""Opens a model on the one device of the request; importable by name, so that a new process can get it."""

_LOG_LIMIT = 1 << 20
_GRACE_S = 5.0


@dataclass(frozen=True)
class Task:
    """What the process is there for.

    Attributes:
        open_session: Opens the model.
        request: With one device.
        inputs: Where the inputs of each call are.
        outputs: Where its outputs go.
        log: Where everything printed goes.
        watchdog_s: A call that takes longer ends the process, even if native code hangs in it.
    """

    open_session: OpenSession
    request: SessionRequest
    inputs: SharedArrays
    outputs: SharedArrays
    log: SharedLog
    watchdog_s: float


@dataclass(frozen=True)
class Infer:
    """Ask for one batch."""


@dataclass(frozen=True)
class Time:
    """Ask for compute times."""

    warmup: int
    loop: int


NO_TIMES = Timings(compute_ms=())


@dataclass(frozen=True)
class Done:
    """The call succeeded."""

    times: Timings = NO_TIMES


@dataclass(frozen=True)
class Failed:
    """The call failed; the device is not to be used again."""

    reason: str
    prerequisite: bool = False


def serve(connection: Connection, task: Task) -> None:
    """Open the model, answer calls until the other side is gone, and release the device."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; it closes the connection
    task.log.capture()
    threading.Thread(target=_follow_parent, daemon=True).start()
    session: Session | None = None
    try:
        _arm(task.watchdog_s)
        session = task.open_session(task.request)
        _answer(connection, Done())
        with contextlib.suppress(EOFError):
            while True:
                call = connection.recv()
                _arm(task.watchdog_s)
                _answer(connection, _call(session, task, call))
                task.log.trim(_LOG_LIMIT)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side must hear of it
        _answer(connection, _failure(error))
    finally:
        _arm(task.watchdog_s)
        if session is not None:
            session.close()
        faulthandler.cancel_dump_traceback_later()


def _call(session: Session, task: Task, call: Infer | Time) -> Done:
    if isinstance(call, Time):
        return Done(session.time(task.inputs.arrays, warmup=call.warmup, loop=call.loop))
    task.outputs.fill(session.infer(task.inputs.arrays))
    return Done()


def _failure(error: Exception) -> Failed:
    text = str(error) or type(error).__name__
    return Failed(text, prerequisite=isinstance(error, PrerequisiteError))


def _answer(connection: Connection, answer: Done | Failed) -> None:
    """Reply; nothing native is running now, so the watchdog sleeps."""
    faulthandler.cancel_dump_traceback_later()
    if isinstance(answer, Failed):
        ctypes.CDLL(None).fflush(None)  # the tool's own words are still in C's buffers
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        connection.send(answer)


def _arm(seconds: float) -> None:
    # A thread of Python's could not run while native code holds the interpreter's lock; this one can.
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)


def _follow_parent() -> None:
    """End with the parent: usually the closed connection does it; this is for a call that never returns."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        time.sleep(_GRACE_S)
        os._exit(1)
