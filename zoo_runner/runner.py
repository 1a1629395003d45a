"""A run, from manifest to report: the whole flow. What each part does is in the modules it calls."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from zoo_runner.baseline import read_baseline
from zoo_runner.errors import StageError, ZooError, interrupted
from zoo_runner.evaluation import evaluate
from zoo_runner.gallery import pictures
from zoo_runner.job import FROM_FILES, Job
from zoo_runner.journal import Journal
from zoo_runner.ledger import LEDGER, Ledger
from zoo_runner.options import RunOptions, Stage
from zoo_runner.preparation import prepare
from zoo_runner.recipe import choose_backend, resolve
from zoo_runner.report.files import make_folder, remove_report, write_report
from zoo_runner.report.model import Report, Verdict
from zoo_runner.scoring import predict, write_inputs, write_results
from zoo_runner.stages import gate
from zoo_runner.stages.accumulation import Accumulation
from zoo_runner.stages.ais_bench import check_tool
from zoo_runner.stages.engine import Engine, check_om
from zoo_runner.stages.waivers import judge_waivers, waived
from zoo_runner.timing import time_batches

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Arrays, Progress, Sample
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.report.changes import MetricChange
    from zoo_runner.report.picture import Picture
    from zoo_runner.stages.targets import Scope


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
    remove_report(
        options.output, options.baseline
    )  # also of a run that is refused: nobody may take the old report for its own
    options.check()
    recipe = resolve(loaded, options)
    baseline = read_baseline(options.baseline) if options.baseline is not None else None
    backend = None if options.scores_files else choose_backend(options.backend)
    check_om(options.om, backend)
    check_tool(recipe, backend)
    journal = Journal(loaded=loaded, progress=progress, effective=recipe.manifest, subset=options.subset)
    job = Job(recipe=recipe, options=options, store=store, journal=journal, backend=backend, baseline=baseline)
    make_folder(options.output)
    with _no_verdict_when_interrupted(options.output):
        return _kept(job)


@contextmanager
def _no_verdict_when_interrupted(folder: Path) -> Iterator[None]:
    """Leave no report of a run that is interrupted, not even while its last file is written."""
    try:
        yield
    except BaseException as error:
        if interrupted(error):
            with suppress(StageError):
                remove_report(folder)
        raise


def _kept(job: Job) -> Report:
    """Carry out a run and write its report, also where it fails."""
    journal, backend = job.journal, job.backend
    try:
        journal.describe(
            backend=backend.name if backend else FROM_FILES,
            version=backend.version() if backend else "",
            chip=job.chip,
            devices=job.options.devices,
        )
        outcome = _flow(job)
    except ZooError as error:
        if interrupted(error):
            raise
        outcome = Outcome(report=journal.report(Verdict.ERROR, [str(error)], exit_code=error.exit_code))
    except (Exception, SystemExit) as error:
        if not interrupted(error):
            _keep(job, Outcome(report=journal.report(Verdict.ERROR, [f"{type(error).__name__}: {error}"])))
        raise
    _keep(job, outcome)
    return outcome.report


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to: its report, and the samples to show in it."""

    report: Report
    pictures: tuple[Picture, ...] = ()


def _keep(job: Job, outcome: Outcome) -> None:
    """Write the report, and append it to the ledger; a report that is there is worth more than its entry."""
    path = write_report(job.options.output, outcome.report, outcome.pictures, job.options.language)
    try:
        Ledger(job.store.root / LEDGER).append(outcome.report.encodable(), path)
    except Exception as error:
        if interrupted(error):
            raise
        kind = "" if isinstance(error, ZooError) else f"{type(error).__name__}: "
        job.journal.warn(f"this run is not in the history: {kind}{error}")


def _flow(job: Job) -> Outcome:
    last = job.options.last
    samples, engine = prepare(job)
    scored = job.chosen(samples)[: job.options.limit]
    scope = job.scope(samples, scored)
    predictions: Sequence[Arrays] = ()
    changes: tuple[MetricChange, ...] = ()
    if last is Stage.PREPROCESS:
        write_inputs(job, scored)
    elif last is Stage.INFER and engine:
        write_results(job, scored, engine)
    elif last.position >= Stage.POSTPROCESS.position:
        if job.options.needs_data:
            predictions, changes = _scored(job, scope, samples, scored, engine)
        if job.options.runs(Stage.BENCHMARK):
            time_batches(job, engine)
    if not job.options.runs(Stage.GATE):
        report = job.journal.report(Verdict.STOPPED, [f"stopped after {last.value}, as asked"])
    else:
        report = _gate(job, scope)
    return _explained(job, report, scored, predictions, changes)


def _scored(
    job: Job, scope: Scope, samples: Sequence[Sample], scored: Sequence[Sample], engine: Engine | None
) -> tuple[Sequence[Arrays], tuple[MetricChange, ...]]:
    """Predict and, unless the run ends before, evaluate; the metric takes in what is there while more is predicted."""
    if not job.options.runs(Stage.EVALUATE):
        return predict(job, samples, scored, engine), ()
    with closing(Accumulation(job.recipe.parts.metric, scored)) as accumulation:
        predictions = predict(job, samples, scored, engine, accumulation.add)
        return predictions, evaluate(job, scope, scored, predictions, accumulation)


def _gate(job: Job, scope: Scope) -> Report:
    journal, loaded = job.journal, job.recipe.loaded
    with journal.stage(Stage.GATE):
        waivers, today = loaded.manifest.waivers, datetime.now(tz=timezone.utc).date()
        places = [loaded.locate(("waivers", position)) for position in range(len(waivers))]
        journal.waivers = judge_waivers([*journal.metrics, *journal.performance], waivers, today, places)
        journal.metrics = tuple(waived(line, journal.waivers) for line in journal.metrics)
        journal.performance = [waived(line, journal.waivers) for line in journal.performance]
        missing = gate.not_measured(loaded, scope, journal.metrics, journal.performance)
        verdict, why = gate.decide([*journal.metrics, *journal.performance], missing, journal.waivers)
    return journal.report(verdict, why)


def _explained(
    job: Job,
    report: Report,
    scored: Sequence[Sample],
    predictions: Sequence[Arrays],
    changes: tuple[MetricChange, ...],
) -> Outcome:
    """Add what helps to understand a verdict, and cannot change it: the comparison, and pictures."""
    metric = job.recipe.parts.metric
    if job.baseline is not None:
        from zoo_runner.comparison import compare  # noqa: PLC0415 - most runs have no baseline

        comparison = compare(job.baseline, report, scored, predictions, metric, changes)
        report = report.model_copy(update={"comparison": comparison})
    if not job.options.runs(Stage.EVALUATE):
        return Outcome(report=report)
    try:
        return Outcome(report=report, pictures=pictures(report, scored, predictions, metric))
    except Exception as error:
        if interrupted(error):
            raise
        job.journal.warn(f"the report has no pictures ({type(error).__name__}: {error})")
        return Outcome(report=report.model_copy(update={"warnings": tuple(job.journal.warnings)}))
