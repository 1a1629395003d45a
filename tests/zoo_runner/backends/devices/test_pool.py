"""The pool of devices, with real processes, real crashes and real hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pool_sessions import Opener
from zoo_runner.backends.devices.pool import DevicePool
from zoo_runner.errors import InferenceError, PrerequisiteError
from zoo_runner.plugin.backend_facts import ForDevice
from zoo_runner.plugin.interfaces import Arrays, SessionRequest, TensorSpec

INPUTS = (TensorSpec("image", "int32", ("batch", 3, 5)),)
OUTPUTS = (TensorSpec("double", "int32", ("batch", 3, 5)), TensorSpec("total", "int64", ("batch",)))
BATCH = 2


@pytest.fixture
def opener() -> Any:
    return Opener


def request(devices: tuple[int, ...], inputs: tuple[TensorSpec, ...] = INPUTS) -> SessionRequest:
    return SessionRequest(model=Path("model.om"), inputs=inputs, outputs=OUTPUTS, batch=BATCH, devices=devices)


def batches(count: int) -> Iterator[Arrays]:
    for number in range(count):
        yield {"image": np.full((BATCH, 3, 5), number, dtype=np.int32)}


def expected(count: int) -> list[tuple[bytes, bytes]]:
    return [
        ((each["image"] * 2).tobytes(), each["image"].sum(axis=(1, 2), dtype=np.int64).tobytes())
        for each in batches(count)
    ]


def plain(results: Iterator[Arrays]) -> list[tuple[bytes, bytes]]:
    return [(each["double"].tobytes(), each["total"].tobytes()) for each in results]


@pytest.mark.parametrize("count", [0, 1, 2, 9], ids=lambda count: f"{count}-batches")
@pytest.mark.parametrize("devices", [(0,), (0, 1), (4, 2, 0)], ids=["one", "two", "three-unsorted"])
def test_order_and_content_do_not_depend_on_the_devices(opener: Any, devices: tuple[int, ...], count: int) -> None:
    pool = DevicePool(opener(), request(devices))
    try:
        assert plain(pool.infer_many(batches(count))) == expected(count)
        assert pool.lost == ()
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("fault", "after", "told"),
    [
        ("error", 0, "[1][ACL: general failure]"),
        ("error", 1, "[1][ACL: general failure]"),
        ("kill", 1, "its process was ended by SIGKILL"),
        ("exit", 0, "its process ended by itself (exit code 7)"),
        ("hang", 1, "inference did not end within 2 s"),
        ("native-hang", 0, "inference did not end within 2 s"),
        ("no-output", 1, "'total'"),
    ],
)
def test_a_lost_device_is_named_and_its_work_redone(opener: Any, fault: str, after: int, told: str) -> None:
    pool = DevicePool(opener({1: (fault, after)}, slow_s=0.02), request((0, 1)), timeout_s=2)
    try:
        assert plain(pool.infer_many(batches(12))) == expected(12)
        ((number, reason),) = pool.lost
        assert number == 1
        assert told in reason
        assert plain(pool.infer_many(batches(3))) == expected(3), "the other goes on"
    finally:
        pool.close()


def test_the_reason_quotes_what_native_code_printed(opener: Any) -> None:
    pool = DevicePool(opener({0: ("error", 0)}), request((0,)))
    with pytest.raises(InferenceError) as caught:
        pool.infer(next(batches(1)))
    pool.close()
    assert str(caught.value) == ("device 0: [1][ACL: general failure] (printed: [ERROR] acl execute failed:507018)")


def test_all_devices_lost_is_an_error_that_names_each(opener: Any) -> None:
    pool = DevicePool(opener({0: ("kill", 1), 1: ("error", 1)}), request((0, 1)))
    try:
        with pytest.raises(InferenceError) as caught:
            list(pool.infer_many(batches(20)))
        text = str(caught.value)
        assert text.startswith("no device is left:\n")
        assert "device 0: inference: its process was ended by SIGKILL" in text
        assert "device 1: [1][ACL: general failure]" in text
        assert sorted(number for number, _ in pool.lost) == [0, 1]
        with pytest.raises(InferenceError, match="no device is left"):
            pool.infer(next(batches(1)))
    finally:
        pool.close()


def test_devices_that_cannot_load_the_model_are_left_out(opener: Any) -> None:
    pool = DevicePool(opener({0: ("no-model", 0)}), request((0, 1)))
    try:
        assert plain(pool.infer_many(batches(3))) == expected(3)
        assert pool.lost == ((0, "the model cannot be loaded (printed: [ERROR] load model from file failed)"),)
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        ({0: ("no-model", 0), 1: ("no-model", 0)}, InferenceError),
        ({0: ("no-tool", 0), 1: ("no-tool", 0)}, PrerequisiteError),
        ({0: ("no-tool", 0), 1: ("no-model", 0)}, InferenceError),
    ],
    ids=["model", "tool", "both"],
)
def test_no_device_can_load_the_model(opener: Any, faults: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"no device is left:\n  device 0: .*\n  device 1: "):
        DevicePool(opener(faults), request((0, 1)))


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"image": np.zeros((BATCH, 3, 4), np.int32)},
        {"image": np.zeros((BATCH, 3, 5), np.float32)},
        {"image": np.zeros((BATCH, 3, 5), np.int32), "other": np.zeros(1)},
    ],
    ids=["none", "shape", "dtype", "too-many"],
)
def test_wrong_inputs_cost_no_device(opener: Any, inputs: Arrays) -> None:
    pool = DevicePool(opener(), request((0,)))
    try:
        with pytest.raises(InferenceError, match=r"^inputs: expected image int32\[2, 3, 5\], found "):
            pool.infer(inputs)
        assert pool.lost == ()
        assert plain(pool.infer_many(batches(1))) == expected(1)
    finally:
        pool.close()


def test_inputs_are_copied_before_and_outputs_after_the_call(opener: Any) -> None:
    pool = DevicePool(opener(), request((0,)))
    transposed = np.asfortranarray(np.arange(BATCH * 15, dtype=np.int32).reshape(BATCH, 3, 5))
    first = pool.infer({"image": transposed})
    kept = first["double"].copy()
    pool.infer(next(batches(1)))
    pool.close()
    np.testing.assert_array_equal(kept, transposed * 2)
    np.testing.assert_array_equal(first["double"], kept)


def test_threads_share_the_devices(opener: Any, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    pool = DevicePool(opener(notes=notes, slow_s=0.05), request((0, 1)))
    results: dict[int, Arrays] = {}

    def ask(number: int, inputs: Arrays) -> None:
        results[number] = pool.infer(inputs)

    threads = [threading.Thread(target=ask, args=each) for each in enumerate(batches(6))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    assert plain(results[number] for number in range(6)) == expected(6)
    assert {line.split()[0] for line in notes.read_text().splitlines() if line.endswith("infer")} == {"0", "1"}


def test_look_ahead_is_bounded_and_an_abandoned_stream_leaves_the_pool_usable(opener: Any) -> None:
    pool = DevicePool(opener(slow_s=0.01), request((0, 1)))
    taken = 0

    def counted() -> Iterator[Arrays]:
        nonlocal taken
        for each in batches(100):
            taken += 1
            yield each

    stream = pool.infer_many(counted())
    next(stream)
    assert taken == 4
    stream.close()  # type: ignore[attr-defined] # infer_many is a generator
    assert plain(pool.infer_many(batches(2))) == expected(2)
    pool.close()


@pytest.mark.parametrize(
    ("warmup", "loop", "timeout_s", "calls"),
    [
        (0, 1, 60.0, ["time 0 1"]),
        (2, 50, 60.0, ["time 1 0", "time 1 0", "time 0 50"]),
        (0, 0, 60.0, []),
    ],
    ids=["once", "one-loop", "nothing"],
)
def test_timing(opener: Any, tmp_path: Path, warmup: int, loop: int, timeout_s: float, calls: list[str]) -> None:
    notes = tmp_path / "notes"
    pool = DevicePool(opener(notes=notes), request((0,)), timeout_s=timeout_s)
    assert len(pool.time(next(batches(1)), warmup=warmup, loop=loop).compute_ms) == loop
    pool.close()
    found = [line.split(maxsplit=2)[2] for line in notes.read_text().splitlines()]
    assert [each for each in found if each.startswith("time")] == calls


def test_a_long_timing_is_not_taken_for_a_hang(opener: Any) -> None:
    pool = DevicePool(opener(slow_s=0.1), request((0,)), timeout_s=1.0)
    assert len(pool.time(next(batches(1)), warmup=1, loop=15).compute_ms) == 15
    assert pool.lost == ()
    pool.close()


@pytest.mark.parametrize("fault", ["", "error"], ids=["normal", "after-an-error"])
def test_the_session_is_always_closed(opener: Any, tmp_path: Path, fault: str) -> None:
    notes = tmp_path / "notes"
    pool = DevicePool(opener({0: (fault, 0)} if fault else {}, notes=notes), request((0, 1)))
    list(pool.infer_many(batches(3)))
    pool.close()
    pool.close()
    closed = sorted(line.split()[0] for line in notes.read_text().splitlines() if line.endswith("closed"))
    assert closed == ["0", "1"]
    with pytest.raises(InferenceError, match="the session was closed"):
        pool.infer(next(batches(1)))


def test_close_ends_a_device_that_hangs(opener: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_runner.backends.devices.pool._GRACE_S", 0.2)
    notes = tmp_path / "notes"
    pool = DevicePool(opener({0: ("native-hang", 0)}, notes=notes), request((0,)), timeout_s=600)
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            pool.infer(next(batches(1)))
        except InferenceError as error:
            failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.2)
    pool.close()
    thread.join(10)
    assert len(failures) == 1
    (pid,) = {line.split()[1] for line in notes.read_text().splitlines()}
    assert not Path("/proc", pid).exists()


def test_a_batch_that_is_for_one_device_is_done_there_while_it_is_there(opener: Any) -> None:
    pool = DevicePool(opener(faults={1: ("error", 3)}), request((0, 1, 2)))
    try:
        aimed = [ForDevice(each, device) for each, device in zip(batches(9), (1, 1, 0, 2, 2, 2, 1, 1, 9), strict=True)]
        found = list(pool.infer_many(iter(aimed)))
        assert plain(iter(found)) == expected(9)
        assert [getattr(each, "device", None) for each in found[:7]] == [1, 1, 0, 2, 2, 2, 1]
        assert [number for number, _ in pool.lost] == [1]
        assert {getattr(each, "device", None) for each in found[7:]} <= {0, 2}, "its work, and that of a device unknown"
    finally:
        pool.close()
