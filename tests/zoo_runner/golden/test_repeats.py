"""Golden batches: as many as the time allows, and what is said of the rows in which a device was wrong."""

from __future__ import annotations

import time

import numpy as np
import pytest

from zoo_runner.golden.limits import Limits
from zoo_runner.golden.repeats import Repeats
from zoo_runner.plugin.interfaces import Arrays, DeviceArrays, TensorSpec

SAMPLES = 3
LIMITS = Limits(source="a test", device=True)


def made(batch: int, devices: tuple[int, ...], *, first_s: float = 0.0, samples: int = SAMPLES) -> Repeats:
    repeats = Repeats(devices=devices, batch=batch, limits=LIMITS, inputs=(TensorSpec("x", "float32", ("batch", 2)),))
    rows = [{"x": np.array([place, 1], np.float32)} for place in range(samples)]
    repeats.begin(rows, [{"y": 10 * row["x"]} for row in rows], first_s)
    return repeats


def double(inputs: Arrays, device: int | None) -> Arrays:
    outputs = {"y": 10 * inputs["x"]}
    return outputs if device is None else DeviceArrays(outputs, device)


def test_each_device_has_one_between_chunks_and_at_the_end_in_other_rows() -> None:
    repeats = made(16, (0, 5))  # a chunk is of four batches of 16
    turns = [repeats.batches(0, last=turn == 8) for turn in range(9)]
    seen = [[(getattr(each, "device", None), *each["x"][:2, 0]) for each in turn] for turn in turns]
    assert [len(each) for each in seen] == [0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert seen[4] == [(0, 0.0, 1.0), (5, 1.0, 2.0)]
    assert seen[8] == [(0, 1.0, 2.0), (5, 2.0, 0.0)]


@pytest.mark.parametrize("samples", [0, 1, 2, 20])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_equal_outputs_are_no_finding(batch: int, samples: int) -> None:
    repeats = made(batch, (3,), samples=samples)
    for inputs in repeats.batches(0, last=True):
        repeats.take(double(inputs, 3))
    assert (repeats.findings(), repeats.made, repeats.why_none) == ([], {3: 1} if samples else {}, "")


def test_positions_are_named_with_whose_outputs_came_in_them() -> None:
    repeats = made(4, (1,))
    (inputs,) = repeats.batches(0, last=True)
    outputs = double(inputs, 1)
    outputs["y"][:2] = outputs["y"][1::-1]
    outputs["y"][3] = np.nan
    repeats.take(outputs)
    (found,) = repeats.findings()
    assert found == (
        "device 1 gave other outputs for 1 of 1 golden batches among the others: position 0 of the batch has those of "
        "position 1, position 1 of the batch has those of position 0, position 3 of the batch (y by nan)"
    )
    silent = made(1, (0,))
    (inputs,) = silent.batches(0, last=True)
    silent.take({"y": np.zeros((1, 2), np.float32)})
    assert silent.findings()[0].startswith("the device gave other outputs for 1 of 1")


def test_a_slow_device_has_none_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = made(8, (0,), first_s=0.5)
    assert list(slow.batches(0, last=True)) == []
    assert slow.why_none == "no golden batch was repeated: one takes 0.5 s, too much of this run"
    clock = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    long = made(8, (0, 1))
    count = 0
    for turn in range(801):  # 0.5 s each, 400 s in all
        count += len(list(long.batches(turn, last=turn == 800)))
        clock[0] += 0.5
    assert count * 0.5 <= 0.02 * 400
    assert count > 8, "both devices, several times"
