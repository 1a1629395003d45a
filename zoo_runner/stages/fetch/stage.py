"""Stage ``fetch``: get hold of weights and data set, verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.job.options import Stage
from zoo_runner.stages.fetch.archive_member import MEMBER, with_member
from zoo_runner.stages.fetch.given_models import GivenModels, given_models, packed_onnx
from zoo_runner.stages.fetch.locate import fetch_published, fetch_weights, find_data, read_samples
from zoo_runner.stages.fetch.soundness import sound
from zoo_runner.stages.fetch.trust import in_use

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.stages.fetch.trust import Fetched


@dataclass(frozen=True, kw_only=True)
class ModelFiles:
    """The files of one network.

    Attributes:
        weights: The checkpoint, or the network as ONNX.
        published: The published export of the weights, or the packed one; ``None`` where the run exports by itself.
    """

    weights: Fetched
    published: Fetched | None = None

    @property
    def reused(self) -> bool:
        """Whether all of it was there before this run."""
        return self.weights.reused and self.weights.file.reused and (self.published is None or self.published.reused)


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a run starts from.

    Attributes:
        models: The files of each network by name; of a manifest with one network under the empty name. Nothing where
            the run needs none.
        samples: The whole data set; empty where the run needs none.
        given: The converted models to use; ``None`` where the run converts by itself.
    """

    models: Mapping[str, ModelFiles]
    samples: Sequence[Sample]
    given: GivenModels | None = None


def fetch(job: Job) -> Inputs:
    """Get hold of what this run needs of weights and data set.

    Raises:
        StageError: Something cannot be had, is not what the manifest says, or is damaged.
    """
    options, journal = job.options, job.journal
    models: dict[str, ModelFiles] = {}
    given: GivenModels | None = None
    samples: Sequence[Sample] = ()
    with journal.stage(Stage.FETCH) as note:
        store = job.store_for(Stage.FETCH)
        if options.needs_weights:
            given = given_models(options, store) if options.needs_model else None
            models = {name: _model_files(part, given) for name, part in job.models.items()}
        reused = all(files.reused for files in models.values())
        if options.needs_data:
            data = find_data(job.recipe, options, store, journal)
            journal.artifact("dataset", data.path, origin=data.origin)
            with in_use(data.archive):
                samples = read_samples(job.recipe, data.path)
            if reads_files(options):
                samples = sound(job, samples)
            reused = reused and data.reused
        if reused:
            note.skip("everything is here already")
    return Inputs(models=models, samples=samples, given=given)


def _model_files(job: Job, given: GivenModels | None) -> ModelFiles:
    """Get hold of the weights of one network, and of the export that is published or packed with them."""
    recipe, options, journal = job.recipe, job.options, job.journal
    store = job.store_for(Stage.FETCH)
    weights = fetch_weights(recipe, options, store, journal)
    journal.artifact(recipe.named("weights"), weights.path, sha256=weights.sha256, origin=weights.origin)
    job.note_weights(weights.sha256)
    weights = with_member(recipe, weights, store, journal)
    if (file := weights.member) is not None:
        journal.artifact(recipe.named(MEMBER), file.path, sha256=file.sha256, origin=file.origin)
    if recipe.given_onnx:
        return ModelFiles(weights=weights)
    published = None if recipe.name else packed_onnx(recipe, options, weights, given)
    published = published or fetch_published(recipe, options, weights, store, journal)
    return ModelFiles(weights=weights, published=published)


def reads_files(options: RunOptions) -> bool:
    """Say whether the run reads the samples' files; scoring result files does not."""
    return not options.scores_files and options.last is not Stage.FETCH
