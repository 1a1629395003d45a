"""What the keys of a run are made of, and what differs from the last run; nothing is fetched, made or run."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import StageError
from zoo_runner.job.job import Job
from zoo_runner.job.journal import Journal
from zoo_runner.job.key_parts import flat, remembered
from zoo_runner.job.recipe import choose_backend, on_backend, resolve
from zoo_runner.job.steps import EXPORT, code_of, coded, conversion_step
from zoo_runner.stages.convert.engine import Engine
from zoo_runner.stages.convert.unstamped import output_order
from zoo_runner.stages.export.model import MODEL, ModelFile, export_key, export_parts, published_parts
from zoo_runner.stages.export.published import missing_packages
from zoo_runner.stages.fetch.given_models import given_models
from zoo_runner.stages.fetch.locate import find_data, is_published, known_weights, read_samples
from zoo_runner.stages.iterators import batched
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.stage import checked, predicting_parts, source_of, step_of
from zoo_runner.store.fingerprints import file_digest, fingerprint
from zoo_runner.used_code.record import Disk
from zoo_runner.used_code.store import CodedStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Backend, Progress, Sample
    from zoo_runner.store.store import Store
    from zoo_runner.used_code.store import StepCode

SHOWN: Final = 10
"""Differences of code that are listed one by one."""
REUSED: Final = "would be reused"
MADE: Final = "would be made again"


def explain(loaded: LoadedManifest, options: RunOptions, *, store: Store, progress: Progress) -> Iterator[str]:
    """Yield, for each step whose results are kept, its key as its parts, and what differs from the last run.

    Raises:
        ZooError: The run itself would be refused.
    """
    recipe = resolve(loaded, options)
    backend = choose_backend(options.backend, recipe.loaded, options.soc, ways=options.ways)
    journal = Journal(loaded=recipe.loaded, progress=progress, subset=options.subset)
    frozen = store.frozen("cache explain")
    job = Job(recipe=on_backend(recipe, backend), options=options, store=frozen, journal=journal, backend=backend)
    yield f"{recipe.manifest.name}: what is kept in {store.root}"
    weights = known_weights(recipe, options)
    if weights is None:
        yield "the weights are not here, so that nothing can be said of what is made of them: give --weights PATH"
        return
    path, parts = _model(job, weights)
    yield f"onnx: {REUSED if path else MADE}"
    yield from _parts(job, "onnx", parts)
    yield from _code(code_of(EXPORT, recipe, frozen, journal.warn))
    if path is None:
        yield f"predictions: {MADE} unless the new model has the content of the last one"
        return
    yield from _of_model(job, backend, path / MODEL)


def _model(job: Job, weights: str) -> tuple[Path | None, dict[str, object]]:
    """Return where the model of the run is kept, ``None`` if it would be made again, and what its key is made of."""
    recipe = job.recipe
    view = coded(EXPORT, recipe, job.store, job.journal.warn)
    path = view.lookup("onnx", export_key(recipe, weights))
    given = given_models(job.options, job.store)
    published = recipe.manifest.onnx.sha256 if is_published(recipe, job.options, weights) else None
    if given is not None and given.onnx is not None:
        published = file_digest(given.onnx)
    if published is None:
        return path, export_parts(recipe, weights)
    compared = None if missing_packages(recipe) else file_digest(path / MODEL) if path else MADE
    parts = published_parts(recipe, weights, published, compared)
    return view.lookup("published", fingerprint(parts)), parts


def _of_model(job: Job, backend: Backend, path: Path) -> Iterator[str]:
    """Yield the lines of what is made of an exported model."""
    model = ModelFile(path=path, sha256=file_digest(path), reused=True, differences={})
    engine = Engine(
        recipe=job.recipe,
        backend=backend,
        model=model,
        devices=job.options.devices,
        store=job.store,
        logs=job.options.output / "logs",
        given=given_models(job.options, job.store),
        order=output_order(job.recipe, job.options.om_outputs) if job.options.accept_unstamped else None,
    )
    batch = job.recipe.manifest.infer.batch
    try:
        if engine.conversion is not None:
            step, parts = conversion_step(engine.conversion), engine.conversion_parts(batch)
            yield f"{step.name}, batch {batch}:"
            yield from _parts(job, step.name, parts)
            yield from _code(code_of(step, job.recipe, job.store, job.journal.warn, backend))
            yield f"  {REUSED}: sha256 {engine.loadable(batch).sha256}"
        data = find_data(job.recipe, job.options, job.store, job.journal)
        samples = read_samples(job.recipe, data.path)
    except StageError as error:
        yield f"predictions: {MADE}: {error}"
        return
    scored = job.chosen(samples)[: job.options.limit]
    yield from _predictions(job, engine, samples, scored)


def _predictions(job: Job, engine: Engine, samples: Sequence[Sample], scored: Sequence[Sample]) -> Iterator[str]:
    code = code_of(step_of(job, engine), job.recipe, job.store, job.journal.warn, job.backend)
    view, post = CodedStore(job.store, code), job.recipe.parts.postprocess.identity
    batch = job.recipe.manifest.infer.batch
    with ExitStack() as cleanup:
        source = checked(job, source_of(job, samples, scored, engine, Clocks(), cleanup), engine, ())
        groups = list(batched(scored, stream.chunk_size(batch)))
        held = [group for group in groups if view.has(stream.KIND, stream.chunk_key(source, group, post))]
    count = sum(map(len, held))
    yield f"predictions: {count} of {len(scored)} {REUSED}"
    yield from _parts(job, stream.KIND, predicting_parts(job, engine))
    yield from _code(code)
    if 0 < count < len(scored):
        first = next(group for group in groups if group not in held)[0]
        yield f"  samples: files or facts of some are others than before, from sample {first.id} on"


def _parts(job: Job, step: str, parts: Mapping[str, object]) -> Iterator[str]:
    """Yield one line a part, and with it what it was in the last run, if that was something else."""
    last = remembered(job.recipe, job.store, step)
    before = dict(flat(last)) if last else {}
    now = dict(flat(parts))
    for name, value in now.items():
        was = "" if last is None or before.get(name) == value else f"   (was {before.get(name, 'not there')})"
        yield f"  {name}: {value}{was}"
    yield from (f"  {name}: not there   (was {before[name]})" for name in before.keys() - now.keys())
    if last is None:
        yield "  there was no run before this one"


def _code(code: StepCode) -> Iterator[str]:
    """Yield what the code is, and what of it is not as it was."""
    found = next(code.records(), None)
    if found is None:
        yield "  code: no record of what was used; nothing is reused without one"
        return
    digest, record = found
    changed = list(Disk().differences(record))
    files = len(record.modules) + len(record.files) + sum(map(len, record.trees.values()))
    held = "as it was" if not changed else f"{len(changed)} difference(s)"
    yield f"  code: {digest}: {files} files, {len(record.distributions)} distributions: {held}"
    yield from (f"    {text}" for text in changed[:SHOWN])
    if len(changed) > SHOWN:
        yield f"    … and {len(changed) - SHOWN} more"
