"""Samples -> outputs of a loaded model, with the next batches being made while the device works."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from zoo_runner.errors import PluginError
from zoo_runner.job.part_samples import PartSample
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import DeviceArrays, ParallelSession
from zoo_runner.plugin.tensors import array_texts, mismatch, sample_texts
from zoo_runner.stages.fetch.sample_keys import SampleKeys
from zoo_runner.stages.iterators import UntilError, batched, buffered, ordered
from zoo_runner.stages.predict.given_sizes import SizesOf, nothing_open
from zoo_runner.stages.predict.pipeline import chunk_size, warm
from zoo_runner.store.fingerprints import fingerprint

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.plugin.interfaces import Arrays, Preprocess, Sample, Session, TensorSpec
    from zoo_runner.plugin.shapes import Sizes
    from zoo_runner.stages.predict.clocks import Clocks

READY = 2
"""Batches that wait for the device, and batches of outputs that wait to be taken, at most."""

_Buffers: TypeAlias = "dict[str, NDArray[Any]]"


@dataclass(frozen=True, kw_only=True)
class _Batch:
    """Samples of one call, by their places among all samples, and the memory for their inputs."""

    places: tuple[int, ...]
    buffers: _Buffers


class Between(Protocol):
    """Has more batches inferred, among those of the samples and in the same way."""

    def batches(self, ended: int, *, last: bool) -> Iterable[Arrays]:
        """Return full batches to infer now; asked before each batch of samples, and once (``last``) behind them.

        ``ended`` is how many batches have come back.
        """

    def take(self, outputs: Arrays) -> None:
        """Take the outputs of the next of these batches, in their order."""


def _nothing() -> None:
    """Find nothing changed."""


@dataclass(frozen=True, kw_only=True)
class ModelOutputs:
    """Outputs inferred by a loaded model.

    Attributes:
        preprocess: Makes the inputs, on ``workers`` threads.
        inputs: What it makes, as the session takes it.
        session: Opens the model when the first batch needs it, and returns the same session after that.
        batch: Samples per call; a short last batch is filled with its first sample, and the
            filling's outputs are dropped (what ais_bench does).
        key: Identity of model and backend.
        workers: Threads that decode and preprocess.
        clocks: Told how long ``preprocess`` and ``infer`` were busy.
        unchanged: Raises an error if the model is not what ``key`` says any more.
        keys: The samples' files as they were when they were hashed.
        sizes: Says the sizes of open axes that the model is given for a sample. A call has samples of the same sizes.
        parts: Whether samples are parts of samples.
        whole: Names of tensors without a batch axis, which are of the one sample of a call.
        between: Has more batches inferred between those of the samples; ``None`` for none.
    """

    preprocess: Preprocess
    inputs: tuple[TensorSpec, ...]
    session: Callable[[], Session]
    batch: int
    key: str
    workers: int
    clocks: Clocks
    unchanged: Callable[[], None] = _nothing
    keys: SampleKeys = field(default_factory=SampleKeys, repr=False, compare=False)
    sizes: SizesOf = nothing_open
    whole: frozenset[str] = frozenset()
    parts: bool = False
    between: Between | None = None

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return the key of model, preprocessing, the content of the samples' files and what is known of them."""
        return fingerprint(self.key, self.preprocess.identity, self.batch, self.keys.of(samples))

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse outputs of samples whose files, or whose model, changed since they were hashed.

        Raises:
            ChangedError: The first file that did.
        """
        self.keys.check(samples)
        self.unchanged()

    def warm(self, samples: int) -> None:
        """Tell the preprocessing how much is coming."""
        warm(samples, self.preprocess)

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield the outputs sample by sample, with a few batches in the making.

        Raises:
            PluginError: The preprocessing returned something else than ``inputs``.
        """
        with (
            ThreadPoolExecutor(self.workers, thread_name_prefix="preprocess") as pool,
            buffered(self._batches(pool, samples), ahead=READY, name="batches") as batches,
            # Loaded by this thread, which an interrupt can reach, while the first batches are being made.
            buffered(self._inferred(self.session(), batches), ahead=READY, name="device") as inferred,
        ):
            waiting: dict[int, Arrays] = {}
            turn = 0
            for places, outputs in inferred:
                waiting |= {place: _of_sample(outputs, row, self.whole) for row, place in enumerate(places)}
                while turn in waiting:
                    yield waiting.pop(turn)
                    turn += 1

    def _batches(self, pool: ThreadPoolExecutor, samples: Iterable[Sample]) -> Iterator[_Batch]:
        """Yield full batches."""
        ahead = max(self.batch, 2 * self.workers)
        with closing(ordered(pool, self._prepare, self._rows(samples), ahead=ahead)) as filled:
            for batch in filled:
                for _ in islice(filled, len(batch.places) - 1):  # until all of its rows are prepared
                    pass
                for name, array in batch.buffers.items():
                    if name not in self.whole:
                        array[len(batch.places) :] = array[0]
                yield batch

    def _rows(self, samples: Iterable[Sample]) -> Iterator[tuple[Sample, _Batch, int]]:
        """Give each sample its row in a batch, so that no thread need put them together later.

        Where sizes differ, those of the same sizes come together within as many samples as a chunk has. So chunks have
        batches of their own: predicting some of the chunks gives what predicting all would.
        """
        size = self.batch if self.sizes is nothing_open else chunk_size(self.batch)
        windows = batched(enumerate(samples), size)
        for window in parts_apart(enumerate(samples), self.batch) if self.parts else windows:
            groups: dict[tuple[tuple[str, int], ...], list[tuple[int, Sample]]] = {}
            for place, sample in window:
                groups.setdefault(tuple(sorted(self.sizes(sample).items())), []).append((place, sample))
            for sizes, group in groups.items():
                for rows in batched(group, self.batch):
                    batch = _Batch(places=tuple(place for place, _ in rows), buffers=self._buffers(dict(sizes)))
                    yield from ((sample, batch, row) for row, (_, sample) in enumerate(rows))

    def _buffers(self, sizes: Sizes) -> _Buffers:
        """Return new memory: whoever still looks at that of an old batch, such as outputs that are views of it, may."""
        specs = [spec.at(sizes) for spec in self.inputs]
        return {spec.name: np.empty(spec.sized(self.batch), np.dtype(spec.dtype)) for spec in specs}

    def _prepare(self, where: tuple[Sample, _Batch, int]) -> _Batch:
        sample, batch, row = where
        buffers = batch.buffers
        with self.clocks.measure("preprocess"):
            with calling("zoo_preprocess", sample):
                arrays = self.preprocess(sample)
            expected = {name: (array.dtype, array.shape[name not in self.whole :]) for name, array in buffers.items()}
            found = {name: (array.dtype, array.shape) for name, array in arrays.items()}
            if found != expected:
                named, remedy = f"inputs of sample {sample.id!r}", "correct the plugin's preprocessing"
                raise PluginError(mismatch(named, sample_texts(self.inputs), array_texts(arrays), remedy))
            for name, array in arrays.items():
                buffers[name][... if name in self.whole else row] = array
        return batch

    def _inferred(self, session: Session, batches: Iterator[_Batch]) -> Iterator[tuple[tuple[int, ...], Arrays]]:
        """Run the batches; of those before an error, none is dropped."""
        taken: deque[tuple[int, ...] | None] = deque()  # of batches in between, there is no place
        given, between, ended = UntilError(batches), self.between, 0

        def inputs() -> Iterator[Arrays]:
            while True:
                with self.clocks.pause("infer"):
                    batch = next(given, None)
                for more in between.batches(ended, last=batch is None) if between else ():
                    taken.append(None)
                    yield more
                if batch is None:
                    return
                taken.append(batch.places)
                yield batch.buffers

        run = session.infer_many if isinstance(session, ParallelSession) else partial(map, session.infer)
        for outputs in self.clocks.each("infer", run(inputs())):
            places, ended = taken.popleft(), ended + 1
            if places is not None:
                yield places, outputs
            elif between is not None:
                between.take(outputs)
        given.check()


def parts_apart(parts: Iterable[tuple[int, Sample]], batch: int) -> Iterator[tuple[tuple[int, Sample], ...]]:
    """Yield batches of parts; none has parts of two chunks of samples.

    So a run that goes on where another one was killed gives the model the same batches.

    Args:
        parts: With their places, of chunks of :func:`~.pipeline.chunk_size` whole samples.
        batch: Parts of a call.
    """
    group: list[tuple[int, Sample]] = []
    ended = 0
    for place, part in parts:
        group.append((place, part))
        ended += isinstance(part, PartSample) and part.last
        if len(group) == batch or ended == chunk_size(batch):
            yield tuple(group)
            group.clear()
            ended %= chunk_size(batch)
    if group:
        yield tuple(group)


def _of_sample(outputs: Arrays, place: int, whole: frozenset[str]) -> Arrays:
    """Return one sample's outputs of a batch's, and which device they come from, if that is known."""
    arrays = {name: array if name in whole else array[place] for name, array in outputs.items()}
    return DeviceArrays(arrays, outputs.device, place) if isinstance(outputs, DeviceArrays) else arrays
