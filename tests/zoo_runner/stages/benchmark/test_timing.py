from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from zoo_runner.errors import InferenceError
from zoo_runner.manifest.schema import BenchmarkOptions
from zoo_runner.plugin.interfaces import Arrays, TensorSpec, Timings
from zoo_runner.stages.benchmark.timing import PROBES, Bench, benchmark, throughput

INPUT = TensorSpec("image", "float32", ("batch", 2))


@dataclass
class SteadyModel:
    """A model that takes the same time per sample at every call, and counts what it is asked."""

    batch: int
    ms_per_sample: float
    log: list[str] = field(default_factory=list)

    def infer(self, inputs: Arrays) -> Arrays:
        raise NotImplementedError

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        assert inputs["image"].shape == (self.batch, 2)
        self.log.append(f"bs{self.batch} warmup {warmup} loop {loop}")
        return Timings(compute_ms=(self.batch * self.ms_per_sample,) * loop)

    def close(self) -> None:
        self.log.append(f"bs{self.batch} closed")


def bench(ms_per_sample: float, log: list[str]) -> Bench:
    return Bench(
        backend="steady", chip="cpu", inputs=(INPUT,), open=lambda batch: SteadyModel(batch, ms_per_sample, log)
    )


def test_figures_are_those_of_ais_bench() -> None:
    options = BenchmarkOptions(batch=(16,), loop=20, warmup=3)
    (record,) = benchmark(bench(2.0, []), options, gated=(16,))
    assert (record.mean_ms, record.median_ms, record.p99_ms, record.loops) == (32.0, 32.0, None, 20)
    assert record.throughput == throughput(16, 32.0) == 500.0


def test_gated_batch_sizes_run_every_loop_and_close() -> None:
    log: list[str] = []
    options = BenchmarkOptions(batch=(1, 4), loop=1000, warmup=5, max_seconds=0.001)
    list(benchmark(bench(2.0, log), options, gated=(1, 4)))
    probe = f"warmup 1 loop {PROBES}"
    assert log == [
        f"bs1 {probe}",
        "bs1 warmup 5 loop 1000",
        "bs1 closed",
        f"bs4 {probe}",
        "bs4 warmup 5 loop 1000",
        "bs4 closed",
    ]


@pytest.mark.parametrize(
    ("max_seconds", "loops"),
    [
        pytest.param(10.0, [1000, 1000, 625], id="enough time for most"),
        pytest.param(1.0, [1000, 250, 62], id="loops are cut"),
        pytest.param(0.02, [20, 5, 0], id="the last size is skipped"),
    ],
)
def test_ungated_batch_sizes_keep_to_the_time(max_seconds: float, loops: list[int]) -> None:
    options = BenchmarkOptions(batch=(1, 4, 16), loop=1000, warmup=5, max_seconds=max_seconds)
    records = list(benchmark(bench(1.0, []), options, gated=()))
    assert [record.loops for record in records] == loops


def test_a_skipped_batch_size_says_why() -> None:
    options = BenchmarkOptions(batch=(1, 64), loop=10, max_seconds=1.0)
    skipped = list(benchmark(bench(500.0, []), options, gated=()))[1]
    assert (skipped.throughput, skipped.why) == (None, "skipped: a call would take about 32.0 s")


def test_a_failing_model_is_closed() -> None:
    log: list[str] = []

    class Failing(SteadyModel):
        def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
            raise RuntimeError("device lost")

    failing = Bench(backend="b", chip="c", inputs=(INPUT,), open=lambda batch: Failing(batch, 1.0, log))
    with pytest.raises(RuntimeError, match="device lost"):
        list(benchmark(failing, BenchmarkOptions(), gated=()))
    assert log == ["bs1 closed"]


@dataclass
class Clock:
    """A model whose backend returns given times."""

    times: tuple[float, ...]
    closed: bool = False

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        return Timings(compute_ms=self.times)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ((), "none"),
        ((0.0, 0.0), "2 that are not, such as 0 ms"),
        ((-99.0, 100.0), "1 that are not, such as -99 ms"),  # their mean is a time
        ((5.0, float("nan")), "1 that are not, such as nan ms"),
        ((float("inf"),), "1 that are not, such as inf ms"),
    ],
)
def test_what_is_no_time_is_no_timing(times: tuple[float, ...], found: str) -> None:
    model = Clock(times)
    opened = Bench(backend="steady", chip="cpu", inputs=(INPUT,), open=lambda _batch: model)
    with pytest.raises(InferenceError) as caught:
        list(benchmark(opened, BenchmarkOptions(batch=(1,)), gated=(1,)))
    assert str(caught.value) == (f"timing: expected positive times of {PROBES} calls from the backend, found {found}")
    assert model.closed
