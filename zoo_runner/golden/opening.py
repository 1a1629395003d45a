"""The bundle that a manifest names, ready to be held against a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.golden.checking import GoldenCheck
from zoo_runner.golden.file import read_bundle
from zoo_runner.golden.limits import limits_of
from zoo_runner.job.job import CPU
from zoo_runner.stages.fetch.locate import fetch_golden, known_weights
from zoo_runner.stages.predict.result_origin import read_origin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.golden.bundle import GoldenBundle
    from zoo_runner.job.job import Job
    from zoo_runner.plugin.interfaces import Sample

ANEW = "record it anew with zoo-run golden record"


def opened(job: Job, scored: Sequence[Sample]) -> GoldenCheck | None:
    """Return the check of the manifest's bundle; ``None`` where it names none.

    Raises:
        FetchError: The bundle cannot be had, is not what the manifest says, or is none.
    """
    found = fetch_golden(job.recipe, job.options, job.store, job.journal)
    if found is None:
        return None
    bundle = read_bundle(found.path)
    wanted = {each.id for each in bundle.samples}
    origin = read_origin(job.options.results_folder) if job.options.scores_files else None
    chip = (origin.model.chip if origin else "") if job.options.scores_files else job.chip
    backend = origin.model.backend if origin else job.backend.name if job.backend else ""
    stale = staleness(job, bundle)
    if stale:
        job.journal.note(f"golden samples: stale: {stale}; {ANEW}")
    return GoldenCheck(
        bundle=bundle,
        path=found.origin,
        job=job,
        samples={sample.id: sample for sample in scored if sample.id in wanted},
        chip=chip,
        limits=limits_of(bundle, job.recipe, chip, backend, device=chip != CPU),
        stale=stale,
    )


def staleness(job: Job, bundle: GoldenBundle) -> str:
    """Say why a bundle is of another model; empty where it is of this one."""
    recipe, of = job.recipe, bundle.provenance
    names = {spec.name for spec in recipe.manifest.output_specs}
    weights = {each.sha256 for each in job.journal.artifacts if each.name == "weights" and each.sha256}
    if not weights and (known := known_weights(job.recipe, job.options)):
        weights = {known}
    if of.plugin != recipe.manifest.plugin.name:
        return f"it is of the plugin {of.plugin}, not of {recipe.manifest.plugin.name}"
    if of.network != recipe.network:
        return "it is of another network"
    if weights and of.weights not in weights:
        return f"it is of the weights {of.weights[:12]}, not of {min(weights)[:12]}"
    if any(each.outputs.keys() != names for each in bundle.samples):
        return "it has other outputs"
    return ""
