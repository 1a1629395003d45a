"""The benchmark of a run: pure inference at every batch size, on devices that were quiet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from zoo_runner.interfaces import WatchedBackend
from zoo_runner.options import Stage
from zoo_runner.stages import gate
from zoo_runner.stages.ais_bench import TOOL, CommandTimer
from zoo_runner.stages.benchmark import Bench, benchmark
from zoo_runner.stages.pixels import host_inputs

if TYPE_CHECKING:
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
        table = manifest.expected.chips.get(job.chip)
        opened = partial(CommandTimer, engine) if manifest.infer.tool == TOOL else engine.open
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
        job.journal.performance += [gate.judge_throughput(each, manifest.expected, noise) for each in timed]
