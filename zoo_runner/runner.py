"""A run, from manifest to report: the whole flow. What each part does is in the modules it calls."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo_runner.attribution.search import asked_for, search
from zoo_runner.attribution.seen import Seen
from zoo_runner.comparison.baseline import read_baseline
from zoo_runner.errors import HookError, ZooError, interrupted
from zoo_runner.history.keeping import append, with_trends
from zoo_runner.history.ledger import LEDGER, Ledger
from zoo_runner.job.foreign_code import require_trust
from zoo_runner.job.job import FROM_FILES, Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.options import RunOptions, Stage
from zoo_runner.job.recipe import choose_backend, on_backend
from zoo_runner.known_secrets import learn
from zoo_runner.output.folder import claimed, make_folder, writing
from zoo_runner.output.inventory import name_manifest
from zoo_runner.output.names import INPUTS, NAME, RESULTS
from zoo_runner.plugin.folders import FolderBackend
from zoo_runner.plugin.interfaces import Backend
from zoo_runner.plugin.near_misses import near_misses
from zoo_runner.plugin.nouns import own_noun
from zoo_runner.report.files import remove_report, rewrite_report, write_report
from zoo_runner.report.gallery import pictures
from zoo_runner.report.model import Report, Verdict
from zoo_runner.stages.benchmark.stage import time_batches
from zoo_runner.stages.convert.engine import Engine, check_om
from zoo_runner.stages.convert.stage import convert, engine_of
from zoo_runner.stages.convert.unstamped import output_order
from zoo_runner.stages.evaluate.accumulation import Accumulation
from zoo_runner.stages.evaluate.canaries import check_canaries
from zoo_runner.stages.evaluate.stage import Data, Evaluation, evaluate
from zoo_runner.stages.export.stage import export
from zoo_runner.stages.export.told import told
from zoo_runner.stages.fetch.stage import fetch
from zoo_runner.stages.gate.basis import asked, begun, ended, place
from zoo_runner.stages.gate.stage import gate, stopped
from zoo_runner.stages.predict.stage import predict, write_inputs, write_results
from zoo_runner.store.audit import Audit, AuditedStore, new_audit
from zoo_runner.store.unfinished import end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.golden.checking import GoldenCheck
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.job.scope import Scope
    from zoo_runner.plugin.interfaces import Arrays, Progress, Sample
    from zoo_runner.report.picture import Picture
    from zoo_runner.store.store import Store


def run(
    recipe: Recipe,
    options: RunOptions,
    *,
    store: Store,
    progress: Progress,
    trace: Callable[[BaseException], object] | None = None,
) -> Report:
    """Run a checked manifest and return its report, which is also written to ``options.output``.

    Args:
        recipe: The manifest in effect, as :func:`~zoo_runner.job.recipe.resolve` checked it.
        options: What the user asked for; those that it was checked with.
        store: Keeps what was made, for the next run.
        progress: Is told what happens.
        trace: Is given an error that ends a stage, and with it the calls that led there.

    Raises:
        ZooError: The run was refused before it touched anything; a failure after that is in the report.
        Exception: A bug in the runner or a plugin, named in the report too.
    """
    learn(options.weights or "", str(options.data or ""))
    # Also of a run that is refused: nobody may take the old report for its own.
    with claimed(options.output, options.leaves, options.baseline) as warnings:
        return _run(recipe, options, store, progress, warnings, trace)


def _run(
    recipe: Recipe,
    options: RunOptions,
    store: Store,
    progress: Progress,
    warnings: Sequence[str],
    trace: Callable[[BaseException], object] | None,
) -> Report:
    if options.runs(Stage.EVALUATE):
        check_canaries(recipe.parts.metric, recipe.manifest.plugin.name)
    journal = Journal(
        loaded=recipe.loaded,
        progress=progress,
        subset=options.subset,
        noun=own_noun(recipe.parts.dataset),
        inferences=recipe.fan_out is not None,
        config=recipe.config,
        command=options.command,
    )
    store.clear_remains()
    doubted, audit = _doubted(store, options)
    baseline = read_baseline(options.baseline) if options.baseline is not None else None
    job = open_job(recipe, options, doubted, journal, baseline)
    if audit:
        journal.note(f"verify cache: a tenth of what is reused is made again and compared; {audit.again}")
    make_folder(options.output)
    with claimed(options.output, _all_that_is_left(job)) as more:  # also where there was no folder to hold
        for warning in (*warnings, *more, *_near_misses(job)):
            journal.warn(warning)
        with writing(options.output):
            name_manifest(options.output, recipe.loaded.path)
        with _no_verdict_when_interrupted(options.output):
            outcome = _kept(job, trace)
        report = attributed(job, outcome)
        _end(job)
    for line in audit.lines() if audit else ():
        journal.note(f"verify cache: {line}")
    return report


def _end(job: Job) -> None:
    """Let the next run have a name of its own."""
    try:
        end(job.store, job.recipe.loaded.path, job.options.output)
    except OSError as error:
        job.journal.warn(f"the next run may take over what only this one may use ({error}): run it with --no-cache")


def _near_misses(job: Job) -> tuple[str, ...]:
    """Return what of plugin and backend looks like an optional protocol, and is not used as one."""
    backend = job.backend
    found = () if backend is None else near_misses(backend, Backend)
    return (*job.recipe.parts.notes, *(f"backend {job.options.backend!r}: {text}" for text in found))


def _all_that_is_left(job: Job) -> tuple[str, ...]:
    """Return what the run writes beside the report, with what the manifest asks for."""
    return (*job.options.leaves, *((INPUTS, RESULTS) if isinstance(job.backend, FolderBackend) else ()))


def open_job(
    recipe: Recipe, options: RunOptions, store: Store, journal: Journal, baseline: Baseline | None = None
) -> Job:
    """Choose the backend, and join all that the stages of one run share.

    Raises:
        ZooError: There is no such backend, it lacks something, or it cannot do what the manifest or an option asks.
    """
    backend: Backend | None = None
    if not options.scores_files:
        backend = choose_backend(options.backend, recipe.loaded, options.soc, ways=options.ways)
    check_om(options.om, backend)
    if options.needs_model:
        scripts = recipe.foreign.run_by(recipe.parts.network.identity)
        require_trust(scripts, store, journal.note, trusted=options.trust_code)
    if options.accept_unstamped:
        for each in recipe.models.values():
            output_order(each, options.om_outputs)
    return Job(
        recipe=on_backend(recipe, backend),
        options=options,
        store=store.telling(journal.note),
        journal=journal,
        backend=backend,
        baseline=baseline,
    )


def _doubted(store: Store, options: RunOptions) -> tuple[Store, Audit | None]:
    """Return the store as far as it is believed, and what keeps count where it is verified."""
    if options.no_cache:
        return store.renewing(), None
    if not options.verify_cache:
        return store, None
    audit = new_audit(options.seed)
    return AuditedStore(store, audit), audit


@contextmanager
def _no_verdict_when_interrupted(folder: Path) -> Iterator[None]:
    """Leave no report of a run that is interrupted, not even while its last file is written."""
    try:
        yield
    except BaseException as error:
        if interrupted(error):
            remove_report(folder)
        raise


def _kept(job: Job, trace: Callable[[BaseException], object] | None) -> Outcome:
    """Carry out a run and write its report, also where it fails."""
    journal, backend = job.journal, job.backend
    journal.inputs = asked(job.options)
    try:
        journal.describe(
            backend=backend.name if backend else FROM_FILES,
            version=backend.version() if backend else "",
            chip=job.chip,
            devices=job.options.devices,
        )
        journal.inputs |= place(journal.environment)
        outcome = _flow(job)
    except ZooError as error:
        if interrupted(error):
            raise
        if trace is not None:
            trace(error)
        of = f"plugin {job.recipe.manifest.plugin.name!r}: " if isinstance(error, HookError) else ""
        outcome = Outcome(report=journal.report(Verdict.ERROR, [f"{of}{error}"], exit_code=error.exit_code))
    except (Exception, SystemExit) as error:
        if not interrupted(error):
            _keep(job, Outcome(report=journal.report(Verdict.ERROR, [f"{type(error).__name__}: {error}"])))
        raise
    return replace(outcome, report=_keep(job, outcome))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to: its report, the samples to show in it, and what a search for the stage at fault needs."""

    report: Report
    pictures: tuple[Picture, ...] = ()
    job: Job | None = None
    seen: Seen | None = None


def attributed(job: Job, outcome: Outcome) -> Report:
    """Look for the stage that lost the accuracy, where that is asked for, and write the report again with it.

    Neither the verdict nor the exit code can change by it, and whatever it stumbles on costs neither.
    """
    report, seen = outcome.report, outcome.seen
    gated = job.options.runs(Stage.GATE)
    if not gated or seen is None or outcome.job is None or not asked_for(outcome.job, report):
        return report
    job.journal.note(f"{report.verdict.value}: {'; '.join(report.why)}; looking for the stage at fault")
    options = job.options
    try:
        found = search(outcome.job, replace(seen, report=report))
        if found is None:
            return report
        more = report.model_copy(update={"attribution": found})
        return rewrite_report(options.output, more, outcome.pictures, options.language, sbom=options.sbom)
    except Exception as error:
        if interrupted(error):
            raise
        job.journal.note(f"the search for the stage at fault ended early ({type(error).__name__}: {error})")
        return report


def _keep(job: Job, outcome: Outcome) -> Report:
    """Write the report with what the ledger has of earlier runs, append it there, and return it as written."""
    options, path, ledger = job.options, job.options.output / NAME, Ledger(job.store.root / LEDGER)
    followed = with_trends(outcome.report, path, ledger)
    report = write_report(options.output, followed, outcome.pictures, options.language, sbom=options.sbom)
    for warning in report.warnings[len(outcome.report.warnings) :]:  # forms of it that could not be made
        job.journal.progress.warn(warning)
    if lost := append(ledger, report, path, job.journal.inputs):
        job.journal.warn(lost)
    return report


def prepare(job: Job) -> tuple[Job, Sequence[Sample], Engine | None]:
    """Do what comes before the first sample: fetch, export, convert.

    Returns:
        The job, with what its plugin was told of the model; the data set; and the model as the backend runs it, or
        ``None`` where the run needs no model.
    """
    inputs, backend = fetch(job), job.backend
    if not job.options.needs_model or not inputs.models or backend is None:
        return job, inputs.samples, None
    exported = export(job, inputs.models)
    for each in exported.values():
        job = told(job, each.path)
    engine = engine_of(job, backend, exported, inputs.given)
    if job.options.last is not Stage.EXPORT:
        convert(job, engine)
    return job, inputs.samples, engine


def _flow(job: Job) -> Outcome:
    last = job.options.last
    basis = begun(job) if job.options.keep_inputs else None  # before anything is read that may change meanwhile
    job, samples, engine = prepare(job)
    scored = job.scored(samples)
    scope = job.scope(samples, scored)
    if basis is not None:
        basis.read(job, samples, scored)
    golden = _with_golden(job, samples, scored)
    predictions: Sequence[Arrays] = ()
    evaluation: Evaluation | None = None
    if last is Stage.PREPROCESS:
        write_inputs(job, scored)
    elif last is Stage.INFER and engine:
        write_results(job, scored, engine, golden.watched if golden else None)
    elif last.position >= Stage.POSTPROCESS.position:
        if job.options.needs_data:
            predictions, evaluation = _scored(job, scope, samples, scored, engine, golden)
            if golden is not None:
                golden.support(job.journal.metrics, scored, whole=len(scored) == len(samples))
        if job.options.runs(Stage.BENCHMARK):
            time_batches(job, engine, scored)
    if not job.options.runs(Stage.GATE):
        report = stopped(job.journal, last)
    else:
        report = gate(job, scope)
        if basis is not None:
            job.journal.inputs |= ended(job, basis)
    outcome = _explained(job, report, scored, predictions, evaluation)
    outcome = _with_replay(job, outcome, (samples, scored), predictions, engine)
    seen = Seen(report=outcome.report, dataset=samples, samples=scored, predictions=predictions, engine=engine)
    return outcome if evaluation is None else replace(outcome, job=job, seen=seen)


def _with_replay(
    job: Job,
    outcome: Outcome,
    data: tuple[Sequence[Sample], Sequence[Sample]],
    predictions: Sequence[Arrays],
    engine: Engine | None,
) -> Outcome:
    """Leave the replay file where the run is to have one; ``data`` are all samples, and those that were scored."""
    if not job.options.leaves_replay or not predictions:
        return outcome
    from zoo_runner.replay.recording import Finished, leave_replay  # noqa: PLC0415 - few runs need it

    samples, scored = data
    finished = Finished(samples=samples, scored=scored, predictions=predictions, engine=engine)
    return replace(outcome, report=leave_replay(job, outcome.report, finished))


def _with_golden(job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> GoldenCheck | None:
    """Hold the stages against the golden bundle that the manifest names, before the long work begins."""
    if job.recipe.manifest.golden is None or not job.options.needs_data:
        return None
    from zoo_runner.golden.opening import opened  # noqa: PLC0415 - most manifests name no bundle

    golden = opened(job, samples, scored)
    if golden is not None:
        job.journal.golden = golden.record
        golden.begin()
    return golden


def _scored(
    job: Job,
    scope: Scope,
    samples: Sequence[Sample],
    scored: Sequence[Sample],
    engine: Engine | None,
    golden: GoldenCheck | None,
) -> tuple[Sequence[Arrays], Evaluation | None]:
    """Predict and, unless the run ends before, evaluate; the metric takes in what is there while more is predicted."""
    ahead = golden.watched if golden else None
    if not job.options.runs(Stage.EVALUATE):
        return predict(job, samples, scored, engine, ahead=ahead), None
    with closing(Accumulation(job.recipe.parts.metric, scored)) as accumulation:
        predictions = predict(job, samples, scored, engine, accumulation.add, ahead)
        return predictions, evaluate(job, scope, Data(dataset=samples, scored=scored), predictions, accumulation)


def _explained(
    job: Job,
    report: Report,
    scored: Sequence[Sample],
    predictions: Sequence[Arrays],
    evaluation: Evaluation | None,
) -> Outcome:
    """Add what helps to understand a verdict, and cannot change it: the comparison, and pictures."""
    if job.baseline is not None:
        from zoo_runner.comparison import compare, pair, score_pairs  # noqa: PLC0415 - most runs have no baseline

        compared = evaluation.compared if evaluation else None
        if compared is None:
            compared = score_pairs(job.recipe.parts.metric, pair(job.baseline, scored, predictions))
        comparison = compare(
            job.baseline, report, compared, evaluation.changes if evaluation else (), job.journal.placements
        )
        report = report.model_copy(update={"comparison": comparison})
    if evaluation is None:
        return Outcome(report=report)
    try:
        return Outcome(report=report, pictures=pictures(report, scored, evaluation.scored))
    except Exception as error:
        if interrupted(error):
            raise
        job.journal.warn(f"the report has no pictures ({type(error).__name__}: {error})")
        return Outcome(report=report.model_copy(update={"warnings": tuple(job.journal.warnings)}))
