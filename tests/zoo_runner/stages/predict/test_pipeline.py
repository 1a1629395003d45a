from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from prediction_runs import Doubling, Keeping, Reading, predict
from streams import outputs_of
from zoo_runner.errors import ChangedError, HookError, PluginError, StageError
from zoo_runner.plugin.interfaces import Arrays, Sample, Session
from zoo_runner.report.predictions import read_predictions, write_predictions
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.store.entries import make_stamp
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store


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


class Swapping(Reading):
    """Replaces a sample's file just before reading it."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index

    def __call__(self, sample: Sample) -> Arrays:
        if sample.index == self.index:
            sample.path.write_text("100")
        return super().__call__(sample)


def test_a_file_replaced_between_hashing_and_reading_is_refused(samples: list[Sample], tmp_path: Path) -> None:
    store, digest = Store(tmp_path / "s"), file_digest(samples[5].path)
    with pytest.raises(ChangedError, match=rf"^{samples[5].path}: changed .*\n  expected sha256 {digest}"):
        predict(samples, outputs_of(Swapping(6), Doubling()), store, Keeping())
    kept = [read_predictions(path) for path in (tmp_path / "s").rglob(stream.FILE)]
    assert [200.0] not in [each["y"].tolist() for chunk in kept for each in chunk]
    keeping = Keeping()
    predictions, _, _ = predict(samples, outputs_of(Reading(), Doubling()), store, keeping)
    assert {5, 6, 7, 8} <= set(keeping.calls)
    assert float(predictions[5]["y"][0]) == 200.0
    samples[5].path.write_text(str(6 * 1.5))
    predictions, fresh, _ = predict(samples, outputs_of(Reading(), Doubling()), store, Keeping())
    assert (float(predictions[5]["y"][0]), fresh) == (18.0, 4)


def spoil(entry: Path, content: bytes) -> None:
    """Write another file with a stamp that fits: what a fault of the program itself would leave."""
    (entry / "content" / stream.FILE).write_bytes(content)
    (entry / "stamp.json").write_bytes(make_stamp(entry / "content").encoded())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"", "predictions.npz cannot be read (", id="empty"),
        pytest.param(b"PK\x03\x04 no archive", "predictions.npz cannot be read (", id="no archive"),
        pytest.param(None, "predictions.npz has 1 predictions, expected 4", id="too few"),
    ],
)
def test_predictions_that_cannot_be_read_are_made_again(
    samples: list[Sample], tmp_path: Path, content: bytes | None, why: str
) -> None:
    told: list[str] = []
    store = Store(tmp_path / "s").telling(told.append)
    first, _, _ = predict(samples[:8], outputs_of(Reading(), Doubling()), store, Keeping())
    entry = next(path.parent for path in (tmp_path / "s").rglob("content"))
    if content is None:
        write_predictions(tmp_path / "one.npz", first[:1])
        content = (tmp_path / "one.npz").read_bytes()
    spoil(entry, content)
    with pytest.raises(StageError, match=f"^--from evaluate: .* found a damaged one .{re.escape(why)}"):
        predict(samples[:8], outputs_of(Reading(), Doubling()), store.frozen("--from evaluate"), Keeping())
    again, fresh, _ = predict(samples[:8], outputs_of(Reading(), Doubling()), store, Keeping())
    assert (fresh, [each["y"].tolist() for each in again]) == (4, [each["y"].tolist() for each in first])
    (line,) = told
    assert line.startswith(f"{entry}: damaged, and made again: {why}")
    assert predict(samples[:8], outputs_of(Reading(), Doubling()), store, Keeping())[1] == 0


def test_a_model_that_changed_is_refused(samples: list[Sample], tmp_path: Path) -> None:
    def changed() -> None:
        raise ChangedError("model.om: changed")

    outputs = replace(outputs_of(Reading(), Doubling()), unchanged=changed)
    with pytest.raises(ChangedError, match=r"^model\.om: changed$"):
        predict(samples, outputs, Store(tmp_path / "s"), Keeping())
    assert not list(tmp_path.rglob(stream.FILE))


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
    with pytest.raises(HookError, match="sample 9 is broken"):
        predict(samples, outputs_of(Reading(fails_at=9), Doubling()), store, Keeping())
    keeping = Keeping()
    predictions, fresh, _ = predict(samples, outputs_of(Reading(), Doubling()), store, keeping)
    assert (len(predictions), fresh, sorted(keeping.calls)) == (11, 3, [9, 10, 11])


def test_no_samples_no_predictions(tmp_path: Path) -> None:
    assert predict([], outputs_of(Reading(), Doubling()), Store(tmp_path / "s"), Keeping())[:2] == ([], 0)


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


@pytest.mark.parametrize(
    ("batch", "size"), [(1, 64), (16, 64), (48, 192), (64, 256), (100, 400)], ids=["1", "16", "48", "64", "100"]
)
def test_chunks_hold_whole_batches(batch: int, size: int) -> None:
    assert stream.chunk_size(batch) == size
