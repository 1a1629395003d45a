"""Timing pure inference, batch size by batch size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.errors import InferenceError
from zoo_runner.manifest.rates import converted, per_sample, rate_name
from zoo_runner.plugin.interfaces import Timings
from zoo_runner.report.model import PerformanceRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from zoo_runner.manifest.rates import RateOfSamples
    from zoo_runner.manifest.schema import BenchmarkOptions
    from zoo_runner.plugin.folders import Timer
    from zoo_runner.plugin.interfaces import Arrays, TensorSpec
    from zoo_runner.plugin.shapes import Sizes


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What is timed.

    Attributes:
        backend: Name of the backend.
        chip: Name of the chip.
        inputs: The model's inputs, with sizes for all open axes.
        sizes: The sizes of open axes, for the record.
        open: Loads the model for a batch size.
        fill: Makes the arrays of a batch; without it they are zeros, as ais_bench has them without input files.
    """

    backend: str
    chip: str
    inputs: tuple[TensorSpec, ...]
    open: Callable[[int], Timer]
    sizes: Sizes = field(default_factory=dict)
    fill: Callable[[int], Arrays] | None = None

    def arrays(self, batch: int) -> Arrays:
        """Return the inputs of a call."""
        return self.fill(batch) if self.fill else {spec.name: spec.empty(batch) for spec in self.inputs}


def benchmark(bench: Bench, options: BenchmarkOptions, gated: Sequence[int]) -> Iterator[PerformanceRecord]:
    """Yield the timing of each batch size of ``options``.

    Batch sizes in ``gated`` run the full ``loop``. For the others ``loop`` is cut so that one batch size
    takes about ``max_seconds``, and a batch size of which a few calls would already take longer, going by
    the one before it, is skipped and says so: a table of NPU batch sizes must not take hours on a CPU.

    Raises:
        InferenceError: The model cannot be timed, or what the backend returned are no times.
    """
    per_sample = 0.0
    for batch in options.batch:
        full = batch in gated
        if not full and per_sample * batch * (PROBES + 1) > options.max_seconds:
            yield _record(
                bench, batch, Timings(compute_ms=()), f"skipped: a call would take about {per_sample * batch:.1f} s"
            )
            continue
        with _session(bench, batch) as session:
            inputs = bench.arrays(batch)
            probe = _timed(session, inputs, warmup=1, loop=PROBES)
            per_sample = float(np.mean(probe.compute_ms)) / 1000 / batch
            affordable = int(options.max_seconds / max(per_sample * batch, 1e-9))
            loop = options.loop if full else max(PROBES, min(options.loop, affordable))
            warmup = options.warmup if full else min(options.warmup, affordable)
            times = _timed(session, inputs, warmup=warmup, loop=loop)
        yield _record(bench, batch, times, "")


PROBES = 2
"""Calls that tell how long a batch size takes, before choosing how often to loop."""


def throughput(batch: int, mean_ms: float) -> float:
    """Return samples per second as ais_bench computes it: ``1000 * batchsize / mean(NPU_compute_time)``."""
    return 1000 * batch / mean_ms


def in_rate(record: PerformanceRecord, unit: str | RateOfSamples) -> PerformanceRecord:
    """Return a timing in samples per second with its rates in another unit."""
    rates = {name: converted(getattr(record, name), unit) for name in ("throughput", "end_to_end")}
    return record.model_copy(update={**rates, "unit": rate_name(unit), "per_sample": float(per_sample(unit))})


@contextmanager
def _session(bench: Bench, batch: int) -> Iterator[Timer]:
    session = bench.open(batch)
    try:
        yield session
    finally:
        session.close()


HUNDRED: Final = 100
"""Least calls that have a 99th percentile: of fewer it is the slowest one."""


def _timed(session: Timer, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
    """Time calls; a mean of what is no time could look like any speed."""
    times = session.time(inputs, warmup=warmup, loop=loop)
    wrong = [each for each in times.compute_ms if not (math.isfinite(each) and each > 0)]
    if wrong or not times.compute_ms:
        found = f"{len(wrong)} that are not, such as {wrong[0]:g} ms" if wrong else "none"
        raise InferenceError(f"timing: expected positive times of {loop} calls from the backend, found {found}")
    return times


def _record(bench: Bench, batch: int, times: Timings, why: str) -> PerformanceRecord:
    compute = times.compute_ms
    if not compute:
        return PerformanceRecord(
            backend=bench.backend, chip=bench.chip, batch=batch, sizes=bench.sizes, loops=0, why=why
        )
    mean = float(np.mean(compute))
    return PerformanceRecord(
        backend=bench.backend,
        chip=bench.chip,
        batch=batch,
        sizes=bench.sizes,
        loops=len(compute),
        min_ms=min(compute),
        mean_ms=mean,
        median_ms=float(np.median(compute)),
        p99_ms=float(np.percentile(compute, 99)) if len(compute) >= HUNDRED else None,
        to_device_ms=_mean(times.to_device_ms),
        from_device_ms=_mean(times.from_device_ms),
        throughput=throughput(batch, mean),
        why=why,
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
