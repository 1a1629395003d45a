"""``zoo-run cache verify``: make some kept results again, and compare them with the store.

It scores nothing and writes no report.
"""

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
    """Make some of the results that a run would reuse again, and compare them with the store.

    An input that is missing is made first, as in a run. Predictions that the store does not have are not made.

    Args:
        loaded: The manifest.
        options: The options of that run, with ``verify_cache``. Its output folder is not touched.
        store: Has the results to verify.
        progress: Gets notes on what is done.

    Returns:
        What was compared.

    Raises:
        CacheError: A result in the store differs from the one that was made again.
        ZooError: The run itself would be refused, or an input cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="zoo-run-") as folder:
        results = options.results_folder if options.scores_files else None
        options = replace(options, output=Path(folder), results=results, last=Stage.POSTPROCESS)
        recipe = resolve(loaded, options)
        journal = Journal(loaded=recipe.loaded, progress=progress, subset=options.subset)
        audit = new_audit(options.seed)
        job = open_job(recipe, options, AuditedStore(store, audit), journal)
        progress.note(f"a tenth of what is kept is made again and compared; {audit.again}")
        job, samples, engine = prepare(job)
        predict_drawn(job, samples, job.scored(samples), engine)
    return audit
