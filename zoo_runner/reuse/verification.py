"""``zoo-run cache verify``: make a part of what a run would reuse again, and compare; nothing is scored or reported."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.job.journal import Journal
from zoo_runner.job.options import Stage
from zoo_runner.job.recipe import resolve
from zoo_runner.runner import open_job, prepare
from zoo_runner.stages.predict.stage import predict_drawn
from zoo_runner.store.audit import Audit, AuditedStore, new_audit

if TYPE_CHECKING:
    from zoo_runner.job.options import RunOptions
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.interfaces import Progress
    from zoo_runner.store.store import Store


def verify(loaded: LoadedManifest, options: RunOptions, *, store: Store, progress: Progress) -> Audit:
    """Make a part of what a run would reuse again, and return what was compared.

    What is missing and needed for that is made, as a run would; predictions that are not kept are not.

    Args:
        loaded: The manifest.
        options: Of the run that is meant; with ``verify_cache``. Where it would write to is left alone.
        store: Has what is verified.
        progress: Is told what happens.

    Raises:
        CacheError: The store has something else than what was made again.
        ZooError: As the run itself would be refused, or could not get its inputs.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-run-") as folder:
        results = options.results_folder if options.scores_files else None
        options = replace(options, output=Path(folder), results=results, last=Stage.POSTPROCESS)
        recipe = resolve(loaded, options)
        journal = Journal(loaded=recipe.loaded, progress=progress, subset=options.subset)
        audit = new_audit(options.seed)
        job = open_job(recipe, options, AuditedStore(store, audit), journal)
        progress.note(f"a tenth of what is kept is made again and compared; {audit.again}")
        samples, engine = prepare(job)
        predict_drawn(job, samples, job.chosen(samples)[: options.limit], engine)
    return audit
