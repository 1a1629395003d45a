"""Stages that overlap: errors in any of them, schedules, memory and times."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prediction_runs import Doubling, Keeping, Reading, predict
from streams import outputs_of
from zoo_runner.errors import DatasetError, HookError
from zoo_runner.plugin.interfaces import Arrays, Postprocess, Preprocess, Sample, Session, Timings
from zoo_runner.report.predictions import write_predictions
from zoo_runner.stages.predict.inference import READY
from zoo_runner.store.store import Store


class Flaky:
    """A device or a postprocessing that fails at one of its calls."""

    identity = "flaky"

    def __init__(self, fails_at: int) -> None:
        self.left = fails_at

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise ValueError("broken")

    def infer(self, inputs: Arrays) -> Arrays:
        self._count()
        return {"y": inputs["x"] * 2}

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        if sample.index == 9:
            raise ValueError("broken")
        return {"y": outputs["y"]}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class FullDisk(Store):
    """A store that cannot keep anything."""

    def build(self, *args: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")


class Pool(Doubling):
    """A session that takes batches ahead, and drops those at hand when their source raises."""

    lost = ()

    def infer_many(self, batches: Iterator[Arrays]) -> Iterator[Arrays]:
        waiting: deque[Arrays] = deque()
        for inputs in batches:
            waiting.append(inputs)
            if len(waiting) > 2:
                yield self.infer(waiting.popleft())
        yield from (self.infer(inputs) for inputs in waiting)


@pytest.mark.parametrize(
    ("preprocess", "session", "postprocess", "kept"),
    [
        pytest.param(Reading(fails_at=9), Doubling(), Keeping(), 8, id="preprocess"),
        pytest.param(Reading(fails_at=9), Pool(), Keeping(), 8, id="preprocess, several devices"),
        pytest.param(Reading(), Flaky(3), Keeping(), 8, id="device"),
        pytest.param(Reading(), Doubling(), Flaky(0), 8, id="postprocess"),
    ],
)
@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_in_any_stage_ends_all_threads_and_keeps_what_came_before(
    samples: list[Sample],
    tmp_path: Path,
    preprocess: Preprocess,
    session: Session,
    postprocess: Postprocess,
    kept: int,
    workers: int,
) -> None:
    if isinstance(session, Flaky):
        session = Flaky(3)  # it has been used up by the row before
    store, before = Store(tmp_path / "s"), threading.active_count()
    with pytest.raises((ValueError, HookError), match="broken"):  # a plugin's error is named, a device's is its own
        predict(samples, outputs_of(preprocess, session, workers=workers), store, postprocess)
    assert threading.active_count() == before
    assert len(list((tmp_path / "s" / "predictions").glob("[!.]*"))) == kept / 4


def test_a_full_disk_ends_the_run(samples: list[Sample], tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(OSError, match="No space left"):
        predict(samples, outputs_of(Reading(), Doubling()), FullDisk(tmp_path / "s"), Keeping())
    assert threading.active_count() == before


def test_a_missing_file_is_found_in_its_turn(samples: list[Sample], tmp_path: Path) -> None:
    samples[8].path.unlink()
    with pytest.raises(DatasetError, match=r"sample s9: expected its file .*9.txt, found none"):
        predict(samples, outputs_of(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())
    assert len(list((tmp_path / "s" / "predictions").glob("[!.]*"))) == 2


class Uneven(Reading):
    """Takes longer for some samples, so that they finish in another order."""

    def __call__(self, sample: Sample) -> Arrays:
        time.sleep(0.004 * (sample.index % 3 == 0))
        return super().__call__(sample)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("session", [Doubling, Pool], ids=["one device", "several"])
def test_results_do_not_depend_on_the_schedule(
    samples: list[Sample], tmp_path: Path, workers: int, session: type[Doubling]
) -> None:
    expected, _, _ = predict(samples, outputs_of(Reading(), Doubling(), workers=1), Store(tmp_path / "a"), Keeping())
    found, _, _ = predict(samples, outputs_of(Uneven(), session(), workers=workers), Store(tmp_path / "b"), Keeping())
    write_predictions(tmp_path / "a.npz", expected)
    write_predictions(tmp_path / "b.npz", found)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    stored = [
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.npz")}
        for name in "ab"
    ]
    assert sorted(stored[0].values()) == sorted(stored[1].values())


class Watched(Doubling):
    """Counts the batches that are in memory at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[weakref.ref[Any]] = []
        self.most = 0

    def infer(self, inputs: Arrays) -> Arrays:
        self.seen.append(weakref.ref(inputs["x"]))
        self.most = max(self.most, sum(each() is not None for each in self.seen))
        return super().infer(inputs)


def many(samples: list[Sample], count: int) -> list[Sample]:
    return [replace(samples[index % 11], index=index + 1, id=f"m{index}") for index in range(count)]


@pytest.mark.parametrize("chunk", [4, 400], ids=["small chunks", "one chunk"])
def test_memory_does_not_grow_with_the_samples(samples: list[Sample], tmp_path: Path, chunk: int) -> None:
    model = Watched()
    predict(many(samples, 400), outputs_of(Reading(), model), Store(tmp_path / "s"), Keeping(), chunk=chunk)
    assert len(model.batches) == 100
    assert model.most <= 3


class Stopping(Doubling):
    """A device that stands still at its first batch until the stages before it have gone as far as they can."""

    def __init__(self, reading: Reading) -> None:
        super().__init__()
        self.reading = reading
        self.ahead = 0

    def infer(self, inputs: Arrays) -> Arrays:
        if not self.batches:
            known = -1
            while known < len(self.reading.calls):
                known = len(self.reading.calls)
                time.sleep(0.1)
            self.ahead = known
        return super().infer(inputs)


@pytest.mark.parametrize("workers", [1, 4])
def test_a_slow_device_holds_the_others_back(samples: list[Sample], tmp_path: Path, workers: int) -> None:
    reading = Reading()
    model = Stopping(reading)
    predict(many(samples, 400), outputs_of(reading, model, workers=workers), Store(tmp_path / "s"), Keeping())
    assert 4 <= model.ahead <= 4 * (1 + READY) + max(4, 2 * workers) + 1


def test_a_prediction_does_not_keep_the_outputs_of_its_batch(samples: list[Sample], tmp_path: Path) -> None:
    predictions, _, _ = predict(samples, outputs_of(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())
    assert all(array.base is None for prediction in predictions for array in prediction.values())


def test_time_without_batches_is_not_the_devices(samples: list[Sample], tmp_path: Path) -> None:
    class Slow(Reading):
        def __call__(self, sample: Sample) -> Arrays:
            time.sleep(0.02)
            return super().__call__(sample)

    outputs = outputs_of(Slow(), Doubling(), workers=1)
    predict(samples, outputs, Store(tmp_path / "s"), Keeping())
    seconds = outputs.clocks.seconds
    assert 0 <= seconds["infer"] < seconds["preprocess"] <= seconds["stream"]
