"""The bundle that a manifest names, ready to be held against a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.golden.checking import ANEW, GoldenCheck
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.limits import limits_of
from zoo_runner.golden.staleness import staleness
from zoo_runner.job.job import CPU
from zoo_runner.stages.fetch.locate import fetch_golden
from zoo_runner.stages.predict.result_origin import read_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Sample


def opened(job: Job, dataset: Sequence[Sample], scored: Sequence[Sample]) -> GoldenCheck | None:
    """Return the check of the manifest's bundle; ``None`` where it names none.

    Args:
        job: The run.
        dataset: All samples.
        scored: Those that the run scores.

    Raises:
        FetchError: The bundle cannot be had, is not what the manifest says, or is none.
    """
    found = fetch_golden(job.recipe, job.options, job.store, job.journal)
    if found is None:
        return None
    bundle = read_bundle(found.path)
    wanted = dict.fromkeys(each.id for each in bundle.samples)
    there = {sample.id for sample in dataset}
    origin = read_origin(job.options.results_folder) if job.options.scores_files else None
    chip = (origin.model.chip if origin else "") if job.options.scores_files else job.chip
    backend = origin.model.backend if origin else job.backend.name if job.backend else ""
    stale = staleness(job, bundle, dataset)
    if stale:
        job.journal.note(stale_note(stale))
    return GoldenCheck(
        bundle=bundle,
        path=found.origin,
        job=job,
        samples={sample.id: sample for sample in scored if sample.id in wanted},
        chip=chip,
        limits=limits_of(bundle, job.recipe, chip, backend, device=chip != CPU),
        missing=tuple(each for each in wanted if each not in there),
        stale=stale,
    )


def stale_note(stale: str) -> str:
    """Return the line that says why a bundle is stale, and what to do."""
    return f"golden samples: stale: {stale}; {ANEW}"
