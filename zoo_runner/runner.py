"""A run, from manifest to report: the whole flow. What each part does is in the modules it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ZooError, interrupted
from zoo_runner.job import FROM_FILES, Job
from zoo_runner.journal import Journal
from zoo_runner.options import RunOptions, Stage
from zoo_runner.preparation import prepare
from zoo_runner.recipe import choose_backend, resolve
from zoo_runner.report.files import make_folder, remove_report, write_report
from zoo_runner.report.model import Report, Verdict
from zoo_runner.scoring import score, write_inputs, write_results
from zoo_runner.stages import gate
from zoo_runner.stages.ais_bench import check_tool
from zoo_runner.stages.engine import check_om
from zoo_runner.timing import time_batches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.artifacts import Store
    from zoo_runner.interfaces import Progress, Sample
    from zoo_runner.manifest.load import LoadedManifest


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
    check_om(options.om, backend)
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
        if interrupted(error):
            raise
        report = journal.report(Verdict.ERROR, [str(error)], exit_code=error.exit_code)
    except (Exception, SystemExit) as error:
        if not interrupted(error):
            write_report(options.output, journal.report(Verdict.ERROR, [f"{type(error).__name__}: {error}"]))
        raise
    write_report(options.output, report)
    return report


def _flow(job: Job) -> Report:
    last = job.options.last
    samples, engine = prepare(job)
    scored: Sequence[Sample] = samples[: job.options.limit]
    if last is Stage.PREPROCESS:
        write_inputs(job, scored)
    elif last is Stage.INFER and engine:
        write_results(job, scored, engine)
    elif last.position >= Stage.POSTPROCESS.position:
        if job.options.needs_data:
            score(job, samples, scored, engine)
        if job.options.runs(Stage.BENCHMARK):
            time_batches(job, engine)
    if not job.options.runs(Stage.GATE):
        return job.journal.report(Verdict.STOPPED, [f"stopped after {last.value}, as asked"])
    return _gate(job, samples, scored)


def _gate(job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> Report:
    journal = job.journal
    with journal.stage(Stage.GATE):
        expected, scope = job.recipe.manifest.expected, job.scope(samples, scored)
        verdict, why = gate.decide(journal.metrics, journal.performance, expected, scope)
    return journal.report(verdict, why)
