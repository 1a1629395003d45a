"""``zoo-run cache explain``: the parts of a run's keys, and which parts differ from the last run.

It downloads nothing, makes nothing and runs nothing.
"""

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
from zoo_runner.stages.export.told import told
from zoo_runner.stages.fetch.given_models import given_models
from zoo_runner.stages.fetch.locate import find_data, is_published, known_weights, read_samples
from zoo_runner.stages.iterators import batched
from zoo_runner.stages.predict import pipeline as stream
from zoo_runner.stages.predict.clocks import Clocks
from zoo_runner.stages.predict.joining import joined
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
"""How many differences of the code are listed; of more, only the number is given."""
REUSED: Final = "would be reused"
MADE: Final = "would be made again"


def explain(loaded: LoadedManifest, options: RunOptions, *, store: Store, progress: Progress) -> Iterator[str]:
    """Yield lines for each step whose results are kept: the parts of its key, and what differs from the last run.

    Args:
        loaded: The manifest.
        options: The options of the run that is explained.
        store: Where earlier runs kept their results; it is only read.
        progress: Gets the warnings.

    Raises:
        ZooError: The run itself would be refused.
    """
    recipe = resolve(loaded, options)
    backend = choose_backend(options.backend, recipe.loaded, options.soc, ways=options.ways)
    journal = Journal(loaded=recipe.loaded, progress=progress, subset=options.subset)
    frozen = store.frozen("cache explain")
    job = Job(recipe=on_backend(recipe, backend), options=options, store=frozen, journal=journal, backend=backend)
    yield f"{recipe.manifest.name}: what is kept in {store.root}"
    if recipe.manifest.models or recipe.manifest.code is not None:
        yield "a manifest with several models, or with code: only `zoo-run cache verify` tells whether it is right"
        return
    weights = known_weights(recipe, options)
    if weights is None:
        yield "the weights are not here, so that nothing can be said of what is made of them: give --weights PATH"
        return
    path, parts = _kept_model(job, weights)
    yield f"onnx: {REUSED if path else MADE}"
    yield from _part_lines(job, "onnx", parts)
    yield from _code_lines(code_of(EXPORT, recipe, frozen, journal.warn))
    if path is None:
        yield f"predictions: {MADE} unless the new model has the content of the last one"
        return
    yield from _steps_after_export(job, backend, path / MODEL)


def _kept_model(job: Job, weights: str) -> tuple[Path | None, dict[str, object]]:
    """Find the exported model of the run in the store.

    Args:
        job: The run.
        weights: SHA-256 of the weights.

    Returns:
        The folder of the model, or ``None`` if it would be made again, and the parts of its key.
    """
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


def _steps_after_export(job: Job, backend: Backend, path: Path) -> Iterator[str]:
    """Yield the lines of the steps that use the exported model at ``path``: conversion and prediction."""
    model = ModelFile(path=path, sha256=file_digest(path), reused=True, differences={})
    job = told(job, path)
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
            yield from _part_lines(job, step.name, parts)
            yield from _code_lines(code_of(step, job.recipe, job.store, job.journal.warn, backend))
            yield f"  {REUSED}: sha256 {engine.loadable(batch).sha256}"
        data = find_data(job.recipe, job.options, job.store, job.journal)
        samples = read_samples(job.recipe, data.path)
    except StageError as error:
        yield f"predictions: {MADE}: {error}"
        return
    scored = job.scored(samples)
    yield from _prediction_lines(job, engine, samples, scored)


def _prediction_lines(job: Job, engine: Engine, samples: Sequence[Sample], scored: Sequence[Sample]) -> Iterator[str]:
    """Yield how many samples have kept predictions, and from which sample on they have none.

    Args:
        job: The run.
        engine: What runs the model.
        samples: All samples of the data set.
        scored: Those of them that the run scores.
    """
    code = code_of(step_of(job, engine), job.recipe, job.store, job.journal.warn, job.backend)
    view, post = CodedStore(job.store, code), job.recipe.postprocess.identity
    batch = job.recipe.manifest.infer.batch
    with ExitStack() as cleanup:
        clocks = Clocks()
        inferred = checked(job, source_of(job, samples, scored, engine, clocks, cleanup), engine, ())
        source = joined(job.recipe, inferred, clocks)
        chunks = list(batched(scored, stream.chunk_size(batch)))
        kept = [chunk for chunk in chunks if view.has(stream.KIND, stream.chunk_key(source, chunk, post))]
    count = sum(map(len, kept))
    yield f"predictions: {count} of {len(scored)} {REUSED}"
    yield from _part_lines(job, stream.KIND, predicting_parts(job, engine))
    yield from _code_lines(code)
    if 0 < count < len(scored):
        first = next(chunk for chunk in chunks if chunk not in kept)[0]
        yield f"  samples: the files or annotations of some have changed, from sample {first.id} on"


def _part_lines(job: Job, step: str, parts: Mapping[str, object]) -> Iterator[str]:
    """Yield one line for each part of a step's key; if the last run had another value, the line shows that too."""
    last = remembered(job.recipe, job.store, step)
    before = dict(flat(last)) if last else {}
    now = dict(flat(parts))
    for name, value in now.items():
        was = "" if last is None or before.get(name) == value else f"   (was {before.get(name, 'not there')})"
        yield f"  {name}: {value}{was}"
    yield from (f"  {name}: not there   (was {before[name]})" for name in before.keys() - now.keys())
    if last is None:
        yield "  there was no run before this one"


def _code_lines(code: StepCode) -> Iterator[str]:
    """Yield one line for the latest record of a step's code, and one for each difference from it."""
    found = next(code.records(), None)
    if found is None:
        yield "  code: no record of what was used; nothing is reused without one"
        return
    digest, record = found
    changed = list(Disk().differences(record))
    files = len(record.modules) + len(record.files) + sum(map(len, record.trees.values()))
    state = "as it was" if not changed else f"{len(changed)} difference(s)"
    yield f"  code: {digest}: {files} files, {len(record.distributions)} distributions: {state}"
    yield from (f"    {text}" for text in changed[:SHOWN])
    if len(changed) > SHOWN:
        yield f"    … and {len(changed) - SHOWN} more"
