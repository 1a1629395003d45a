"""What a run does before the first sample: fetching, exporting, converting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.options import Stage
from zoo_runner.stages.engine import Engine
from zoo_runner.stages.locate import fetch_weights, find_data, read_samples
from zoo_runner.stages.model import export_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.interfaces import Sample
    from zoo_runner.job import Job
    from zoo_runner.stages.source import Fetched


def prepare(job: Job) -> tuple[Sequence[Sample], Engine | None]:
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
            note.skip(f"{f'{options.om} fits' if options.om else 'unchanged'}; batch {', '.join(map(str, made))}")
