"""Whether a bundle is of this model and of this data set; of another one nothing can be compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo_runner.golden.recording import file_hashes
from zoo_runner.plugin.interfaces import Sample
from zoo_runner.report.ground_truth import UNKNOWN, sample_digest
from zoo_runner.stages.fetch.locate import known_weights
from zoo_runner.stages.fetch.sample_keys import sample_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.golden.bundle import GoldenBundle, GoldenSample
    from zoo_runner.job.job import Job


def staleness(job: Job, bundle: GoldenBundle, dataset: Sequence[Sample]) -> str:
    """Say why a bundle is of another model or data set; empty where it is of these.

    Args:
        job: The run.
        bundle: What was recorded.
        dataset: All samples, also those that the run does not score.
    """
    return other_model(job, bundle) or other_data(bundle, dataset)


def other_model(job: Job, bundle: GoldenBundle) -> str:
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
    if not weights and job.options.weights is not None:
        return "the weights of this run are not known"
    if any(each.outputs.keys() != names for each in bundle.samples):
        return "it has other outputs"
    return ""


def other_data(bundle: GoldenBundle, dataset: Sequence[Sample]) -> str:
    """Say why a bundle is of another data set; empty where it is of this one, also if that has changed.

    It is of another one if none of its samples is there, by the content of the files. Where files are not on this
    machine, as beside result files, the name is all there is. And where every annotation is the recorded one, these are
    the same samples with other files: that is a finding.
    """
    wanted = {each.id for each in bundle.samples}
    own = {sample.id: sample for sample in dataset if sample.id in wanted}
    pairs = [(each, own[each.id]) for each in bundle.samples if each.id in own]
    if any(not _is_here(sample) or each.files == file_hashes(sample) for each, sample in pairs):
        return ""
    if len(pairs) == len(bundle.samples) and _annotated_alike(pairs):
        return ""
    return f"it is of another data set: none of its {len(bundle.samples)} samples is in this one"


def _annotated_alike(pairs: Sequence[tuple[GoldenSample, Sample]]) -> bool:
    """Say whether all annotations are the recorded ones, and say more than the sample's name."""
    digests = [(each.annotations, sample_digest(sample), _bare(sample)) for each, sample in pairs]
    return all(recorded == now.hex() and now not in {bare, UNKNOWN} for recorded, now, bare in digests)


def _bare(sample: Sample) -> bytes:
    return sample_digest(Sample(index=sample.index, id=sample.id, path=Path(), group=sample.group))


def _is_here(sample: Sample) -> bool:
    return all(path.exists() for path in sample_files(sample))
