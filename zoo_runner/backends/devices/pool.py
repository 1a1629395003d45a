"""Several devices as one session: batches go to whichever device is free, results come back in order.

A device that fails, crashes or hangs is given up and named; what it was working on is done again by another
one. As each batch is computed by the same model whatever the device, the results do not depend on the schedule.

Every slot of every device has a thread here, so that one copies inputs in or outputs out while the device computes
for the other.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo_runner.backends.devices.call_sizes import call_sizes
from zoo_runner.backends.devices.process import SLOTS, DeviceLostError, DeviceProcess
from zoo_runner.backends.devices.worker import Infer, OpenSession, Time
from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import DeviceArrays, Timings

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, SessionRequest

INFER_TIMEOUT_S = 120.0
"""A batch takes a fraction of a second on an NPU; a device that needs longer than this hangs."""
OPEN_TIMEOUT_S = 300.0
_GRACE_S = 5.0


@dataclass
class _Job:
    """Work for any slot of any device, or of one while it is there; it may have to be done again by another."""

    run: Callable[[DeviceProcess, int], Any]
    result: Future[Any]
    device: int | None = None


class DevicePool:
    """A session on all devices of a request; each has a process of its own. May be used from several threads.

    Args:
        open_session: Opens the model on one device, in that device's process.
        request: The model and the devices.
        timeout_s: Longest time for one batch.
        open_timeout_s: Longest time for loading the model.

    Raises:
        InferenceError: No device could load the model.
        PrerequisiteError: No device could, because something is not installed.
    """

    def __init__(
        self,
        open_session: OpenSession,
        request: SessionRequest,
        *,
        timeout_s: float = INFER_TIMEOUT_S,
        open_timeout_s: float = OPEN_TIMEOUT_S,
    ) -> None:
        self._request = request
        self._timeout_s = timeout_s
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._busy: Counter[int] = Counter()
        self._lost: dict[int, str] = {}
        self._closed = False
        self._threads: list[tuple[threading.Thread, DeviceProcess]] = []
        self._devices = [
            DeviceProcess(open_session, replace(request, devices=(device,)), timeout_s)
            for device in dict.fromkeys(request.devices)
        ]
        try:
            self._open(open_timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def lost(self) -> tuple[tuple[int, str], ...]:
        """The devices that were given up, each with the reason, in the order in which that happened."""
        with self._changed:
            return tuple(self._lost.items())

    def infer(self, inputs: Arrays) -> Arrays:
        """Run one full batch on a free device.

        Args:
            inputs: Arrays by input name, shaped and typed as the request says; open axes of any sizes that it says.

        Returns:
            Arrays by output name, batch axis first.

        Raises:
            InferenceError: The inputs are not what the model takes, or no device is left.
        """
        outputs: Arrays = self._submit(self._infer_job(inputs)).result.result()
        return outputs

    def infer_many(self, batches: Iterator[Arrays]) -> Iterator[Arrays]:
        """Run full batches on all devices; yield their outputs in the order of the batches.

        A batch that is for one device (:class:`~zoo_runner.plugin.backend_facts.ForDevice`) is done there, unless that
        device was lost. At most a batch for each slot of each device is taken from ``batches`` before the first result
        is asked for.

        Raises:
            InferenceError: As :meth:`infer`.
        """
        waiting: deque[_Job] = deque()
        ahead = SLOTS * len(self._devices)
        try:
            for inputs in batches:
                waiting.append(self._submit(self._infer_job(inputs)))
                while len(waiting) >= ahead:
                    yield waiting.popleft().result.result()
            while waiting:
                yield waiting.popleft().result.result()
        finally:
            self._withdraw(waiting)

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times on one device and return how long the last ``loop`` took.

        The loop is one call of the tool, or as few as keep each within the time after which a device counts
        as hanging.

        Raises:
            InferenceError: As :meth:`infer`.
        """
        call_sizes(self._request, inputs)  # refused before it can be taken for a device's failure

        def run(device: DeviceProcess, slot: int) -> Timings:
            layout = device.load(slot, inputs)
            times = Timings(compute_ms=())
            each_s = self._timeout_s
            for _ in range(warmup):
                start = time.perf_counter()
                device.call(slot, Time(layout, 1, 0), self._timeout_s)
                each_s = time.perf_counter() - start
            while (done := len(times.compute_ms)) < loop:
                count = min(loop - done, max(1, int(self._timeout_s / 4 / each_s)))
                start = time.perf_counter()
                times += device.call(slot, Time(layout, 0, count), self._timeout_s).times
                each_s = (time.perf_counter() - start) / count
            return times

        times: Timings = self._submit(_Job(run, Future())).result.result()
        return times

    def close(self) -> None:
        """Release the devices and end their processes. Calling it again does nothing."""
        with self._changed:
            self._closed = True
            while self._jobs:
                self._jobs.popleft().result.set_exception(InferenceError("the session was closed"))
            self._changed.notify_all()
        for thread, device in self._threads:
            thread.join(_GRACE_S)
            if thread.is_alive():  # in a call that does not return
                device.kill()
                thread.join()
        for device in self._devices:
            device.stop(_GRACE_S)

    def _open(self, timeout_s: float) -> None:
        """Start all devices at once, and go on with those that could load the model."""
        for device in self._devices:
            device.start()
        problems: list[DeviceLostError] = []
        for device in self._devices:
            try:
                device.wait_open(timeout_s)
            except DeviceLostError as error:
                problems.append(error)
                self._lost[device.number] = str(error)
                device.stop(0 if error.silent else _GRACE_S)
        opened = [device for device in self._devices if device.number not in self._lost]
        if not opened:
            if all(each.prerequisite for each in problems):
                raise PrerequisiteError(self._no_device())
            faults = [each.fault for each in problems]
            raise next((fault for fault in faults if fault and all(faults)), InferenceError(self._no_device()))
        self._devices = opened
        for device in opened:
            for slot in range(SLOTS):
                name = f"device {device.number}.{slot}"
                thread = threading.Thread(target=self._work, args=(device, slot), name=name, daemon=True)
                self._threads.append((thread, device))
        for thread, _ in self._threads:
            thread.start()

    def _infer_job(self, inputs: Arrays) -> _Job:
        call_sizes(self._request, inputs)  # refused before it can be taken for a device's failure

        def run(device: DeviceProcess, slot: int) -> Arrays:
            done = device.call(slot, Infer(device.load(slot, inputs)), self._timeout_s)
            return DeviceArrays(device.results(slot, done.layout), device.number)

        return _Job(run, Future(), getattr(inputs, "device", None))

    def _submit(self, job: _Job) -> _Job:
        with self._changed:
            if self._closed:
                raise InferenceError("the session was closed; open the model again")
            if not self._alive():
                raise InferenceError(self._no_device())
            self._jobs.append(job)
            self._changed.notify_all()
        return job

    def _withdraw(self, jobs: deque[_Job]) -> None:
        """Take back what no device has begun."""
        with self._changed:
            for job in jobs:
                if job in self._jobs:
                    self._jobs.remove(job)

    def _work(self, device: DeviceProcess, slot: int) -> None:
        """Do jobs in one slot until its device is lost or the pool is closed."""
        while job := self._take(device):
            try:
                result = job.run(device, slot)
            except DeviceLostError as error:
                self._give_up(device, job, error)
                return
            except Exception as error:  # noqa: BLE001 - whoever waits for the result must not wait for ever
                self._done(device)
                job.result.set_exception(error)
            else:
                self._done(device)
                job.result.set_result(result)

    def _take(self, device: DeviceProcess) -> _Job | None:
        """Wait for a job that no less busy device is there for; nothing if there will be none."""
        with self._changed:
            while not self._closed and device.number not in self._lost:
                if (job := self._next(device.number)) is not None:
                    self._jobs.remove(job)
                    self._busy[device.number] += 1
                    self._changed.notify_all()  # if there is another job, it may be another device's turn now
                    return job
                self._changed.wait()
            return None

    def _next(self, number: int) -> _Job | None:
        """Return the first job that a device may do now: one for it alone, or, if no other is less busy, for any."""
        alive = self._alive()
        turn = self._busy[number] == min(self._busy[each] for each in alive)
        fitting = (job for job in self._jobs if (job.device == number if job.device in alive else turn))
        return next(fitting, None)

    def _done(self, device: DeviceProcess) -> None:
        with self._changed:
            self._busy[device.number] -= 1
            self._changed.notify_all()

    def _give_up(self, device: DeviceProcess, job: _Job, error: DeviceLostError) -> None:
        """Lose a device, and give its work back; its other slot's thread comes here too, if it is at work."""
        with self._changed:
            self._lost.setdefault(device.number, str(error))
            self._jobs.appendleft(job)
            fault = error.fault
            if fault is not None or not self._alive() or self._closed:
                failure = fault or InferenceError(self._no_device())
                while self._jobs:
                    self._jobs.popleft().result.set_exception(failure)
            self._changed.notify_all()
        if error.silent:
            device.kill()  # only now: the other slot's thread would else tell of the killing

    def _alive(self) -> list[int]:
        return [device.number for device in self._devices if device.number not in self._lost]

    def _no_device(self) -> str:
        reasons = [f"device {number}: {reason}" for number, reason in self._lost.items()]
        if len(reasons) == 1:
            return reasons[0]
        return "no device is left:\n  " + "\n  ".join(reasons)
