"""The process that has one device to itself.

A device gets a process of its own, also when there is only one: the real runtime can be initialised once in a
process and not again after ``finalize``, prints its errors from C, and may crash or hang in native code.

Between two batches the device waits for nobody: what it is to do next is here already, in the other slot, and what
it has done is copied by a thread of its own. The session is used by one thread only, the one that opened it, as
the real runtime wants it.
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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection, wait
from typing import TypeAlias

from zoo_runner.backends.devices.shared_arrays import Layout, SharedArrays, SharedLog
from zoo_runner.errors import PrerequisiteError
from zoo_runner.plugin.interfaces import Arrays, Session, SessionRequest, Timings

OpenSession: TypeAlias = Callable[[SessionRequest], Session]
"""Opens a model on the one device of the request; importable by name, so that a new process can get it."""

BUGS = (AttributeError, NameError, TypeError, AssertionError)
"""Errors that no device causes, whatever its state."""
_LOG_LIMIT = 1 << 20
_GRACE_S = 5.0


@dataclass(frozen=True)
class Slot:
    """Room for one call, as one of the two sides sees it.

    Attributes:
        inputs: Where its inputs are.
        outputs: Where its outputs go.
        connection: What it is asked and answered through; one call at a time.
    """

    inputs: SharedArrays
    outputs: SharedArrays
    connection: Connection


@dataclass(frozen=True)
class Task:
    """What the process is there for.

    Attributes:
        open_session: Opens the model.
        request: With one device.
        slots: The calls that can be here at the same time; they are done one after the other.
        log: Where everything printed goes.
        watchdog_s: A call that takes longer ends the process, even if native code hangs in it.
    """

    open_session: OpenSession
    request: SessionRequest
    slots: tuple[Slot, ...]
    log: SharedLog
    watchdog_s: float


@dataclass(frozen=True)
class Infer:
    """Ask for one batch.

    Attributes:
        layout: The shapes of its inputs.
    """

    layout: Layout


@dataclass(frozen=True)
class Time:
    """Ask for compute times.

    Attributes:
        layout: The shapes of the inputs.
        warmup: How often they are computed before.
        loop: How often they are computed.
    """

    layout: Layout
    warmup: int
    loop: int


NO_TIMES = Timings(compute_ms=())


@dataclass(frozen=True)
class Done:
    """The call succeeded.

    Attributes:
        times: How long it took, where that was asked for.
        layout: The shapes of its outputs.
    """

    times: Timings = NO_TIMES
    layout: Layout = field(default_factory=dict)


@dataclass(frozen=True)
class Failed:
    """The call failed; the device is not to be used again.

    Attributes:
        reason: Why.
        prerequisite: Whether something is not installed, or is another release.
        ours: Whether it failed in code that no device has a part in.
    """

    reason: str
    prerequisite: bool = False
    ours: bool = False


def serve(task: Task) -> None:
    """Open the model, answer calls until the other side is gone, and release the device.

    That the model is open is said in the first slot, and what ends the work too early in all of them.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business; it closes the connections
    task.log.capture()
    threading.Thread(target=_follow_parent, daemon=True).start()
    session: Session | None = None
    try:
        with _watched(task.watchdog_s):
            session = task.open_session(task.request)
        _answer(task.slots[0], Done())
        with ThreadPoolExecutor(1, thread_name_prefix="answers") as answers:
            for slot, call in _calls(task.slots):
                with _watched(task.watchdog_s):
                    outputs, done = _run(session, slot, call)
                answers.submit(_deliver, slot, outputs, done)
                task.log.trim(_LOG_LIMIT)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other side must hear of it
        for slot in task.slots:
            _answer(slot, _failure(error))
    finally:
        with _watched(task.watchdog_s):
            if session is not None:
                session.close()


def _calls(slots: Sequence[Slot]) -> Iterator[tuple[Slot, Infer | Time]]:
    """Yield what is asked for, until the other side is gone."""
    asked = {slot.connection: slot for slot in slots}
    with contextlib.suppress(EOFError):
        while True:
            for connection in wait(list(asked)):
                slot = asked[connection]  # type: ignore[index] # of what may be waited for, these are connections
                yield slot, slot.connection.recv()


def _run(session: Session, slot: Slot, call: Infer | Time) -> tuple[Arrays, Done]:
    inputs = slot.inputs.views(call.layout)
    if isinstance(call, Time):
        return {}, Done(session.time(inputs, warmup=call.warmup, loop=call.loop))
    return session.infer(inputs), Done()


def _deliver(slot: Slot, outputs: Arrays, done: Done) -> None:
    """Reply, after putting the outputs where the other side finds them; the next call may be at work meanwhile."""
    try:
        if outputs:
            done = replace(done, layout=slot.outputs.fill(outputs))
    except Exception as error:  # noqa: BLE001 - likewise
        _answer(slot, _failure(error))
    else:
        _answer(slot, done)


def _failure(error: Exception) -> Failed:
    if isinstance(error, BUGS):
        return Failed(f"{type(error).__name__}: {error}", ours=True)
    text = str(error) or type(error).__name__
    return Failed(text, prerequisite=isinstance(error, PrerequisiteError))


def _answer(slot: Slot, answer: Done | Failed) -> None:
    if isinstance(answer, Failed):
        ctypes.CDLL(None).fflush(None)  # the tool's own words are still in C's buffers
    with contextlib.suppress(BrokenPipeError):  # the parent is gone
        slot.connection.send(answer)


@contextlib.contextmanager
def _watched(seconds: float) -> Iterator[None]:
    """End the process if the block takes longer, even if native code hangs in it."""
    # A thread of Python's could not run while native code holds the interpreter's lock; this one can.
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def _follow_parent() -> None:
    """End with the parent: usually the closed connection does it; this is for a call that never returns."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        time.sleep(_GRACE_S)
        os._exit(1)
