"""Stage ``convert``: the ONNX model becomes what the backend loads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.job.journal import StageNote
from zoo_runner.job.key_parts import remember
from zoo_runner.job.networks import Driven
from zoo_runner.job.options import Stage
from zoo_runner.plugin.backend_facts import ReleasedBackend
from zoo_runner.stages.convert.driven import DrivenEngine, driven_engine
from zoo_runner.stages.convert.engine import Engine
from zoo_runner.stages.convert.unstamped import output_order, said_of_order
from zoo_runner.stages.export.stage import joined
from zoo_runner.store.unfinished import name_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.conversion import Artifact
    from zoo_runner.plugin.interfaces import Backend
    from zoo_runner.stages.convert.engine import Loadable
    from zoo_runner.stages.export.model import ModelFile
    from zoo_runner.stages.fetch.given_models import GivenModels


def engine_of(job: Job, backend: Backend, models: Mapping[str, ModelFile], given: GivenModels | None = None) -> Engine:
    """Return the model as the backend runs it; nothing is converted yet.

    Args:
        job: The run.
        backend: Loads the model.
        models: The exported networks by name.
        given: Converted models of the user's own.
    """
    run = _own_name(job, backend)
    engines = {name: _engine(alone, backend, models[name], given, run) for name, alone in job.models.items()}
    several = job.recipe.parts.network
    return driven_engine(job.recipe, several, engines) if isinstance(several, Driven) else engines[job.recipe.name]


def _engine(job: Job, backend: Backend, model: ModelFile, given: GivenModels | None, run: str) -> Engine:
    options = job.options
    return Engine(
        recipe=job.recipe,
        backend=backend,
        model=model,
        devices=job.options.devices,
        store=job.store_for(Stage.CONVERT),
        logs=job.options.output / "logs" / job.recipe.name,
        given=given,
        order=output_order(job.recipe, options.om_outputs) if options.accept_unstamped else None,
        warn=job.journal.warn,
        run=run,
    )


def _own_name(job: Job, backend: Backend) -> str:
    """Return the run's name where nobody can say that the next run will use the same software, and say so."""
    if not isinstance(backend, ReleasedBackend) or backend.release_known:
        return ""
    job.journal.note(f"the release of {backend.name} is not known: nothing it makes is kept for another run")
    return name_of(job.store, job.recipe.loaded.path, job.options.output)


def convert(job: Job, engine: Engine) -> None:
    """Convert for every batch size the run will load, so that a failure shows before hours of work.

    Raises:
        StageError: The backend's tool refuses the model.
    """
    with job.journal.stage(Stage.CONVERT) as note:
        alone = engine.engines if isinstance(engine, DrivenEngine) else {job.recipe.name: engine}
        notes = {name: _converted(each, alone[name]) for name, each in job.models.items()}
        note.why, note.skipped = joined(notes)


def _converted(job: Job, engine: Engine) -> StageNote:
    """Convert one network, and say of it what the stage says."""
    note, conversion = StageNote(), engine.conversion
    if conversion is None:
        note.skip(f"the backend {engine.backend.name} runs ONNX as it is")
        return note
    makes = engine.makes(conversion)
    if unchecked := job.recipe.manifest.atc.unchecked_flags:
        job.journal.warn(f"atc.unchecked_flags: {', '.join(unchecked)}: passed on without knowing what it does")
    remember(job.recipe, job.store, makes.name, engine.conversion_parts(job.recipe.manifest.infer.batch))
    made = _made(job, engine, _batches(job, makes))
    if any(map(engine.unstamped, made)):
        job.journal.remarks.append(said_of_order(job.options.om_outputs))
    for batch, file in made.items():
        origin = f"batch {batch}" if makes.by_batch else ""
        job.journal.artifact(job.recipe.named(makes.name), file.path, sha256=file.sha256, origin=origin)
    note.why = makes.why
    if all(file.reused for file in made.values()):
        fits = "is taken without a stamp" if any(map(engine.unstamped, made)) else "fits"
        of_batches = f"batch {', '.join(map(str, made))}"
        found = f"{engine.given.shown} {fits}" if engine.given and engine.converts else "unchanged"
        note.skip(f"{found}; {makes.why or of_batches}")
    return note


def _made(job: Job, engine: Engine, batches: Sequence[int]) -> dict[int, Loadable]:
    """Convert for each batch size, and say which one it is."""
    made = {}
    for number, batch in enumerate(batches, start=1):
        with job.journal.track(f"convert: batch {batch}, {number} of {len(batches)}", None, ""):
            made[batch] = engine.loadable(batch)
    return made


def _batches(job: Job, makes: Artifact) -> list[int]:
    """Return the batch sizes to convert for: those the run will load."""
    manifest, options = job.recipe.manifest, job.options
    all_of_them = options.runs(Stage.BENCHMARK) or options.last is Stage.CONVERT
    timed = manifest.benchmark.batch if all_of_them and makes.by_batch else ()
    return sorted({manifest.infer.batch, *timed})
