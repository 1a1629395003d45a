"""The benchmark of a run: pure inference at every batch size, on devices that were quiet."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from zoo_runner.interfaces import WatchedBackend
from zoo_runner.options import Stage
from zoo_runner.stages import gate
from zoo_runner.stages.ais_bench import TOOL, CommandTimer
from zoo_runner.stages.benchmark import Bench, benchmark
from zoo_runner.stages.engine import LazySession
from zoo_runner.stages.pixels import host_inputs
from zoo_runner.stages.targets import throughput_target

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo_runner.interfaces import Arrays, Timings
    from zoo_runner.job import Job
    from zoo_runner.report.model import PerformanceRecord
    from zoo_runner.stages.engine import Engine


def time_batches(job: Job, engine: Engine | None) -> None:
    """Time the model at every batch size of the manifest, and hold the figures against the chip's table."""
    with job.journal.stage(Stage.BENCHMARK) as note:
        if engine is None:
            note.skip("no model in this run: the results came from files")
            return
        manifest = job.recipe.manifest
        table = manifest.expected.table(job.chip, engine.backend.name)
        lost = NamedOnce(job.journal.warn)
        opened = partial(CommandTimer, engine) if manifest.infer.tool == TOOL else partial(TimedSession, engine, lost)
        bench = Bench(backend=engine.backend.name, chip=job.chip, inputs=host_inputs(manifest), open=opened)
        sizes = manifest.benchmark.batch
        watched = engine.backend if isinstance(engine.backend, WatchedBackend) else None
        before = watched.reading() if watched else None
        with job.journal.track("benchmark", len(sizes), "batch sizes") as advance:
            timed: list[PerformanceRecord] = []
            for record in benchmark(bench, manifest.benchmark, tuple(table.throughput) if table else ()):
                whole = job.journal.end_to_end if record.batch == manifest.infer.batch else None
                timed.append(record.model_copy(update={"end_to_end": whole}))
                advance(1)
        noise = watched.disturbances(before, watched.reading(), job.options.devices) if watched else ()
        for disturbance in noise:
            job.journal.warn(disturbance)
        for each in timed:
            judged = gate.judge_throughput(each, job.recipe.loaded, noise)
            if not job.options.runs(Stage.GATE):
                judged = gate.ungated(judged)
            if warning := gate.too_good(judged, throughput_target(job.recipe.loaded, each)):
                job.journal.warn(warning)
            job.journal.performance.append(judged)


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
        self._session = LazySession(engine, batch)
        self._lost = lost

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        """Run one batch ``warmup + loop`` times and return how long the last ``loop`` took."""
        return self._session().time(inputs, warmup=warmup, loop=loop)

    def close(self) -> None:
        """Release the devices, and name those that were lost."""
        for device, reason in self._session.close():
            self._lost(device, reason)
