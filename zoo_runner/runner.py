"""A run, from manifest to report. The whole flow is on this page; what the stages do is in ``stages``."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from zoo_runner.errors import UsageError, ZooError
from zoo_runner.fingerprints import file_digest
from zoo_runner.interfaces import WatchedBackend
from zoo_runner.journal import Journal, StageNote
from zoo_runner.options import RunOptions, Stage
from zoo_runner.recipe import Recipe, choose_backend, resolve
from zoo_runner.report.files import make_folder, remove_report, write_report
from zoo_runner.report.model import PerformanceRecord, Report, Verdict
from zoo_runner.stages import gate, results, stream
from zoo_runner.stages.ais_bench import TOOL, CommandOutputs, CommandTimer, check_tool
from zoo_runner.stages.benchmark import Bench, benchmark
from zoo_runner.stages.engine import Engine, LazySession
from zoo_runner.stages.locate import fetch_weights, find_data, read_samples
from zoo_runner.stages.model import export_model
from zoo_runner.stages.pixels import host_inputs, host_preprocess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Arrays, Backend, Progress, Sample
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.stages.source import Fetched

FROM_FILES = "result files"
"""Backend and chip of results that came from files: nothing in them says what they were inferred on."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the stages of one run share."""

    recipe: Recipe
    options: RunOptions
    store: Store
    journal: Journal
    backend: Backend | None

    @property
    def chip(self) -> str:
        """The chip the figures belong to."""
        return self.backend.chip() if self.backend else FROM_FILES

    def store_for(self, stage: Stage) -> Store:
        """The store; stages before ``--from`` may only find things in it."""
        return self.store if self.options.runs(stage) else self.store.frozen(f"--from {self.options.first.value}")


def run(loaded: LoadedManifest, options: RunOptions, *, store: Store, progress: Progress) -> Report:
    """Run a manifest and return its report, which is also written to ``options.output``.

    Args:
        loaded: The manifest.
        options: What the user asked for.
        store: Keeps what was made, for the next run.
        progress: Is told what happens.

    Raises:
        ZooError: The run was refused before it touched anything; a failure after that is in the report.
        Exception: A bug in the runner or a plugin, named in the report too.
    """
    remove_report(options.output)  # also of a run that is refused: nobody may take the old report for its own
    options.check()
    recipe = resolve(loaded, options)
    backend = None if options.scores_files else choose_backend(options.backend)
    if options.om is not None and (backend is None or backend.model_format != "om"):
        raise UsageError(f"--om {options.om}: only a backend that runs .om files takes one; add --backend ascend")
    check_tool(recipe, backend)
    journal = Journal(loaded=loaded, progress=progress)
    job = Job(recipe=recipe, options=options, store=store, journal=journal, backend=backend)
    make_folder(options.output)
    try:
        journal.describe(
            backend=backend.name if backend else FROM_FILES,
            version=backend.version() if backend else "",
            chip=job.chip,
            devices=options.devices,
        )
        report = _flow(job)
    except ZooError as error:
        report = journal.report(Verdict.ERROR, [str(error)], exit_code=error.exit_code)
    except (Exception, SystemExit) as error:
        write_report(options.output, journal.report(Verdict.ERROR, [f"{type(error).__name__}: {error}"]))
        raise
    write_report(options.output, report)
    return report


def _flow(job: Job) -> Report:
    last = job.options.last
    samples, engine = _prepare(job)
    scored: Sequence[Sample] = samples[: job.options.limit]
    if last is Stage.PREPROCESS:
        _write_inputs(job, scored)
    elif last is Stage.INFER and engine:
        _write_results(job, scored, engine)
    elif last.position >= Stage.POSTPROCESS.position:
        if job.options.needs_data:
            _score(job, samples, scored, engine)
        if job.options.runs(Stage.BENCHMARK):
            _benchmark(job, engine)
    if not job.options.runs(Stage.GATE):
        return job.journal.report(Verdict.STOPPED, [f"stopped after {last.value}, as asked"])
    return _gate(job, samples, scored)


def _prepare(job: Job) -> tuple[Sequence[Sample], Engine | None]:
    """Fetch and export what this run needs of weights, data and model."""
    options, journal = job.options, job.journal
    weights: Fetched | None = None
    engine: Engine | None = None
    samples: Sequence[Sample] = ()
    with journal.stage(Stage.FETCH) as note:
        store = job.store_for(Stage.FETCH)
        if options.needs_weights:
            weights = fetch_weights(job.recipe, options, store, journal)
            journal.artifact("weights", weights.path, sha256=weights.sha256, origin=weights.origin)
        if options.needs_data:
            data = find_data(job.recipe, options, store, journal)
            journal.artifact("dataset", data.path, origin=data.origin)
            samples = read_samples(job.recipe, data.path)
        if (weights is None or weights.reused) and (not options.needs_data or data.reused):
            note.skip("everything is here already")
    if options.needs_model and weights and job.backend:
        with journal.stage(Stage.EXPORT) as note:
            model = export_model(job.recipe, weights, job.store_for(Stage.EXPORT))
            journal.artifact("onnx", model.path, sha256=model.sha256)
            worst = max(model.differences.values(), default=0.0)
            note.why = f"torch and ONNX Runtime differ by at most {worst:.1e} (relative)"
            if model.reused:
                note.skip(f"unchanged; {note.why}")
        engine = Engine(
            recipe=job.recipe,
            backend=job.backend,
            model=model,
            devices=options.devices,
            store=job.store_for(Stage.CONVERT),
            logs=options.output / "logs",
            om=options.om,
        )
        if options.last is not Stage.EXPORT:
            _convert(job, engine)
    return samples, engine


def _convert(job: Job, engine: Engine) -> None:
    """Convert for every batch size the run will load, so that a failure shows before hours of work."""
    manifest, options = job.recipe.manifest, job.options
    with job.journal.stage(Stage.CONVERT) as note:
        if not engine.converts and job.recipe.pixels:
            folded = engine.loadable(manifest.infer.batch)
            job.journal.artifact("folded", folded.path, sha256=folded.sha256)
            note.why = "AIPP's arithmetic is folded into the graph, which takes 8-bit pixels"
            if folded.reused:
                note.skip(f"unchanged; {note.why}")
            return
        if not engine.converts:
            note.skip(f"the backend {engine.backend.name} runs ONNX as it is")
            return
        all_of_them = options.runs(Stage.BENCHMARK) or options.last is Stage.CONVERT
        timed = manifest.benchmark.batch if all_of_them else ()
        made = {batch: engine.loadable(batch) for batch in sorted({manifest.infer.batch, *timed})}
        for batch, om in made.items():
            job.journal.artifact("om", om.path, sha256=om.sha256, origin=f"batch {batch}")
        if all(om.reused for om in made.values()):
            note.skip(f"unchanged; batch {', '.join(map(str, made))}")


def _score(job: Job, samples: Sequence[Sample], scored: Sequence[Sample], engine: Engine | None) -> None:
    """Predict and evaluate."""
    predictions = _predict(job, samples, scored, engine)
    if not job.options.runs(Stage.EVALUATE):
        return
    with job.journal.stage(Stage.EVALUATE):
        values = job.recipe.parts.metric.evaluate(scored, predictions)
        scope = _scope(job, samples, scored)
        job.journal.metrics = gate.judge_metrics(values, job.recipe.manifest.expected, scope)


def _predict(job: Job, samples: Sequence[Sample], scored: Sequence[Sample], engine: Engine | None) -> list[Arrays]:
    options, manifest = job.options, job.recipe.manifest
    clocks = stream.Clocks()
    with ExitStack() as cleanup:
        source: stream.OutputSource
        if engine is None:
            source = results.open_results(
                options.results_folder, scored, samples, manifest.output_specs, code=job.recipe.code
            )
            job.journal.artifact("results", options.results_folder)
        else:
            source = _model_outputs(job, engine, scored, clocks, cleanup)
        predictions, fresh = stream.predict(
            scored,
            source,
            job.recipe.parts.postprocess,
            chunk=stream.chunk_size(manifest.infer.batch),
            store=job.store_for(Stage.POSTPROCESS),
            progress=job.journal,
            clocks=clocks,
        )
    for stage in (Stage.PREPROCESS, Stage.INFER, Stage.POSTPROCESS):
        if job.options.runs(stage):
            note = StageNote(why=f"busy seconds; {fresh} of {len(scored)} samples, stages overlap")
            if not fresh:
                note.skip(f"unchanged; {len(scored)} predictions reused")
            job.journal.record(stage, clocks.seconds[stage.value], note)
    if fresh == len(scored) and fresh:
        job.journal.end_to_end = fresh / clocks.seconds["stream"]
    if isinstance(source, CommandOutputs):
        _note_files(job, source)
    path = options.output / "detections.npz"
    stream.write_predictions(path, predictions)
    job.journal.artifact("detections", path, sha256=file_digest(path))
    return predictions


def _model_outputs(
    job: Job, engine: Engine, scored: Sequence[Sample], clocks: stream.Clocks, cleanup: ExitStack
) -> stream.ModelOutputs | CommandOutputs:
    batch = job.recipe.manifest.infer.batch
    if job.recipe.manifest.infer.tool == TOOL:
        return CommandOutputs(
            engine=engine, samples=scored, output=job.options.output, progress=job.journal, clocks=clocks
        )
    session = LazySession(engine, batch)
    cleanup.callback(_close, job, session)
    return stream.ModelOutputs(
        preprocess=host_preprocess(job.recipe),
        session=session,
        batch=batch,
        key=engine.key(batch),
        workers=stream.workers(),
        clocks=clocks,
    )


def _note_files(job: Job, source: CommandOutputs) -> None:
    for name, path in source.kept.items():
        job.journal.artifact(name, path)


def _close(job: Job, session: LazySession) -> None:
    for device, reason in session.close():
        job.journal.warn(f"device {device} was lost and its work done by the others: {reason}")


def _write_inputs(job: Job, scored: Sequence[Sample]) -> None:
    folder = job.options.output / "inputs"
    with job.journal.stage(Stage.PREPROCESS):
        inputs = stream.prepared(scored, host_preprocess(job.recipe), job.journal)
        results.write_inputs(folder, scored, inputs)
    job.journal.artifact("inputs", folder)


def _write_results(job: Job, scored: Sequence[Sample], engine: Engine) -> None:
    folder = job.options.results_folder
    clocks = stream.Clocks()
    with job.journal.stage(Stage.INFER), ExitStack() as cleanup:
        source = _model_outputs(job, engine, scored, clocks, cleanup)
        if isinstance(source, CommandOutputs):
            source.run()
            _note_files(job, source)
            return
        with job.journal.track("infer", len(scored), "images") as advance:
            outputs = stream.counted(source.outputs(scored), advance)
            results.write_results(folder, scored, outputs, job.recipe.manifest.output_specs)
    job.journal.artifact("results", folder)


def _benchmark(job: Job, engine: Engine | None) -> None:
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


def _gate(job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> Report:
    journal = job.journal
    with journal.stage(Stage.GATE):
        expected, scope = job.recipe.manifest.expected, _scope(job, samples, scored)
        verdict, why = gate.decide(journal.metrics, journal.performance, expected, scope)
    return journal.report(verdict, why)


def _scope(job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> gate.Scope:
    batch = job.recipe.manifest.infer.batch if job.backend else None
    return gate.Scope(chip=job.chip, batch=batch, samples=len(scored), dataset_samples=len(samples))
