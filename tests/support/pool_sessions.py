"""Sessions for the tests of the device pool; imported by name in the devices' processes."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.interfaces import Arrays, SessionRequest, Timings


@dataclass(frozen=True)
class Opener:
    """Opens a session; ``faults`` says by device number what goes wrong, and after how many batches.

    From the second batch on, a session waits for the file ``gate``, if there is one to wait for.
    """

    faults: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    notes: Path | None = None
    slow_s: float = 0.0
    gate: Path | None = None

    def __call__(self, request: SessionRequest) -> DoublingSession:
        (device,) = request.devices
        fault, after = self.faults.get(device, ("", 0))
        if fault == "no-tool":
            raise PrerequisiteError("the tool is not installed")
        if fault == "no-model":
            print("[ERROR] load model from file failed", flush=True)  # noqa: T201 - like the native tool
            raise InferenceError("the model cannot be loaded")
        return DoublingSession(device, fault, after, self)


class DoublingSession:
    def __init__(self, device: int, fault: str, after: int, opener: Opener) -> None:
        self._device, self._fault, self._after, self._opener = device, fault, after, opener
        self._count = 0
        self._note("opened")

    def infer(self, inputs: Arrays) -> Arrays:
        if self._fault and self._count >= self._after:
            if self._fault == "no-output":
                return {"double": inputs["image"]}
            self._fail()
        self._count += 1
        self._note("infer")
        time.sleep(self._opener.slow_s)
        while self._count > 1 and self._opener.gate is not None and not self._opener.gate.exists():
            time.sleep(0.01)
        image = inputs["image"]
        return {"double": image * 2, "total": image.sum(axis=(1, 2), dtype=np.int64)}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        for _ in range(warmup + loop):
            self.infer(inputs)
        self._note(f"time {warmup} {loop}")
        return Timings(compute_ms=tuple(float(number + 1) for number in range(loop)))

    def close(self) -> None:
        self._note("closed")

    def _fail(self) -> None:
        if self._fault == "error":
            ctypes.CDLL(None).printf(b"[ERROR] acl execute failed:507018\n")
            raise RuntimeError("[1][ACL: general failure]")
        if self._fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._fault == "exit":
            os._exit(7)
        if self._fault == "hang":
            time.sleep(3600)
        if self._fault == "native-hang":
            ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter's lock, as pybind11 modules do

    def _note(self, what: str) -> None:
        if self._opener.notes is not None:
            with self._opener.notes.open("a", encoding="utf-8") as file:
                file.write(f"{self._device} {os.getpid()} {what}\n")
