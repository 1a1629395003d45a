"""Samples -> predictions: decode, device and postprocessing at work at the same time.

The unit of work is a chunk of consecutive samples. A finished chunk is kept in the
store under a key made of everything that shaped it, so that a killed run goes on
where it was, and a change redoes only what it touches.
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np

from zoo_runner.fingerprints import file_digest, fingerprint
from zoo_runner.interfaces import ParallelSession

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Arrays, Postprocess, Preprocess, Progress, Sample, Session

CHUNK = 64
"""Least samples in a chunk: large enough to keep the bookkeeping small, small enough to lose little."""

BATCHES = 4
"""Least batches in a chunk."""

WAITING = 16
"""Most outputs that wait for postprocessing; past that the device waits instead of the memory growing."""

In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Clocks:
    """Busy seconds by kind of work, summed over the threads that do it."""

    seconds: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @contextmanager
    def measure(self, work: str) -> Iterator[None]:
        """Add the time the block takes."""
        start = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.seconds[work] += time.perf_counter() - start  # type: ignore[assignment] # Counter is typed for int

    def each(self, work: str, items: Iterator[Out]) -> Iterator[Out]:
        """Pass items through, adding the time it takes to get them."""
        while True:
            with self.measure(work):
                item = next(items, None)
            if item is None:
                return
            yield item


class OutputSource(Protocol):
    """Where the model's outputs come from: the model, or files somebody else's run left."""

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return a text that changes whenever the outputs of these samples would."""

    def outputs(self, samples: Sequence[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs by name, in order, without batch axis."""


@dataclass(frozen=True, kw_only=True)
class ModelOutputs:
    """Outputs inferred by a loaded model.

    Attributes:
        preprocess: Makes the inputs, on ``workers`` threads.
        session: Opens the model when the first batch needs it, and returns the same session after that.
        batch: Samples per call; a short last batch is filled with its first sample, and the
            filling's outputs are dropped (what ais_bench does).
        key: Identity of model and backend.
        workers: Threads that decode and preprocess.
        clocks: Told how long ``preprocess`` and ``infer`` were busy.
    """

    preprocess: Preprocess
    session: Callable[[], Session]
    batch: int
    key: str
    workers: int
    clocks: Clocks

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of model, preprocessing and the content of the samples' files."""
        files = [(sample.index, sample.id, file_digest(sample.path)) for sample in samples]
        return fingerprint(self.key, self.preprocess.identity, self.batch, files)

    def outputs(self, samples: Sequence[Sample]) -> Iterator[Arrays]:
        """Yield the outputs sample by sample, preprocessing two batches ahead."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="preprocess") as pool:
            prepared = ordered(pool, self._prepare, samples, ahead=2 * self.batch)
            groups = batched(prepared, self.batch)
            outputs = self._infer(stacked(group, self.batch) for group in groups)
            for first, arrays in zip(range(0, len(samples), self.batch), outputs, strict=True):
                count = min(self.batch, len(samples) - first)
                yield from ({name: array[i] for name, array in arrays.items()} for i in range(count))

    def _infer(self, batches: Iterator[Arrays]) -> Iterator[Arrays]:
        session = self.session()
        if isinstance(session, ParallelSession):
            yield from self.clocks.each("infer", session.infer_many(batches))
            return
        for inputs in batches:
            with self.clocks.measure("infer"):
                outputs = session.infer(inputs)
            yield outputs

    def _prepare(self, sample: Sample) -> Arrays:
        with self.clocks.measure("preprocess"):
            return self.preprocess(sample)


def stacked(group: Sequence[Arrays], batch: int) -> Arrays:
    """Make one full batch of up to ``batch`` samples' inputs, filled up with the first of them."""
    filled = [*group, *[group[0]] * (batch - len(group))]
    return {name: np.stack([inputs[name] for inputs in filled]) for name in group[0]}


def predict(
    samples: Sequence[Sample],
    source: OutputSource,
    postprocess: Postprocess,
    *,
    chunk: int,
    store: Store,
    progress: Progress,
    clocks: Clocks,
) -> tuple[list[Arrays], int]:
    """Return every sample's prediction, and how many of them were inferred now rather than read back.

    Args:
        samples: The samples, in data-set order.
        source: Gives their outputs.
        postprocess: Turns outputs into predictions.
        chunk: Samples per chunk.
        store: Keeps finished chunks.
        progress: Shown one unit per sample.
        clocks: Told how long ``postprocess`` was busy.
    """
    predictions: list[Arrays] = []
    fresh = 0
    with progress.track("predict", len(samples), "images") as advance:
        for group in batched(samples, chunk):
            key = fingerprint(source.identity(group), postprocess.identity)
            make = partial(_write_chunk, group, source, postprocess, advance, clocks)
            with clocks.measure("stream"):
                built = store.build("predictions", key, make)
            predictions.extend(read_predictions(built.path / "predictions.npz"))
            if built.reused:
                advance(len(group))
            else:
                fresh += len(group)
    return predictions, fresh


def prepared(samples: Sequence[Sample], preprocess: Preprocess, progress: Progress) -> Iterator[Arrays]:
    """Yield every sample's inputs, in order."""
    count = workers()
    with (
        ThreadPoolExecutor(count, thread_name_prefix="preprocess") as pool,
        progress.track("preprocess", len(samples), "images") as advance,
    ):
        yield from counted(ordered(pool, preprocess, samples, ahead=4 * count), advance)


def counted(items: Iterable[In], advance: Callable[[int], None]) -> Iterator[In]:
    """Pass items through, telling ``advance`` of each once the consumer is done with it."""
    for item in items:
        yield item
        advance(1)


def chunk_size(batch: int) -> int:
    """Return the samples of a chunk: whole batches, at least :data:`CHUNK`, and work for a few devices."""
    return batch * max(BATCHES, -(-CHUNK // batch))


def workers() -> int:
    """Return how many threads decode: half the processors this process may use, for the rest infers."""
    return max(1, len(os.sched_getaffinity(0)) // 2)


def write_predictions(path: Path, predictions: Sequence[Arrays]) -> None:
    """Write predictions as one ``.npz``: each named array concatenated, and the lengths to cut it by.

    The bytes depend on the predictions only.
    """
    names = sorted({name for prediction in predictions for name in prediction})
    columns: dict[str, NDArray[Any]] = {}
    for name in names:
        arrays = [np.asarray(prediction[name]) for prediction in predictions]
        columns[f"{name}.lengths"] = np.array([len(array) for array in arrays], dtype=np.int64)
        columns[name] = np.concatenate(arrays)
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, count=np.array(len(predictions)), **columns)


def read_predictions(path: Path) -> list[Arrays]:
    """Read back what :func:`write_predictions` wrote."""
    with np.load(path, allow_pickle=False) as file:
        count = int(file["count"])
        names = [name for name in file.files if name != "count" and not name.endswith(".lengths")]
        split = {name: np.split(file[name], np.cumsum(file[f"{name}.lengths"])[:-1]) if count else [] for name in names}
    return [{name: split[name][position] for name in names} for position in range(count)]


def ordered(pool: ThreadPoolExecutor, call: Callable[[In], Out], items: Iterable[In], *, ahead: int) -> Iterator[Out]:
    """Map in order on a pool, never more than ``ahead`` items before the consumer."""
    waiting: deque[Future[Out]] = deque()
    rest = iter(items)
    try:
        waiting.extend(pool.submit(call, item) for item in itertools.islice(rest, ahead))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(pool.submit(call, item) for item in itertools.islice(rest, 1))
    finally:
        for future in waiting:
            future.cancel()


def batched(items: Iterable[In], size: int) -> Iterator[tuple[In, ...]]:
    """Cut into tuples of ``size``, the last one possibly shorter."""
    rest = iter(items)
    while group := tuple(itertools.islice(rest, size)):
        yield group


def _write_chunk(
    samples: Sequence[Sample],
    source: OutputSource,
    postprocess: Postprocess,
    advance: Callable[[int], None],
    clocks: Clocks,
    folder: Path,
) -> None:
    def finish(pair: tuple[Sample, Arrays]) -> Arrays:
        sample, outputs = pair
        with clocks.measure("postprocess"):
            return postprocess(outputs, sample)

    predictions = []
    with ThreadPoolExecutor(1, thread_name_prefix="postprocess") as pool:
        pairs = zip(samples, source.outputs(samples), strict=True)
        for prediction in ordered(pool, finish, pairs, ahead=WAITING):
            predictions.append(prediction)
            advance(1)
    write_predictions(folder / "predictions.npz", predictions)
