from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams import Quiet, outputs_of
from zoo_runner.artifacts import Store
from zoo_runner.errors import PluginError, StageError
from zoo_runner.interfaces import Arrays, Postprocess, Preprocess, Sample, Session, Timings
from zoo_runner.stages import stream
from zoo_runner.stages.inference import READY, ModelOutputs
from zoo_runner.stages.predictions import write_predictions


class Doubling:
    """Outputs twice its input, and remembers the batches it was given."""

    def __init__(self) -> None:
        self.batches: list[list[float]] = []

    def infer(self, inputs: Arrays) -> Arrays:
        self.batches.append(inputs["x"][:, 0].tolist())
        return {"y": inputs["x"] * 2}

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


class Reading:
    """Reads a number from the sample's file; can be told to fail at a sample."""

    identity = "reading"

    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.calls: list[int] = []

    def __call__(self, sample: Sample) -> Arrays:
        if sample.index == self.fails_at:
            raise ValueError(f"sample {sample.index} is broken")
        self.calls.append(sample.index)
        return {"x": np.array([float(sample.path.read_text())], dtype=np.float32)}


@dataclass
class Keeping:
    """Keeps what it is given, with the sample's index."""

    identity: str = "keeping"
    calls: list[int] = field(default_factory=list)

    def __call__(self, outputs: Arrays, sample: Sample) -> Arrays:
        self.calls.append(sample.index)
        return {"y": outputs["y"], "index": np.array([sample.index])}


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    (tmp_path / "data").mkdir()
    made = []
    for index in range(1, 12):
        path = tmp_path / "data" / f"{index}.txt"
        path.write_text(str(index * 1.5))
        made.append(Sample(index=index, id=f"s{index}", path=path))
    return made


def predict(
    samples: list[Sample], outputs: ModelOutputs, store: Store, postprocess: Postprocess, chunk: int = 4
) -> tuple[list[Arrays], int, Quiet]:
    quiet = Quiet()
    listeners = stream.Listeners(progress=quiet, clocks=outputs.clocks)
    predictions, fresh = stream.predict(samples, outputs, postprocess, chunk=chunk, store=store, listeners=listeners)
    return predictions, fresh, quiet


def test_predictions_are_in_order_and_counted(samples: list[Sample], tmp_path: Path) -> None:
    predictions, fresh, quiet = predict(samples, outputs_of(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())
    assert [float(each["y"][0]) for each in predictions] == [3.0 * index for index in range(1, 12)]
    assert [int(each["index"][0]) for each in predictions] == list(range(1, 12))
    assert (fresh, quiet.count) == (11, 11)


def test_a_short_last_batch_is_filled_with_its_first_sample(samples: list[Sample], tmp_path: Path) -> None:
    model = Doubling()
    predict(samples, outputs_of(Reading(), model), Store(tmp_path / "s"), Keeping())
    assert model.batches[-1] == [13.5, 15.0, 16.5, 13.5]


def test_nothing_changed_nothing_done(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    first, _, _ = predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())
    reading = Reading()
    again, fresh, quiet = predict(samples, outputs_of(reading, Doubling()), store, Keeping())
    assert (fresh, reading.calls, quiet.count) == (0, [], 11)
    assert [each["y"].tolist() for each in again] == [each["y"].tolist() for each in first]


def test_a_changed_file_redoes_its_chunk_only(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())
    samples[5].path.write_text("100")
    keeping = Keeping()
    predictions, fresh, _ = predict(samples, outputs_of(Reading(), Doubling()), store, keeping)
    assert (fresh, sorted(keeping.calls)) == (4, [5, 6, 7, 8])
    assert float(predictions[5]["y"][0]) == 200.0


@pytest.mark.parametrize("change", ["model", "preprocess", "postprocess", "batch"])
def test_whatever_shapes_a_prediction_is_in_its_key(samples: list[Sample], tmp_path: Path, change: str) -> None:
    store = Store(tmp_path / "s")
    predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())
    reading, keeping = Reading(), Keeping()
    if change == "preprocess":
        reading.identity = "another"
    if change == "postprocess":
        keeping.identity = "another"
    outputs = outputs_of(
        reading, Doubling(), batch=2 if change == "batch" else 4, key="another" if change == "model" else "model"
    )
    assert predict(samples, outputs, store, keeping)[1] == 11


def test_after_a_failure_finished_chunks_are_not_redone(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    with pytest.raises(ValueError, match="sample 9 is broken"):
        predict(samples, outputs_of(Reading(fails_at=9), Doubling()), store, Keeping())
    keeping = Keeping()
    predictions, fresh, _ = predict(samples, outputs_of(Reading(), Doubling()), store, keeping)
    assert (len(predictions), fresh, sorted(keeping.calls)) == (11, 3, [9, 10, 11])


def test_no_samples_no_predictions(tmp_path: Path) -> None:
    assert predict([], outputs_of(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())[:2] == ([], 0)


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
    with pytest.raises(ValueError, match="broken"):
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
    with pytest.raises(FileNotFoundError):
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


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ({"x": np.zeros(2, np.float32)}, r"x float32\[2\]"),
        ({"x": np.zeros(1)}, r"x float64\[1\]"),
        ({"z": np.zeros(1, np.float32)}, r"z float32\[1\]"),
        ({}, "nothing"),
    ],
    ids=["shape", "dtype", "name", "none"],
)
def test_inputs_that_do_not_fit_are_refused(samples: list[Sample], tmp_path: Path, wrong: Arrays, found: str) -> None:
    class Wrong(Reading):
        def __call__(self, sample: Sample) -> Arrays:
            return wrong

    text = rf"inputs of sample 's1': expected x float32\[1\], found {found}; correct the plugin's preprocessing"
    with pytest.raises(PluginError, match=text):
        predict(samples, outputs_of(Wrong(), Doubling()), Store(tmp_path / "s"), Keeping())


def test_the_model_is_not_loaded_when_nothing_is_missing(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())

    def never() -> Session:
        raise AssertionError("loaded")

    assert predict(samples, replace(outputs_of(Reading(), Doubling()), session=never), store, Keeping())[1] == 0


def test_a_store_that_may_only_be_read_says_what_is_missing(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())
    frozen = store.frozen("--from evaluate")
    assert predict(samples, outputs_of(Reading(), Doubling()), frozen, Keeping())[1] == 0
    samples[5].path.write_text("100")
    with pytest.raises(StageError, match="--from evaluate: expected what an earlier run made"):
        predict(samples, outputs_of(Reading(), Doubling()), frozen, Keeping())


def test_time_without_batches_is_not_the_devices(samples: list[Sample], tmp_path: Path) -> None:
    class Slow(Reading):
        def __call__(self, sample: Sample) -> Arrays:
            time.sleep(0.02)
            return super().__call__(sample)

    outputs = outputs_of(Slow(), Doubling(), workers=1)
    predict(samples, outputs, Store(tmp_path / "s"), Keeping())
    seconds = outputs.clocks.seconds
    assert 0 <= seconds["infer"] < seconds["preprocess"] <= seconds["stream"]


@pytest.mark.parametrize(
    ("batch", "size"), [(1, 64), (16, 64), (48, 192), (64, 256), (100, 400)], ids=["1", "16", "48", "64", "100"]
)
def test_chunks_hold_whole_batches(batch: int, size: int) -> None:
    assert stream.chunk_size(batch) == size
