"""The benchmark of a run: pure inference at every batch size, on devices that were quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.causes import Cause, Doubt
from zoo_runner.job.options import Stage
from zoo_runner.plugin.backend_facts import SightedBackend, WatchedBackend
from zoo_runner.plugin.folders import FolderBackend
from zoo_runner.stages.benchmark.timing import Bench, benchmark, in_rate
from zoo_runner.stages.convert.driven import DrivenEngine
from zoo_runner.stages.convert.engine import LazySession
from zoo_runner.stages.gate import judging
from zoo_runner.stages.gate.suspicion import suspect
from zoo_runner.stages.gate.targets import Target, throughput_target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.folders import Timer
    from zoo_runner.plugin.interfaces import Arrays, Backend, Sample, Timings
    from zoo_runner.report.model import PerformanceRecord
    from zoo_runner.stages.convert.engine import Engine


def time_batches(job: Job, engine: Engine | None, scored: Sequence[Sample] = ()) -> None:
    """Time the model at every batch size of the manifest, and hold the figures against the chip's table.

    Args:
        job: The run.
        engine: What runs the model; ``None`` where there is none.
        scored: The samples that are scored. Several networks are timed on the first of them: how often a driver calls
            them can depend on what it is given.
    """
    with job.journal.stage(Stage.BENCHMARK) as note:
        if engine is None:
            note.skip("no model in this run: the results came from files")
            return
        manifest = job.recipe.manifest
        table = manifest.expected.table(job.chip, engine.backend.name)
        lost = NamedOnce(job.journal.warn)
        opened = partial(_timer, engine, lost)
        sizes = job.recipe.timed_sizes
        inputs = tuple(spec.at(sizes) for spec in job.recipe.host_inputs)
        fill = _of_samples(job, scored) if isinstance(engine, DrivenEngine) else None
        bench = Bench(backend=engine.backend.name, chip=job.chip, inputs=inputs, open=opened, sizes=sizes, fill=fill)
        batches = manifest.benchmark.batch
        watch = Watch(job, engine.backend)
        with job.journal.track("benchmark", len(batches), "batch sizes") as advance:
            timed: list[PerformanceRecord] = []
            for record in benchmark(bench, manifest.benchmark, tuple(table.throughput) if table else ()):
                whole = job.journal.end_to_end if record.batch == manifest.infer.batch else None
                both = record.model_copy(update={"end_to_end": whole})
                timed.append(both if table is None else in_rate(both, table.unit))
                advance(1)
        noise, unseen = watch.end()
        for each in timed:
            judged = judging.judge_throughput(each, job.recipe.loaded, noise, unseen)
            target = throughput_target(job.recipe.loaded, each)
            if not job.options.runs(Stage.GATE):
                judged = judging.ungated(judged)
            elif isinstance(target, Target):
                judged, warning = suspect(judged, target)
                if warning:
                    job.journal.warn(warning)
            job.journal.performance.append(judged)


def _of_samples(job: Job, scored: Sequence[Sample]) -> Callable[[int], Arrays] | None:
    """Return what makes inputs of the first samples, again and again; say so where there are none to make them of."""
    if not scored:
        job.journal.doubts.append(Doubt(cause=Cause.MADE_UP_INPUTS, text=MADE_UP))
        return None

    def fill(batch: int) -> Arrays:
        found = [job.recipe.host_preprocess(sample) for sample in scored[:batch]]
        return {name: np.stack([found[place % len(found)][name] for place in range(batch)]) for name in found[0]}

    return fill


class Watch:
    """A look at the devices before they are timed, and one after it."""

    def __init__(self, job: Job, backend: Backend) -> None:
        """Take the first look, at backends that can be looked at."""
        self._job = job
        self._backend = backend if isinstance(backend, WatchedBackend) else None
        self._before = self._backend.reading() if self._backend else None

    def end(self) -> tuple[tuple[str, ...], str]:
        """Take the second look, tell what both saw, and keep it for the report.

        Returns:
            What disturbed the timing, and why nobody could see whether anything did; of the latter nothing where the
            user trusts such a timing: then it is a remark beside the verdict.
        """
        if self._backend is None:
            return (), ""
        journal, options, after = self._job.journal, self._job.options, self._backend.reading()
        noise = self._backend.disturbances(self._before, after, options.devices)
        unseen = ""
        if isinstance(self._backend, SightedBackend):
            unseen = self._backend.unseen(self._before, after, options.devices)
            for when, reading in (("before", self._before), ("after", after)):
                states = self._backend.states(reading, options.devices)
                journal.watched += [f"{when} the timing: {state}" for state in states]
        for text in (*noise, *([f"the device was timed unwatched: {unseen}"] if unseen else [])):
            journal.warn(text)
        if unseen and options.trust_unwatched:
            journal.remarks.append(TRUSTED)
            unseen = ""
        return noise, unseen


MADE_UP: Final = (
    "several networks were timed on inputs of zeros, on which the driver may call them less often; run without "
    "--from benchmark"
)
TRUSTED: Final = "timed without a look at the device, as --trust-unwatched allows"


def _timer(engine: Engine, lost: NamedOnce, batch: int) -> Timer:
    """Return what times the model at a batch size: a session, or its backend's own command."""
    backend = engine.backend
    return (
        TimedCommand(engine, backend, batch)
        if isinstance(backend, FolderBackend)
        else TimedSession(engine, lost, batch)
    )


@dataclass(frozen=True)
class NamedOnce:
    """Says which devices were lost; each once, though every batch size finds it gone."""

    warn: Callable[[str], None]
    named: set[int] = field(default_factory=set)

    def __call__(self, device: int, reason: str) -> None:
        """Name a device unless that was done."""
        if device not in self.named:
            self.named.add(device)
            self.warn(f"device {device} was lost and not timed: {reason}")


class TimedSession:
    """A model to be timed, opened when it is needed."""

    def __init__(self, engine: Engine, lost: NamedOnce, batch: int) -> None:
        self._engine, self._batch = engine, batch
        self._session = LazySession(engine, batch)
        self._lost = lost

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took."""
        timings = self._session().time(inputs, warmup=warmup, loop=loop)
        self._engine.check(self._batch)  # a session may load the model again to time it
        return timings

    def close(self) -> None:
        """Release the devices, and name those that were lost."""
        for device, reason in self._session.close():
            self._lost(device, reason)


class TimedCommand:
    """A model to be timed by its backend's own command."""

    def __init__(self, engine: Engine, backend: FolderBackend, batch: int) -> None:
        self._engine, self._batch = engine, batch
        log = engine.logs / f"{backend.tool}_bs{batch}.log"
        self._timer = backend.timer(engine.session_request(batch), log)

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took."""
        timings = self._timer.time(inputs, warmup=warmup, loop=loop)
        self._engine.check(self._batch)
        return timings

    def close(self) -> None:
        """Release the device."""
        self._timer.close()
