from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.artifacts import Store
from zoo_runner.interfaces import Arrays, Sample, Timings
from zoo_runner.stages import stream


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


class Quiet:
    """A progress that counts."""

    def __init__(self) -> None:
        self.count = 0

    def track(self, label: str, total: int | None, unit: str) -> Any:
        return nullcontext(self._advance)

    def _advance(self, amount: int) -> None:
        self.count += amount

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def warn(self, text: str) -> None:
        raise AssertionError(text)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    (tmp_path / "data").mkdir()
    made = []
    for index in range(1, 12):
        path = tmp_path / "data" / f"{index}.txt"
        path.write_text(str(index * 1.5))
        made.append(Sample(index=index, id=f"s{index}", path=path))
    return made


def source(preprocess: Reading, model: Doubling, batch: int = 4, key: str = "model") -> stream.ModelOutputs:
    return stream.ModelOutputs(
        preprocess=preprocess, session=lambda: model, batch=batch, key=key, workers=2, clocks=stream.Clocks()
    )


def predict(
    samples: list[Sample], outputs: stream.ModelOutputs, store: Store, postprocess: Keeping, chunk: int = 4
) -> tuple[list[Arrays], int, Quiet]:
    quiet = Quiet()
    predictions, fresh = stream.predict(
        samples, outputs, postprocess, chunk=chunk, store=store, progress=quiet, clocks=outputs.clocks
    )
    return predictions, fresh, quiet


def test_predictions_are_in_order_and_counted(samples: list[Sample], tmp_path: Path) -> None:
    predictions, fresh, quiet = predict(samples, source(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())
    assert [float(each["y"][0]) for each in predictions] == [3.0 * index for index in range(1, 12)]
    assert [int(each["index"][0]) for each in predictions] == list(range(1, 12))
    assert (fresh, quiet.count) == (11, 11)


def test_a_short_last_batch_is_filled_with_its_first_sample(samples: list[Sample], tmp_path: Path) -> None:
    model = Doubling()
    predict(samples, source(Reading(), model), Store(tmp_path / "s"), Keeping())
    assert model.batches[-1] == [13.5, 15.0, 16.5, 13.5]


def test_nothing_changed_nothing_done(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    first, _, _ = predict(samples, source(Reading(), Doubling()), store, Keeping())
    reading = Reading()
    again, fresh, quiet = predict(samples, source(reading, Doubling()), store, Keeping())
    assert (fresh, reading.calls, quiet.count) == (0, [], 11)
    assert [each["y"].tolist() for each in again] == [each["y"].tolist() for each in first]


def test_a_changed_file_redoes_its_chunk_only(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    predict(samples, source(Reading(), Doubling()), store, Keeping())
    samples[5].path.write_text("100")
    keeping = Keeping()
    predictions, fresh, _ = predict(samples, source(Reading(), Doubling()), store, keeping)
    assert (fresh, keeping.calls) == (4, [5, 6, 7, 8])
    assert float(predictions[5]["y"][0]) == 200.0


@pytest.mark.parametrize("change", ["model", "preprocess", "postprocess", "batch"])
def test_whatever_shapes_a_prediction_is_in_its_key(samples: list[Sample], tmp_path: Path, change: str) -> None:
    store = Store(tmp_path / "s")
    predict(samples, source(Reading(), Doubling()), store, Keeping())
    reading, keeping = Reading(), Keeping()
    if change == "preprocess":
        reading.identity = "another"
    if change == "postprocess":
        keeping.identity = "another"
    outputs = source(
        reading, Doubling(), batch=2 if change == "batch" else 4, key="another" if change == "model" else "model"
    )
    assert predict(samples, outputs, store, keeping)[1] == 11


def test_after_a_failure_finished_chunks_are_not_redone(samples: list[Sample], tmp_path: Path) -> None:
    store = Store(tmp_path / "s")
    with pytest.raises(ValueError, match="sample 9 is broken"):
        predict(samples, source(Reading(fails_at=9), Doubling()), store, Keeping())
    keeping = Keeping()
    predictions, fresh, _ = predict(samples, source(Reading(), Doubling()), store, keeping)
    assert (len(predictions), fresh, keeping.calls) == (11, 3, [9, 10, 11])


def test_no_samples_no_predictions(tmp_path: Path) -> None:
    assert predict([], source(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())[:2] == ([], 0)


arrays = st.integers(0, 3).map(lambda length: np.arange(length * 2, dtype=np.float32).reshape(length, 2))


@given(st.lists(st.fixed_dictionaries({"boxes": arrays, "scores": arrays.map(lambda a: a[:, 0])}), max_size=5))
def test_predictions_survive_the_disk(tmp_path_factory: pytest.TempPathFactory, predictions: list[Arrays]) -> None:
    path = tmp_path_factory.mktemp("predictions") / "p.npz"
    stream.write_predictions(path, predictions)
    back = stream.read_predictions(path)
    assert len(back) == len(predictions)
    for found, wanted in zip(back, predictions, strict=True):
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
            assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)


def test_equal_predictions_give_equal_bytes(tmp_path: Path) -> None:
    predictions = [{"boxes": np.ones((2, 4), dtype=np.float32), "labels": np.array([1, 2])}]
    stream.write_predictions(tmp_path / "a", predictions)
    stream.write_predictions(tmp_path / "b", [dict(reversed(predictions[0].items()))])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_ordered_keeps_order_and_stays_close_to_its_consumer() -> None:
    started: list[int] = []
    gate = threading.Event()

    def work(item: int) -> int:
        started.append(item)
        gate.wait(10)
        return item

    def taken() -> Iterator[int]:
        for item in range(100):
            pulled.append(item)
            yield item

    pulled: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        results = stream.ordered(pool, work, taken(), ahead=6)
        gate.set()
        assert next(results) == 0
        assert len(pulled) == 6
        assert list(results) == list(range(1, 100))


@pytest.mark.parametrize(
    ("batch", "size"), [(1, 64), (16, 64), (48, 192), (64, 256), (100, 400)], ids=["1", "16", "48", "64", "100"]
)
def test_chunks_hold_whole_batches(batch: int, size: int) -> None:
    assert stream.chunk_size(batch) == size
