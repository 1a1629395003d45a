"""Samples -> predictions: decode, device and postprocessing at work at the same time, over all samples at once.

::

    store lookup -> preprocess threads -> batches -> device thread -> postprocess threads -> chunks
    chunks -> store thread, metric thread

Every arrow is bounded: whatever is slowest sets the pace and the others wait, so that memory grows with the kept
predictions only. A chunk of consecutive samples is what is kept in the store, under a key made of everything that
shaped it: a killed run goes on where it was, and a change redoes only what it touches. Neither the number of
threads nor their timing changes a prediction, a file, or which error ends a run.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from zoo_runner.errors import EqualOutputsError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.interfaces import SAMPLES
from zoo_runner.plugin.speed import Warmable
from zoo_runner.report.predictions import read_predictions, write_predictions
from zoo_runner.stages.iterators import batched, closed, ordered
from zoo_runner.stages.threads import finishers, workers
from zoo_runner.store.fingerprints import fingerprint
from zoo_runner.store.store import DamagedError

if TYPE_CHECKING:
    from zoo_runner.plugin.interfaces import Arrays, Postprocess, Preprocess, Progress, Sample
    from zoo_runner.stages.predict.clocks import Clocks
    from zoo_runner.store.store import Built, Store

CHUNK = 64
"""Least samples in a chunk: large enough to keep the bookkeeping small, small enough to lose little."""

BATCHES = 4
"""Least batches in a chunk."""

WAITING = 16
"""Most samples in postprocessing; past that the device waits instead of the memory growing."""

KEEPING = 4
"""Most finished chunks that wait for the disk."""

KIND = "predictions"
FILE = "predictions.npz"

In = TypeVar("In")
Out = TypeVar("Out")

Finished: TypeAlias = "Callable[[int, Sequence[Sample], Sequence[Arrays]], None]"
"""Told of a chunk that is there: its rank among all, its samples and their predictions."""


class OutputSource(Protocol):
    """Where the model's outputs come from: the model, or files somebody else's run left."""

    def identity(self, samples: Sequence[Sample]) -> str:
        """Return a text that changes whenever the outputs of these samples would."""

    def outputs(self, samples: Iterable[Sample]) -> Iterator[Arrays]:
        """Yield each sample's outputs by name, in order, without batch axis.

        ``samples`` may be long and is not to be listed: a few are taken ahead, perhaps in another thread.
        """

    def check(self, samples: Sequence[Sample]) -> None:
        """Refuse outputs that were made of something else than what ``identity`` looked at.

        Raises:
            ChangedError: A file changed since.
        """


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Who is told what goes on.

    Attributes:
        progress: Shown one unit per sample.
        clocks: Told how long ``postprocess`` was busy, and how long all of it took (``stream``).
        noun: What the samples are called, in the plural.
        finished: Told of every chunk, in whatever order they are there; must return at once.
    """

    progress: Progress
    clocks: Clocks
    noun: str = SAMPLES
    finished: Finished | None = None

    def hear(self, chunk: _Chunk) -> None:
        """Tell of a chunk that is there."""
        if self.finished is not None:
            self.finished(chunk.place, chunk.samples, chunk.predictions)


@dataclass
class _Chunk:
    """Consecutive samples, and their predictions as far as they are there; ``place`` is its rank among all chunks."""

    place: int
    samples: Sequence[Sample]
    key: str
    reused: bool
    predictions: list[Arrays]


def predict(
    samples: Sequence[Sample],
    source: OutputSource,
    postprocess: Postprocess,
    *,
    chunk: int,
    store: Store,
    listeners: Listeners,
) -> tuple[list[Arrays], int]:
    """Return every sample's prediction, and how many of them were inferred now rather than read back.

    Args:
        samples: The samples, in data-set order.
        source: Gives their outputs.
        postprocess: Turns outputs into predictions; called on several threads.
        chunk: Samples per chunk.
        store: Keeps finished chunks.
        listeners: Told what goes on.

    Raises:
        ChangedError: A file changed between being hashed and being used; of its chunk nothing is kept.
        EqualOutputsError: Outputs of different inputs are equal; nothing that was inferred now is kept.
    """
    clocks, chunks = listeners.clocks, list[_Chunk]()
    missing = _missing(samples, source, postprocess.identity, chunk, store, chunks)

    def postprocessed(pair: tuple[Arrays, tuple[_Chunk, Sample]]) -> tuple[_Chunk, Arrays]:
        outputs, (home, sample) = pair
        with clocks.measure("postprocess"):
            with calling("zoo_postprocess", sample, outputs):
                prediction = postprocess(outputs, sample)
            return home, _owned(prediction)

    def kept(chunk: _Chunk) -> Future[None]:
        listeners.hear(chunk)
        return writer.submit(_keep, store, source, chunk)

    def reused(chunk: _Chunk) -> None:
        listeners.hear(chunk)
        advance(len(chunk.samples))

    with (
        clocks.measure("stream"),
        listeners.progress.track("preprocess to postprocess", len(samples), listeners.noun) as advance,
        ThreadPoolExecutor(1, thread_name_prefix="store") as writer,
        ThreadPoolExecutor(finishers(), thread_name_prefix="postprocess") as pool,
        closed(_outputs(source, missing, lambda: warm(len(samples), source, postprocess))) as outputs,
        closing(
            ordered(pool, postprocessed, zip(outputs, _in_turn(chunks, reused), strict=True), ahead=WAITING)
        ) as predicted,
    ):
        try:
            _collect(predicted, kept, advance)
        except EqualOutputsError:  # the wrong one of the two may be the one that is kept already
            writer.submit(_discard, store, chunks).result()
            raise
    predictions = [prediction for each in chunks for prediction in each.predictions]
    return predictions, sum(len(each.samples) for each in chunks if not each.reused)


def _collect(
    predicted: Iterator[tuple[_Chunk, Arrays]], keep: Callable[[_Chunk], Future[None]], advance: Callable[[int], None]
) -> None:
    """Put the predictions into their chunks, and have those kept that are complete."""
    keeping: deque[Future[None]] = deque()
    for home, prediction in predicted:
        home.predictions.append(prediction)
        advance(1)
        if len(home.predictions) == len(home.samples):
            keeping.append(keep(home))
        while keeping and (keeping[0].done() or len(keeping) > KEEPING):
            keeping.popleft().result()
    for future in keeping:
        future.result()


def chunk_key(source: OutputSource, samples: Sequence[Sample], postprocess: str) -> str:
    """Name the predictions of consecutive samples by all that shapes them, but the code."""
    return fingerprint(source.identity(samples), postprocess)


def drawn(
    samples: Sequence[Sample],
    source: OutputSource,
    postprocess: Postprocess,
    *,
    chunk: int,
    store: Store,
    why_not: str,
) -> list[Sample]:
    """Let a store in doubt draw from the chunks of these samples, and return the samples of those that it drew.

    They are whole chunks: predicting them alone gives what predicting all would.

    Args:
        samples: The samples, in data-set order.
        source: Gives their outputs.
        postprocess: Turns outputs into predictions.
        chunk: Samples per chunk.
        store: Has the chunks.
        why_not: Why none can be made again with the same bytes; empty when they can.
    """
    groups = {chunk_key(source, group, postprocess.identity): group for group in batched(samples, chunk)}
    keys = store.announce(KIND, list(groups), why_not)
    return [sample for key, group in groups.items() if key in keys for sample in group]


def _missing(
    samples: Sequence[Sample], source: OutputSource, postprocess: str, size: int, store: Store, chunks: list[_Chunk]
) -> Iterator[Sample]:
    """List all chunks one by one, and yield the samples of those that the store does not have."""
    for group in batched(samples, size):
        key = chunk_key(source, group, postprocess)
        found = _found(store, key, len(group))
        chunks.append(
            _Chunk(place=len(chunks), samples=group, key=key, reused=found is not None, predictions=found or [])
        )
        if found is None:
            yield from group


def _found(store: Store, key: str, count: int) -> list[Arrays] | None:
    """Return the predictions of a chunk that the store has; of a damaged one nothing, so that it is made again."""
    if store.read_only:
        path: Path | None = store.build(KIND, key, _nothing, accept=partial(_readable, count=count)).path
    else:
        path = store.lookup(KIND, key)
    try:
        return None if path is None else _read(path, count)
    except DamagedError:  # _keep says so
        return None


def _read(folder: Path, count: int) -> list[Arrays]:
    try:
        found = read_predictions(folder / FILE)
    except Exception as error:
        raise DamagedError(f"{FILE} cannot be read ({type(error).__name__}: {error})") from error
    if len(found) != count:
        raise DamagedError(f"{FILE} has {len(found)} predictions, expected {count}")
    return found


def _readable(built: Built, count: int) -> bool:
    _read(built.path, count)
    return True


def _nothing(_folder: Path) -> None:
    """Stand for the making of what is only to be found."""


def _outputs(source: OutputSource, missing: Iterator[Sample], begin: Callable[[], None]) -> Iterator[Arrays]:
    """Ask the source only when something is missing: asking may load a model or start a command."""
    first = next(missing, None)
    if first is None:
        return iter(())
    begin()
    return source.outputs(itertools.chain([first], missing))


def warm(samples: int, *parts: object) -> None:
    """Tell those parts that want to know how much is coming."""
    for part in parts:
        if isinstance(part, Warmable):
            part.warm(samples)


def _in_turn(chunks: list[_Chunk], reuse: Callable[[_Chunk], None]) -> Iterator[tuple[_Chunk, Sample]]:
    """Yield the samples that outputs come for, in their order; the list is still growing meanwhile."""
    position = 0
    while position < len(chunks):
        chunk = chunks[position]
        if chunk.reused:
            reuse(chunk)
        else:
            yield from ((chunk, sample) for sample in chunk.samples)
        position += 1


def _owned(prediction: Arrays) -> Arrays:
    """Copy what is a view of something larger: one of a batch's outputs would keep all of them in memory."""
    return {name: array if array.base is None else array.copy() for name, array in prediction.items()}


def _keep(store: Store, source: OutputSource, chunk: _Chunk) -> None:
    source.check(chunk.samples)
    store.build(
        KIND,
        chunk.key,
        lambda folder: write_predictions(folder / FILE, chunk.predictions),
        accept=partial(_readable, count=len(chunk.samples)),
    )


def _discard(store: Store, chunks: Sequence[_Chunk]) -> None:
    for chunk in chunks:
        if not chunk.reused:
            store.discard(KIND, chunk.key)


def prepared(
    samples: Sequence[Sample], preprocess: Preprocess, progress: Progress, noun: str = SAMPLES
) -> Iterator[Arrays]:
    """Yield every sample's inputs, in order; ``noun`` is what the samples are called, in the plural."""
    count = workers()
    warm(len(samples), preprocess)
    with (
        ThreadPoolExecutor(count, thread_name_prefix="preprocess") as pool,
        progress.track("preprocess", len(samples), noun) as advance,
    ):
        yield from counted(ordered(pool, partial(inputs_of, preprocess), samples, ahead=4 * count), advance)


def inputs_of(preprocess: Preprocess, sample: Sample) -> Arrays:
    """Return a sample's inputs.

    Raises:
        HookError: The plugin's preprocessing failed.
    """
    with calling("zoo_preprocess", sample):
        return preprocess(sample)


def counted(items: Iterable[In], advance: Callable[[int], None]) -> Iterator[In]:
    """Pass items through, telling ``advance`` of each once the consumer is done with it."""
    for item in items:
        yield item
        advance(1)


def chunk_size(batch: int) -> int:
    """Return the samples of a chunk: whole batches, at least :data:`CHUNK`, and work for a few devices."""
    return batch * max(BATCHES, -(-CHUNK // batch))
