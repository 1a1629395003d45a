"""The two slots of a device's process: what goes on in one leaves the other alone, and each call has its own time."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pool_sessions import Opener
from zoo_runner.backends.devices.process import DeviceLostError, DeviceProcess
from zoo_runner.backends.devices.worker import Infer
from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec

REQUEST = SessionRequest(
    model=Path("model.om"),
    inputs=(TensorSpec("image", "int32", ("batch", 3, 5)),),
    outputs=(TensorSpec("double", "int32", ("batch", 3, 5)), TensorSpec("total", "int64", ("batch",))),
    batch=2,
)
GIVEN = {"image": (2, 3, 5)}
RETURNED = {"double": (2, 3, 5), "total": (2,)}


@pytest.fixture
def opener() -> Any:
    return Opener


@contextmanager
def opened(open_session: Any, timeout_s: float) -> Iterator[DeviceProcess]:
    device = DeviceProcess(open_session, REQUEST, timeout_s)
    try:
        device.start()
        device.wait_open(60)
        yield device
    finally:
        device.stop(5)


def filled(number: int) -> Arrays:
    return {"image": np.full((2, 3, 5), number, np.int32)}


def test_a_slot_is_emptied_and_filled_while_the_device_works_for_the_other(opener: Any, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with opened(opener(gate=gate), 60) as device, ThreadPoolExecutor(2) as pool:
        device.load(0, filled(1))
        device.call(0, Infer(GIVEN), 60)
        device.load(1, filled(2))
        second = pool.submit(device.call, 1, Infer(GIVEN), 60)
        assert device.results(0, RETURNED)["total"].tolist() == [15, 15]
        device.load(0, filled(3))
        third = pool.submit(device.call, 0, Infer(GIVEN), 60)
        assert not wait([second, third], 0.2).done
        gate.touch()
        assert not wait([second, third], 60).not_done
        assert device.results(1, RETURNED)["total"].tolist() == [30, 30]
        assert device.results(0, RETURNED)["total"].tolist() == [45, 45]


def test_the_time_of_a_call_does_not_count_what_was_before_it(opener: Any) -> None:
    with opened(opener(slow_s=1.5), 2.5) as device, ThreadPoolExecutor(2) as pool:
        for slot in (0, 1):
            device.load(slot, filled(slot))
        for call in [pool.submit(device.call, slot, Infer(GIVEN), 2.5) for slot in (0, 1)]:
            call.result()


def test_both_slots_are_told_how_the_process_ended(opener: Any) -> None:
    for _ in range(5):  # which of them asks first differs
        with opened(opener({0: ("kill", 0)}), 60) as device, ThreadPoolExecutor(2) as pool:
            for slot in (0, 1):
                device.load(slot, filled(slot))
            told = [pool.submit(device.call, slot, Infer(GIVEN), 60).exception for slot in (0, 1)]
            assert {str(error()) for error in told} == {"inference: its process was ended by SIGKILL"}


def test_both_slots_are_told_why_the_device_is_gone(opener: Any) -> None:
    with opened(opener({0: ("error", 1)}, slow_s=0.5), 60) as device, ThreadPoolExecutor(2) as pool:
        for slot in (0, 1):
            device.load(slot, filled(slot))
        first = pool.submit(device.call, 0, Infer(GIVEN), 60)
        wait([first], 0.1)
        second = pool.submit(device.call, 1, Infer(GIVEN), 60)
        first.result()
        for call in (second, pool.submit(device.call, 0, Infer(GIVEN), 60)):
            with pytest.raises(DeviceLostError, match="general failure"):
                call.result()
