"""Samples -> predictions, and the seams in between where files can be left or picked up."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from zoo_runner.fingerprints import file_digest
from zoo_runner.journal import StageNote
from zoo_runner.options import Stage
from zoo_runner.stages import results, stream
from zoo_runner.stages.ais_bench import TOOL, CommandOutputs
from zoo_runner.stages.clocks import Clocks
from zoo_runner.stages.engine import Engine, LazySession
from zoo_runner.stages.flow import closed
from zoo_runner.stages.inference import ModelOutputs
from zoo_runner.stages.pixels import host_inputs, host_preprocess
from zoo_runner.stages.predictions import write_predictions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from zoo_runner.interfaces import Arrays, Sample
    from zoo_runner.job import Job


def predict(
    job: Job,
    samples: Sequence[Sample],
    scored: Sequence[Sample],
    engine: Engine | None,
    finished: stream.Finished | None = None,
) -> list[Arrays]:
    """Predict ``scored`` of the data set ``samples``, from the model's outputs or from result files.

    ``finished`` is told of every part of the predictions as soon as it is there.
    """
    stream.one_thread_a_call()
    options, manifest = job.options, job.recipe.manifest
    clocks = Clocks()
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
            listeners=stream.Listeners(progress=job.journal, clocks=clocks, finished=finished),
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
    write_predictions(path, predictions, [sample.id for sample in scored])
    job.journal.artifact("detections", path, sha256=file_digest(path))
    return predictions


def _model_outputs(
    job: Job, engine: Engine, scored: Sequence[Sample], clocks: Clocks, cleanup: ExitStack
) -> ModelOutputs | CommandOutputs:
    batch = job.recipe.manifest.infer.batch
    if job.recipe.manifest.infer.tool == TOOL:
        return CommandOutputs(
            engine=engine, samples=scored, output=job.options.output, progress=job.journal, clocks=clocks
        )
    session = LazySession(engine, batch)
    cleanup.push(partial(_close, job, session))
    return ModelOutputs(
        preprocess=host_preprocess(job.recipe),
        inputs=host_inputs(job.recipe.manifest),
        session=session,
        batch=batch,
        key=engine.key(batch),
        workers=stream.workers(),
        clocks=clocks,
    )


def _note_files(job: Job, source: CommandOutputs) -> None:
    for name, path in source.kept.items():
        job.journal.artifact(name, path)


def _close(
    job: Job,
    session: LazySession,
    failure: type[BaseException] | None,
    _error: BaseException | None,
    _trace: TracebackType | None,
) -> None:
    """Release the devices, and name those that were lost; the others did their work, unless the run failed."""
    redone = "" if failure else " and its work done by the others"
    for device, reason in session.close():
        job.journal.warn(f"device {device} was lost{redone}: {reason}")


def write_inputs(job: Job, scored: Sequence[Sample]) -> None:
    """Leave the model's inputs as files for ais_bench."""
    stream.one_thread_a_call()
    folder = job.options.output / "inputs"
    with job.journal.stage(Stage.PREPROCESS):
        inputs = stream.prepared(scored, host_preprocess(job.recipe), job.journal)
        results.write_inputs(folder, scored, inputs)
    job.journal.artifact("inputs", folder)


def write_results(job: Job, scored: Sequence[Sample], engine: Engine) -> None:
    """Leave the model's outputs as files, as ais_bench would."""
    stream.one_thread_a_call()
    folder = job.options.results_folder
    clocks = Clocks()
    with job.journal.stage(Stage.INFER), ExitStack() as cleanup:
        source = _model_outputs(job, engine, scored, clocks, cleanup)
        if isinstance(source, CommandOutputs):
            source.run()
            _note_files(job, source)
            return
        stream.warm(len(scored), source)
        with job.journal.track("infer", len(scored), "images") as advance, closed(source.outputs(scored)) as outputs:
            counted = stream.counted(outputs, advance)
            results.write_results(folder, scored, counted, job.recipe.manifest.output_specs)
    job.journal.artifact("results", folder)
