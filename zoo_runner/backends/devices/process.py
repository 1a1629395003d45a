"""One device as seen from outside its process: calls with a time limit, and why it was lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from zoo_runner.backends.devices.shared_arrays import Layout, SharedArrays, SharedLog
from zoo_runner.backends.devices.worker import Done, Failed, Infer, OpenSession, Slot, Task, Time, serve
from zoo_runner.errors import InferenceError, PrerequisiteError, ZooError
from zoo_runner.process import telling

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest

SLOTS = 2
"""Calls that a process can have at hand: while one is computed, the inputs of the next are copied in, and the outputs
of the one before out."""
_WATCHDOG_EXTRA_S = 60.0
_DEATH_S = 5.0
_QUOTED_LINES = 6


class DeviceLostError(Exception):
    """A device cannot be used any more; the text says why.

    Attributes:
        prerequisite: Whether something is not installed.
        silent: Whether its process did not answer, and so will not release the device by itself either.
        ours: Whether code failed that no device has a part in.
    """

    def __init__(self, reason: str, *, prerequisite: bool = False, silent: bool = False, ours: bool = False) -> None:
        super().__init__(reason)
        self.prerequisite = prerequisite
        self.silent = silent
        self.ours = ours

    @property
    def fault(self) -> ZooError | None:
        """What to raise where the device is not to blame, and another one would do no better; ``None`` if it is."""
        if self.prerequisite:
            return PrerequisiteError(str(self))
        if self.ours:
            return InferenceError(f"{self}: zoo-run failed beside the device, which is not to blame; report this")
        return None


class DeviceProcess:
    """The process of one device. Calls in different slots may come from different threads.

    Args:
        open_session: Opens the model there.
        request: With the one device.
        timeout_s: Longest time for a call; the process ends itself some time after that.
    """

    def __init__(self, open_session: OpenSession, request: SessionRequest, timeout_s: float) -> None:
        (self.number,) = request.devices
        self._log = SharedLog()
        context = multiprocessing.get_context("spawn")  # a fork would copy this process's threads' locks
        most = request.shapes.most if request.shapes else None
        ours, theirs = [], []
        for _ in range(SLOTS):
            inputs = SharedArrays(request.inputs, request.batch, most)
            outputs = SharedArrays(request.outputs, request.batch, most)
            near, far = context.Pipe()
            ours.append(Slot(inputs, outputs, near))
            theirs.append(Slot(inputs, outputs, far))
        self._slots, self._other_ends = tuple(ours), tuple(slot.connection for slot in theirs)
        task = Task(open_session, request, tuple(theirs), self._log, timeout_s + _WATCHDOG_EXTRA_S)
        self._process = context.Process(target=serve, args=(task,), name=f"device {self.number}", daemon=True)
        self._reaping = threading.Lock()
        self._heard = time.monotonic()

    def start(self) -> None:
        """Start the process; it begins to load the model."""
        self._process.start()
        for end in self._other_ends:
            end.close()  # so that the end of the process ends the connection

    def wait_open(self, timeout_s: float) -> None:
        """Wait until the model is loaded.

        Raises:
            DeviceLostError: It could not be.
        """
        self._answer(0, timeout_s, "loading the model")

    def load(self, slot: int, inputs: Arrays) -> Layout:
        """Put the inputs of a slot's next calls where the process finds them, and return their shapes."""
        return self._slots[slot].inputs.fill(inputs)

    def call(self, slot: int, message: Infer | Time, timeout_s: float) -> Done:
        """Run the loaded inputs, after the call that may be going on in another slot.

        Raises:
            DeviceLostError: The call failed or did not end, or the process is gone.
        """
        with contextlib.suppress(OSError):  # a process that is gone; waiting for its answer says so
            self._slots[slot].connection.send(message)
        return self._answer(slot, timeout_s, "inference")

    def results(self, slot: int, layout: Layout) -> Arrays:
        """Return the outputs of a slot's last call, which answered with their shapes."""
        return self._slots[slot].outputs.copies(layout)

    def kill(self) -> None:
        """End the process whatever it does."""
        if self._process.pid is not None:
            self._process.kill()

    def stop(self, grace_s: float) -> None:
        """Let the process release its device, then end it, and free what it shared. May be repeated."""
        for connection in (*(slot.connection for slot in self._slots), *self._other_ends):
            connection.close()
        if self._process.pid is not None:
            with self._reaping:
                self._process.join(grace_s)
                self._process.kill()
                self._process.join(_DEATH_S)
        for slot in self._slots:
            slot.inputs.close()
            slot.outputs.close()
        self._log.close()

    def _answer(self, slot: int, timeout_s: float, what: str) -> Done:
        connection, asked = self._slots[slot].connection, time.monotonic()
        # The time of a call that had to wait for another one begins when that one was answered.
        while not wait([connection, self._process.sentinel], max(0.0, self._left(asked, timeout_s))):
            if self._left(asked, timeout_s) <= 0:
                raise DeviceLostError(f"{what} did not end within {timeout_s:g} s{self._printed()}", silent=True)
        self._heard = time.monotonic()
        try:
            answer = connection.recv() if connection.poll() else None
        except (EOFError, OSError):
            answer = None
        if isinstance(answer, Done):
            return answer
        if isinstance(answer, Failed):
            raise DeviceLostError(
                f"{answer.reason}{self._printed()}", prerequisite=answer.prerequisite, ours=answer.ours
            )
        raise DeviceLostError(f"{what}: its process {self._death()}{self._printed()}")

    def _left(self, asked: float, timeout_s: float) -> float:
        return max(asked, self._heard) + timeout_s - time.monotonic()

    def _death(self) -> str:
        with self._reaping:  # the exit code goes to whoever asks first; another thread would be told there is none
            self._process.join(_DEATH_S)
            code = self._process.exitcode
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended by itself (exit code {code})"

    def _printed(self) -> str:
        """Quote what the tool printed about it; its exceptions often say no more than 'general failure'."""
        quoted = " / ".join(telling(self._log.tail())[-_QUOTED_LINES:])
        return f" (printed: {quoted})" if quoted else ""
