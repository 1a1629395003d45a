"""Where the faults of a running device strike."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.testing.devices import lose, lost
from zoo_runner.testing.machine import Machine

from .log import ERROR, FAILURE, failure, log, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SEED: Final = 20230610


def before_execution(machine: Machine, device: int, done: int) -> None:
    """Let per-device faults strike ahead of execution ``done + 1``.

    Raises:
        RuntimeError: The device is lost.
    """
    if machine.faults.due("device-crash", device, done):
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if machine.faults.due("hang", device, done):
        sys.stdout.flush()
        while True:
            signal.pause()
    if machine.faults.due("device-lost", device, done):
        lose(machine.folder, device)
    if lost(machine.folder, device):
        write(f"EL9999: Inner Error!\n        device {device} is lost (stand-in)\n")
        log(ERROR, "execute model failed, modelId is 1")
        log(ERROR, "acl execute failed:1")
        log(ERROR, "Execute Infer failed ret:-1")
        raise failure(FAILURE)


FIRST: dict[str, list[NDArray[Any]]] = {}
"""The outputs of the first execution, for the fault that gives no others."""


def after_execution(
    machine: Machine, arrays: Sequence[NDArray[Any]], device: int, done: int, *, ranges: bool
) -> list[NDArray[Any]]:
    """Return the outputs of execution ``done + 1`` as the asked-for faults leave them.

    ``ranges`` says that shapes are not known beforehand.
    """
    faults = machine.faults
    exchanged = faults.due("swap-rows", device, done)
    outputs = [np.concatenate([array[1::-1], array[2:]]) if exchanged else array for array in arrays]
    if "corrupt-output" in faults:
        outputs = [_garbage(array) for array in outputs]
    if "nan-output" in faults and outputs[0].dtype.kind == "f":
        outputs[0] = outputs[0].copy()
        outputs[0].flat[outputs[0].size // 2] = np.nan
    if "swap-outputs" in faults:
        other = min(2, len(outputs) - 1)
        outputs[0], outputs[other] = outputs[other], outputs[0]
    if "zero-outputs" in faults:
        outputs = [np.zeros_like(array) for array in outputs]
    if "scaled-outputs" in faults:
        outputs = [array * array.dtype.type(2) for array in outputs]
    if "copied-outputs" in faults:
        outputs = [np.ascontiguousarray(np.broadcast_to(array[:1], array.shape)) for array in outputs]
    if "stale-outputs" in faults:
        outputs = FIRST.setdefault("outputs", outputs)
    if "flat-outputs" in faults and ranges:
        outputs = [array.reshape(-1) for array in outputs]
    if "wrong-size" in faults:
        axis = 1 if outputs[0].ndim > 1 else 0
        outputs[0] = np.delete(outputs[0], -1, axis=axis)
    return outputs


def reported_time(machine: Machine, milliseconds: float) -> float:
    """Return the time of one execution as the runtime reports it."""
    slow = machine.faults.find("slow")
    return float(slow.arguments[0]) if slow else milliseconds


def reported_times(machine: Machine, times: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the list of times as the runtime reports it."""
    return list(times[: len(times) // 2] if "short-summary" in machine.faults else times)


def _garbage(array: NDArray[Any]) -> NDArray[Any]:
    random = np.random.default_rng(_SEED)
    return random.normal(scale=50.0, size=array.shape).astype(array.dtype)
