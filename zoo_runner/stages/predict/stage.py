"""Samples -> predictions, and the seams in between where files can be left or picked up."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause, Doubt
from zoo_runner.errors import InferenceError, ResultError
from zoo_runner.job.journal import STAND_IN_NOTICE, StageNote
from zoo_runner.job.key_parts import remember
from zoo_runner.job.options import Stage
from zoo_runner.job.placements import placing
from zoo_runner.job.steps import PREDICT, PREDICT_FROM_FILES, coded, command_step
from zoo_runner.manifest.whole_tensors import whole_tensors
from zoo_runner.output.names import INPUTS, PREDICTIONS, RESULTS
from zoo_runner.output.writing import replacing
from zoo_runner.plugin.backend_facts import RepeatableBackend
from zoo_runner.plugin.folders import FolderBackend, reads_sizes
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.report.ground_truth import sample_digest
from zoo_runner.report.predictions import write_predictions
from zoo_runner.stages.convert.driven import weights_of
from zoo_runner.stages.convert.engine import Engine, LazySession
from zoo_runner.stages.export.declared import unchecked
from zoo_runner.stages.export.published import missing_packages
from zoo_runner.stages.fetch.locate import known_weights
from zoo_runner.stages.iterators import closed
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict import result_folder as results
from zoo_runner.stages.predict.afterwards import end, ended
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.command_outputs import CommandOutputs
from zoo_runner.stages.predict.disk_space import files_size, require_room
from zoo_runner.stages.predict.given_sizes import FIXED, GivenSizes, note_sizes
from zoo_runner.stages.predict.inference import ModelOutputs
from zoo_runner.stages.predict.joining import joined, note_parts, parts_of
from zoo_runner.stages.predict.output_checks import CheckedOutputs
from zoo_runner.stages.predict.output_rules import rules_of
from zoo_runner.stages.predict.reference_outputs import ReferenceOutputs
from zoo_runner.stages.predict.repetitions import Repetitions
from zoo_runner.stages.predict.result_names import naming_of
from zoo_runner.stages.predict.result_origin import (
    OriginGuard,
    Wanted,
    conversions_of,
    described,
    model_origin,
    read_origin,
    sample_origins,
    write_origin,
)
from zoo_runner.stages.threads import one_thread_a_call, workers
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.used_code.libraries import PREDICTING, versions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from zoo_runner.job.job import Job
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.stages.predict.afterwards import Ahead
    from zoo_runner.stages.predict.output_checks import Watcher
    from zoo_runner.stages.predict.result_origin import ResultOrigin, SampleOrigin
    from zoo_runner.used_code.collecting import Step
    from zoo_runner.used_code.store import CodedStore


def predict(
    job: Job,
    samples: Sequence[Sample],
    scored: Sequence[Sample],
    engine: Engine | None,
    finished: stream.Finished | None = None,
    ahead: Ahead | None = None,
) -> list[Arrays]:
    """Predict ``scored`` of ``samples``, from the model's outputs or result files; tell ``finished`` of every part."""
    one_thread_a_call()
    options, manifest = job.options, job.recipe.manifest
    clocks = Clocks()
    note_sizes(job.recipe, scored, job.journal)
    note_parts(job.recipe, scored, job.journal)
    with ExitStack() as cleanup:
        source = source_of(job, samples, scored, engine, clocks, cleanup)
        watchers = () if isinstance(source, CommandOutputs) else _watchers(job, engine)  # the command's were shown all
        first = source if ahead is None else ahead(source)
        outputs, view = joined(job.recipe, checked(job, first, engine, watchers), clocks), _view(job, engine)
        if options.verify_cache:
            _drawn(job, scored, outputs, view)
        predictions, fresh = stream.predict(
            scored,
            outputs,
            job.recipe.postprocess,
            chunk=stream.chunk_size(manifest.infer.batch),
            store=view,
            listeners=stream.Listeners(progress=job.journal, clocks=clocks, noun=job.recipe.noun, finished=finished),
        )
        end(first, outputs, scored, job.recipe, view)
    for stage in (Stage.PREPROCESS, Stage.INFER, Stage.POSTPROCESS):
        if job.options.runs(stage):
            note = StageNote(why=f"busy seconds; {fresh} of {len(scored)} {job.recipe.noun}, stages overlap")
            if not fresh:
                note.skip(f"unchanged; {len(scored)} predictions reused")
            job.journal.record(stage, clocks.seconds[stage.value], note)
    if engine is not None:
        remember(job.recipe, job.store, stream.KIND, predicting_parts(job, engine))
    job.journal.inferred = 0 if engine is None else fresh
    if fresh == len(scored) and fresh:
        job.journal.end_to_end = fresh / clocks.seconds["stream"]
    if isinstance(source, CommandOutputs):
        _note_files(job, source)
    path = options.output / PREDICTIONS
    digests = [sample_digest(sample) for sample in scored]
    with replacing(path) as temporary:
        write_predictions(temporary, predictions, [sample.id for sample in scored], digests)
    job.journal.artifact(PREDICTIONS.removesuffix(".npz"), path, sha256=file_digest(path))
    return predictions


def predict_drawn(job: Job, samples: Sequence[Sample], scored: Sequence[Sample], engine: Engine | None) -> None:
    """Predict those of ``scored`` again whose kept predictions a store in doubt has drawn, and no others.

    Raises:
        CacheError: What is kept is something else.
    """
    one_thread_a_call()
    clocks = Clocks()
    with ExitStack() as cleanup:
        source = source_of(job, samples, scored, engine, clocks, cleanup)
        outputs, view = joined(job.recipe, checked(job, source, engine, ()), clocks), _view(job, engine)
        stream.predict(
            _drawn(job, scored, outputs, view),
            outputs,
            job.recipe.postprocess,
            chunk=stream.chunk_size(job.recipe.manifest.infer.batch),
            store=view,
            listeners=stream.Listeners(progress=job.journal, clocks=clocks, noun=job.recipe.noun),
        )


def _view(job: Job, engine: Engine | None) -> CodedStore:
    """Return the store as it has predictions."""
    step, store = step_of(job, engine), job.store_for(Stage.POSTPROCESS)
    return coded(step, job.recipe, store, job.journal.warn, job.backend)


def _drawn(job: Job, scored: Sequence[Sample], outputs: stream.OutputSource, view: CodedStore) -> list[Sample]:
    """Let a store in doubt draw from the predictions."""
    backend, why_not = job.backend, ""
    if backend is not None and not (isinstance(backend, RepeatableBackend) and backend.bit_stable):
        why_not = f"backend {backend.name} does not say that it gives the same bits again"
    return stream.drawn(
        scored,
        outputs,
        job.recipe.postprocess,
        chunk=stream.chunk_size(job.recipe.manifest.infer.batch),
        store=view,
        why_not=why_not,
    )


def source_of(
    job: Job,
    samples: Sequence[Sample],
    scored: Sequence[Sample],
    engine: Engine | None,
    clocks: Clocks,
    cleanup: ExitStack,
) -> ModelOutputs | CommandOutputs | results.ResultFolder:
    """Return where the outputs of ``scored`` come from; what it opens is closed with ``cleanup``."""
    scored = parts_of(job.recipe, scored)
    if engine is None:
        return _result_folder(job, parts_of(job.recipe, samples), scored)
    return _model_outputs(job, engine, scored, clocks, cleanup)


def predicting_parts(job: Job, engine: Engine) -> dict[str, object]:
    """Return what the keys of predictions are made of, but the samples."""
    infer, made = job.recipe.manifest.infer, engine.parts(job.recipe.manifest.infer.batch)
    identities = {
        "preprocess": job.recipe.host_preprocess.identity,
        "postprocess": job.recipe.postprocess.identity,
    }
    rules = [f"{rule.spec.name}: {rule.kind}" for rule in rules_of(job.recipe.manifest)]
    return {**made, **identities, "batch": infer.batch, "tool": infer.tool, "outputs": rules}


def step_of(job: Job, engine: Engine | None) -> Step:
    """Return the step that makes the predictions."""
    if engine is None:
        return PREDICT_FROM_FILES
    return command_step(job.backend) if isinstance(job.backend, FolderBackend) else PREDICT


def _model_outputs(
    job: Job, engine: Engine, scored: Sequence[Sample], clocks: Clocks, cleanup: ExitStack
) -> ModelOutputs | CommandOutputs:
    batch = job.recipe.manifest.infer.batch
    if isinstance(engine.backend, FolderBackend):
        return CommandOutputs(
            engine=engine,
            backend=engine.backend,
            samples=scored,
            output=job.options.output,
            progress=job.journal,
            clocks=clocks,
            checked=partial(checked, job, engine=engine, watchers=_watchers(job, engine)),
            given=given_sizes(job.recipe),
        )
    session = LazySession(engine, batch)
    cleanup.push(partial(_close, job, session))
    return ModelOutputs(
        preprocess=job.recipe.host_preprocess,
        inputs=job.recipe.host_inputs,
        session=session,
        batch=batch,
        key=engine.key(batch),
        workers=workers(),
        clocks=clocks,
        unchanged=partial(engine.check, batch),
        sizes=given_sizes(job.recipe).of,
        whole=whole_tensors(job.recipe.manifest),
        parts=job.recipe.fan_out is not None,
    )


def given_sizes(recipe: Recipe) -> GivenSizes:
    """Return what is known of the sizes that the model is given for samples."""
    padded = recipe.padded
    return FIXED if padded is None else GivenSizes(of=lambda sample: padded.fit(sample).model, most=padded.shapes.most)


UNKNOWN_ORIGIN: Final = "results of unknown origin"
UNKNOWN_WEIGHTS: Final = "which weights the results are of was not checked: no hash of the weights is known here"


def _result_folder(job: Job, samples: Sequence[Sample], scored: Sequence[Sample]) -> results.ResultFolder:
    """Open the result files, and hold them against what their sidecar says they are of."""
    folder, specs = job.options.results_folder, job.recipe.manifest.output_specs
    origin = read_origin(folder)
    guard = None if origin is None else _guard(job, origin, scored)
    naming = (
        results.own_names if origin or job.recipe.fan_out else partial(naming_of, by_position=job.options.by_position)
    )
    opened = results.open_results(
        folder, scored, samples, specs, guard=guard, naming=naming, given=given_sizes(job.recipe)
    )
    unknown = f"{UNKNOWN_ORIGIN}: {opened.named}" if opened.named else UNKNOWN_ORIGIN
    if origin is None:
        job.journal.remarks.append(unknown)
    job.journal.remarks += unchecked(job.recipe)
    job.journal.artifact("results", folder, origin=described(origin) if origin else unknown)
    told = [job.recipe.parts.told] if job.recipe.parts.told else []
    return replace(opened, code=fingerprint(versions(PREDICTING), *told), look=_repetitions(job).files)


def _guard(job: Job, origin: ResultOrigin, scored: Sequence[Sample]) -> OriginGuard:
    """Refuse results that a sidecar says are of another model or other samples; the files are looked at later."""
    guard = OriginGuard(job.options.results_folder, origin)
    weights = _known_weights(job)
    wanted = Wanted(
        weights=weights,
        network=job.recipe.network,
        preprocess=job.recipe.preprocess.identity,
        outputs=job.recipe.manifest.output_specs,
        conversion=conversions_of(job.recipe),
    )
    guard.check(wanted, scored)
    job.note_weights(origin.model.weights)
    if weights is None:
        job.journal.remarks.append(UNKNOWN_WEIGHTS)
    if origin.model.chip.endswith(STAND_IN):
        job.journal.remarks.append(STAND_IN_NOTICE)
    return guard


def _known_weights(job: Job) -> str | None:
    """Return the hash of the weights as the sidecar has it, as far as it is known here."""
    if not job.recipe.manifest.models:
        return known_weights(job.recipe, job.options)
    hashes = {name: known_weights(recipe, job.options) for name, recipe in job.recipe.models.items()}
    known = {name: digest for name, digest in hashes.items() if digest is not None}
    return weights_of(known) if known.keys() == hashes.keys() else None


def checked(
    job: Job, source: stream.OutputSource, engine: Engine | None, watchers: Sequence[Watcher]
) -> CheckedOutputs:
    """Return the same outputs, held against what they must be."""
    error = ResultError if engine is None else InferenceError
    return CheckedOutputs(source=source, rules=rules_of(job.recipe.manifest), watchers=tuple(watchers), error=error)


def _repetitions(job: Job) -> Repetitions:
    def doubt(text: str) -> None:
        job.journal.doubts.append(Doubt(cause=Cause.EQUAL_RESULTS, text=text))

    preprocess = job.recipe.fan_out or job.recipe.parts.preprocess
    return Repetitions(rules=rules_of(job.recipe.manifest), preprocess=preprocess, doubt=doubt)


def _watchers(job: Job, engine: Engine | None) -> tuple[Watcher, ...]:
    """Return what looks at outputs that a model infers; result files are compared by their hashes."""
    recipe, manifest, journal = job.recipe, job.recipe.manifest, job.journal
    places = placing(journal.placements)
    if engine is None:
        return (places,)
    if not engine.converts:
        return places, _repetitions(job)
    if engine.given is not None and any(map(missing_packages, recipe.models.values())):
        journal.note(
            "the converted model's outputs were not compared with the exported graph's: a host that only infers with "
            "--om needs nothing that runs graphs"
        )
        return places, _repetitions(job)
    reference = ReferenceOutputs(
        opened=engine.open_graphs,
        inputs=manifest.input_specs,
        outputs=manifest.output_specs,
        batch=engine.graph_batch,
        preprocess=recipe.preprocess,
        warn=journal.warn,
        note=journal.note,
    )
    return places, _repetitions(job), reference


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
    one_thread_a_call()
    folder, given = job.options.output / INPUTS, given_sizes(job.recipe)
    with job.journal.stage(Stage.PREPROCESS):
        scored = parts_of(job.recipe, scored)
        size = files_size(job.recipe.host_inputs, len(scored), most=given.most)
        require_room({INPUTS: size}, folder, job.journal)
        inputs = stream.prepared(scored, job.recipe.host_preprocess, job.journal, job.recipe.inferred_noun)
        shaped = reads_sizes(job.recipe.shapes, job.recipe.manifest.infer.batch)
        results.write_inputs(folder, scored, inputs, sizes=given.of, shaped=shaped)
    job.journal.artifact("inputs", folder)


def write_results(job: Job, scored: Sequence[Sample], engine: Engine, ahead: Ahead | None = None) -> None:
    """Leave the model's outputs as files, as ais_bench would."""
    one_thread_a_call()
    folder = job.options.results_folder
    clocks = Clocks()
    with job.journal.stage(Stage.INFER), ExitStack() as cleanup:
        scored = parts_of(job.recipe, scored)
        source = _model_outputs(job, engine, scored, clocks, cleanup)
        first = ahead(source) if ahead else source
        if isinstance(source, CommandOutputs):
            source.run()
            _note_files(job, source)
            ended(first)
            return
        given = given_sizes(job.recipe)
        outputs_size = files_size(job.recipe.manifest.output_specs, len(scored), most=given.most)
        require_room({RESULTS: outputs_size}, folder, job.journal)
        seal = partial(_seal, source, engine, scored, sample_origins(source.keys, scored, given.of))
        stream.warm(len(scored), first)
        with (
            job.journal.track("infer", len(scored), job.recipe.inferred_noun) as advance,
            closed(checked(job, first, engine, _watchers(job, engine)).outputs(scored)) as outputs,
        ):
            counted = stream.counted(outputs, advance)
            results.write_results(folder, scored, counted, job.recipe.manifest.output_specs, seal)
        ended(first)
    job.journal.artifact("results", folder)


def _seal(
    source: ModelOutputs, engine: Engine, scored: Sequence[Sample], origins: Sequence[SampleOrigin], folder: Path
) -> None:
    """Say in a folder of results where they come from; the samples must still be what they were before."""
    source.check(scored)
    write_origin(folder, model_origin(engine, source.batch), origins, results.result_files(folder))
