"""One device as seen from outside its process: calls with a time limit, and why it was lost."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from zoo_runner.backends.device_worker import Done, Failed, Infer, OpenSession, Task, Time, serve
from zoo_runner.backends.shared_arrays import SharedArrays, SharedLog
from zoo_runner.process import telling

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from zoo_runner.interfaces import Arrays, SessionRequest

_WATCHDOG_EXTRA_S = 60.0
_DEATH_S = 5.0
_QUOTED_LINES = 6


class DeviceLostError(Exception):
    """A device cannot be used any more; the text says why.

    Attributes:
        prerequisite: Whether something is not installed.
        silent: Whether its process did not answer, and so will not release the device by itself either.
    """

    def __init__(self, reason: str, *, prerequisite: bool = False, silent: bool = False) -> None:
        super().__init__(reason)
        self.prerequisite = prerequisite
        self.silent = silent


class DeviceProcess:
    """The process of one device.

    Args:
        open_session: Opens the model there.
        request: With the one device.
        timeout_s: Longest time for a call; the process ends itself some time after that.
    """

    def __init__(self, open_session: OpenSession, request: SessionRequest, timeout_s: float) -> None:
        (self.number,) = request.devices
        self._inputs = SharedArrays(request.inputs, request.batch)
        self._outputs = SharedArrays(request.outputs, request.batch)
        self._log = SharedLog()
        self._task = Task(open_session, request, self._inputs, self._outputs, self._log, timeout_s + _WATCHDOG_EXTRA_S)
        context = multiprocessing.get_context("spawn")  # a fork would copy this process's threads' locks
        self._connection, self._other_end = context.Pipe()
        self._process = context.Process(
            target=serve, args=(self._other_end, self._task), name=f"device {self.number}", daemon=True
        )

    def start(self) -> None:
        """Start the process; it begins to load the model."""
        self._process.start()
        self._other_end.close()  # so that the end of the process ends the connection

    def wait_open(self, timeout_s: float) -> None:
        """Wait until the model is loaded.

        Raises:
            DeviceLostError: It could not be.
        """
        self._answer(timeout_s, "loading the model")

    def load(self, inputs: Arrays) -> None:
        """Put the inputs of the next calls where the process finds them."""
        self._inputs.fill(inputs)

    def call(self, message: Infer | Time, timeout_s: float) -> Done:
        """Run the loaded inputs.

        Raises:
            DeviceLostError: The call failed or did not end, or the process is gone.
        """
        with contextlib.suppress(OSError):  # a process that is gone; waiting for its answer says so
            self._connection.send(message)
        return self._answer(timeout_s, "inference")

    def results(self) -> Arrays:
        """Return the outputs of the last call."""
        return self._outputs.copies()

    def kill(self) -> None:
        """End the process whatever it does."""
        if self._process.pid is not None:
            self._process.kill()

    def stop(self, grace_s: float) -> None:
        """Let the process release its device, then end it, and free what it shared. May be repeated."""
        self._connection.close()
        self._other_end.close()
        if self._process.pid is not None:
            self._process.join(grace_s)
            self._process.kill()
            self._process.join(_DEATH_S)
        for shared in (self._inputs, self._outputs, self._log):
            shared.close()

    def _answer(self, timeout_s: float, what: str) -> Done:
        connection: Connection = self._connection
        if not wait([connection, self._process.sentinel], timeout_s):
            raise DeviceLostError(f"{what} did not end within {timeout_s:g} s{self._printed()}", silent=True)
        try:
            answer = connection.recv() if connection.poll() else None
        except (EOFError, OSError):
            answer = None
        if isinstance(answer, Done):
            return answer
        if isinstance(answer, Failed):
            raise DeviceLostError(f"{answer.reason}{self._printed()}", prerequisite=answer.prerequisite)
        self._process.join(_DEATH_S)
        raise DeviceLostError(f"{what}: its process {self._death()}{self._printed()}")

    def _death(self) -> str:
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended by itself (exit code {code})"

    def _printed(self) -> str:
        """Quote what the tool printed about it; its exceptions often say no more than 'general failure'."""
        quoted = " / ".join(telling(self._log.tail())[-_QUOTED_LINES:])
        return f" (printed: {quoted})" if quoted else ""
