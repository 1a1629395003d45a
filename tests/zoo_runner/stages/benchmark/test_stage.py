"""Timing: which figures are held against the table, and when nothing can be said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from places import TRIAL
from zoo_runner.errors import ChangedError
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.manifest.load import load
from zoo_runner.plugin.interfaces import Arrays, Prerequisite, SessionRequest, Timings
from zoo_runner.report.model import Verdict
from zoo_runner.stages.benchmark.stage import TRUSTED, time_batches
from zoo_runner.stages.benchmark.timing import PROBES
from zoo_runner.stages.convert.engine import Engine
from zoo_runner.stages.export.model import ModelFile
from zoo_runner.store.fingerprints import file_digest
from zoo_runner.store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Listener

TABLE = "expected.chips={steady: {throughput: {1: 100}, tolerance: {rel: 0.1}, confirm: a test}}"
UNSEEN = "the device was timed unwatched: no tool"
ANOTHER = "expected.chips={steady@other: {throughput: {1: 100}, tolerance: {rel: 0.1}, confirm: a test}}"


@dataclass
class SteadySession:
    """A model on two devices, of which it lost some; each call takes the same time."""

    ms: float
    lost: tuple[tuple[int, str], ...]
    log: list[str]

    def infer(self, inputs: Arrays) -> Arrays:
        raise NotImplementedError

    def infer_many(self, batches: Iterator[Arrays]) -> Iterator[Arrays]:
        raise NotImplementedError

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        self.log.append(f"bs{len(inputs['numbers'])} warmup {warmup} loop {loop}")
        return Timings(compute_ms=(self.ms,) * loop)

    def close(self) -> None:
        self.log.append("closed")


@dataclass
class SteadyBackend:
    """A backend whose devices are read before the first model is opened and after the last was closed."""

    ms: float = 5.0
    noise: tuple[str, ...] = ()
    lost: tuple[tuple[int, str], ...] = ()
    log: list[str] = field(default_factory=list)
    name: str = "steady"

    def prerequisites(self) -> tuple[Prerequisite, ...]:
        return ()

    def chip(self) -> str:
        return "steady"

    def version(self) -> str:
        return "1"

    def reading(self) -> object:
        self.log.append("read")
        return len(self.log)

    def disturbances(self, before: Any, after: Any, devices: Sequence[int]) -> tuple[str, ...]:
        assert before < after
        self.log.append(f"compared {list(devices)}")
        return self.noise

    def open(self, request: SessionRequest) -> SteadySession:
        self.log.append(f"open bs{request.batch}")
        return SteadySession(self.ms, self.lost, self.log)


@dataclass
class SightedSteadyBackend(SteadyBackend):
    """Likewise, and it may not see its devices."""

    blind: str = ""

    def unseen(self, before: Any, after: Any, devices: Sequence[int]) -> str:
        assert before < after
        return self.blind

    def states(self, reading: Any, devices: Sequence[int]) -> tuple[str, ...]:
        return () if self.blind else tuple(f"device {device} is fine" for device in devices)


Jobs = Callable[..., tuple[Job, Engine]]


@pytest.fixture
def job(trial_site: Path, tmp_path: Path, listener: Listener, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    monkeypatch.syspath_prepend(trial_site)

    def make(backend: SteadyBackend, *overrides: str, table: str = TABLE, trusting: bool = False) -> tuple[Job, Engine]:
        loaded = load(TRIAL, (table, *overrides))
        options = RunOptions(output=tmp_path / "out", devices=(0, 1), trust_unwatched=trusting)
        recipe = resolve(loaded, options)
        journal = Journal(loaded=loaded, progress=listener, end_to_end=7.0)
        store = Store(tmp_path / "store")
        path = tmp_path / "model.onnx"
        path.write_bytes(b"any")
        model = ModelFile(path=path, sha256=file_digest(path), reused=True, differences={})
        engine = Engine(recipe=recipe, backend=backend, model=model, devices=(0, 1), store=store, logs=tmp_path)
        return Job(recipe=recipe, options=options, store=store, journal=journal, backend=backend), engine

    return make


def test_the_table_s_batch_sizes_are_gated(job: Jobs) -> None:
    backend = SteadyBackend()
    made, engine = job(backend, "benchmark={batch: [1, 8], loop: 4, warmup: 1, max_seconds: 0.015}")
    time_batches(made, engine)
    one, eight = made.journal.performance
    assert (one.verdict, one.throughput, one.expected, one.tolerance) == (Verdict.PASS, 200.0, 100.0, 10.0)
    assert (eight.verdict, eight.expected, eight.loops) == (Verdict.NOT_GATED, None, 0)
    assert (one.end_to_end, eight.end_to_end) == (None, 7.0)  # the data set was inferred at batch 8
    assert backend.log == [
        "read",
        "open bs1",
        f"bs1 warmup 1 loop {PROBES}",
        "bs1 warmup 1 loop 4",
        "closed",
        "read",
        "compared [0, 1]",
    ]
    (stage,) = made.journal.stages
    assert (stage.name, stage.skipped) == ("benchmark", False)


class ReloadingSession(SteadySession):
    """A model that somebody replaces before it is loaded again to be timed."""

    model: Path

    def time(self, inputs: Arrays, *, warmup: int, loop: int) -> Timings:
        self.model.write_bytes(b"another")
        return super().time(inputs, warmup=warmup, loop=loop)


class ReloadingBackend(SteadyBackend):
    """A backend that does so."""

    def open(self, request: SessionRequest) -> SteadySession:
        session = ReloadingSession(self.ms, self.lost, self.log)
        session.model = request.model
        return session


def test_a_model_that_was_replaced_while_it_was_timed_has_no_timing(job: Jobs) -> None:
    backend = ReloadingBackend()
    made, engine = job(backend)
    with pytest.raises(ChangedError, match=r"model\.onnx"):
        time_batches(made, engine)
    assert (made.journal.performance, backend.log[-1]) == ([], "closed")


@pytest.mark.parametrize(
    ("ms", "noise", "verdict"),
    [
        pytest.param(5.0, (), Verdict.PASS, id="fast"),
        pytest.param(12.0, (), Verdict.FAIL, id="slow"),
        pytest.param(5.0, ("device 0 before: hot",), Verdict.INCONCLUSIVE, id="fast and not quiet"),
        pytest.param(12.0, ("device 0 before: hot", "device 1 after: busy"), Verdict.INCONCLUSIVE, id="slow and not"),
    ],
)
def test_a_figure_counts_only_when_the_devices_were_quiet(
    job: Jobs, listener: Listener, ms: float, noise: tuple[str, ...], verdict: Verdict
) -> None:
    made, engine = job(SteadyBackend(ms=ms, noise=noise))
    time_batches(made, engine)
    (record,) = made.journal.performance
    assert record.verdict is verdict
    assert made.journal.warnings == list(noise)
    assert [line for line in listener.heard if line.startswith("warning: ")] == [f"warning: {line}" for line in noise]
    assert record.why.startswith(f"the device was not quiet: {'; '.join(noise)}") is bool(noise)


@pytest.mark.parametrize(
    ("blind", "noise", "trusting", "verdict", "warned", "remarks"),
    [
        pytest.param("", (), False, Verdict.PASS, [], [], id="seen"),
        pytest.param("", (), True, Verdict.PASS, [], [], id="seen, and would be trusted"),
        pytest.param("no tool", (), False, Verdict.INCONCLUSIVE, [UNSEEN], [], id="unseen"),
        pytest.param("no tool", (), True, Verdict.PASS, [UNSEEN], [TRUSTED], id="unseen and trusted"),
        pytest.param("no tool", ("hot",), True, Verdict.INCONCLUSIVE, ["hot", UNSEEN], [TRUSTED], id="partly seen"),
    ],
)
def test_what_nobody_saw_is_not_quiet(
    job: Jobs,
    blind: str,
    noise: tuple[str, ...],
    trusting: bool,
    verdict: Verdict,
    warned: list[str],
    remarks: list[str],
) -> None:
    made, engine = job(SightedSteadyBackend(blind=blind, noise=noise), trusting=trusting)
    time_batches(made, engine)
    (record,) = made.journal.performance
    assert record.verdict is verdict
    assert (made.journal.warnings, made.journal.remarks) == (warned, remarks)
    fine = [f"{when} the timing: device {device} is fine" for when in ("before", "after") for device in (0, 1)]
    assert made.journal.watched == ([] if blind else fine)


@pytest.mark.parametrize(
    ("ms", "noise", "warned"),
    [
        pytest.param(5.0, (), True, id="twice as fast as expected"),
        pytest.param(9.0, (), False, id="a little faster"),
        pytest.param(5.0, ("device 0 before: hot",), False, id="not judged"),
    ],
)
def test_a_figure_that_is_too_good_is_a_warning(job: Jobs, ms: float, noise: tuple[str, ...], warned: bool) -> None:
    made, engine = job(SteadyBackend(ms=ms, noise=noise), "expected.chips.steady.too_good={rel: 0.5}")
    time_batches(made, engine)
    text = "throughput/steady/1: too good: 200.00 is 100.00 images/s beyond the expected 100"
    assert [line.startswith(text) for line in made.journal.warnings if line not in noise] == [True] * warned


def test_another_backend_s_figures_are_not_held_against_it(job: Jobs) -> None:
    made, engine = job(SteadyBackend(), "benchmark.max_seconds=0.001", table=ANOTHER)
    time_batches(made, engine)
    (record,) = made.journal.performance
    assert (record.verdict, record.expected) == (Verdict.NOT_GATED, None)
    assert record.why == (
        "the manifest expects nothing of steady at batch 1 (its figures are for the backend other, this is steady; "
        "none is installed as other)"
    )
    assert record.loops < made.recipe.manifest.benchmark.loop  # nor timed at full length for them


def test_a_run_that_stops_before_the_gate_judges_nothing(job: Jobs) -> None:
    made, engine = job(SteadyBackend(ms=50.0))
    before = replace(made, options=replace(made.options, last=Stage.BENCHMARK))
    time_batches(before, engine)
    (record,) = made.journal.performance
    assert (record.verdict, record.expected, record.why) == (Verdict.NOT_GATED, 100, "this run stops before the gate")


def test_a_lost_device_is_named_once(job: Jobs) -> None:
    made, engine = job(SteadyBackend(lost=((1, "no answer"),)), "benchmark.batch=[1, 2, 4]")
    time_batches(made, engine)
    assert len(made.journal.performance) == 3
    assert made.journal.warnings == ["device 1 was lost and not timed: no answer"]


def test_a_backend_that_nobody_else_uses_is_not_read(job: Jobs) -> None:
    class Unwatched:
        """The same without readings."""

        def __init__(self, backend: SteadyBackend) -> None:
            self.name = backend.name
            self.prerequisites, self.chip, self.version = backend.prerequisites, backend.chip, backend.version
            self.open = backend.open

    backend = SteadyBackend()
    made, engine = job(backend)
    time_batches(made, replace(engine, backend=Unwatched(backend)))
    assert made.journal.performance[0].verdict is Verdict.PASS
    assert "read" not in backend.log


def test_result_files_are_not_timed(job: Jobs) -> None:
    made, _ = job(SteadyBackend())
    time_batches(made, None)
    (stage,) = made.journal.stages
    assert (stage.skipped, stage.why) == (True, "no model in this run: the results came from files")
    assert made.journal.performance == []
