"""Stage ``fetch``: get hold of weights and data set, verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.job.options import Stage
from zoo_runner.stages.fetch.given_models import GivenModels, given_models, packed_onnx
from zoo_runner.stages.fetch.locate import fetch_published, fetch_weights, find_data, read_samples
from zoo_runner.stages.fetch.soundness import sound
from zoo_runner.stages.fetch.trust import in_use

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.job.job import Job
    from zoo_runner.job.options import RunOptions
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.stages.fetch.trust import Fetched


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a run starts from.

    Attributes:
        weights: The checkpoint; ``None`` where the run needs none.
        samples: The whole data set; empty where the run needs none.
        published: The published export of the weights, or the packed one; ``None`` where the run exports by itself.
        given: The converted models to use; ``None`` where the run converts by itself.
    """

    weights: Fetched | None
    samples: Sequence[Sample]
    published: Fetched | None = None
    given: GivenModels | None = None


def fetch(job: Job) -> Inputs:
    """Get hold of what this run needs of weights and data set.

    Raises:
        StageError: Something cannot be had, is not what the manifest says, or is damaged.
    """
    options, journal = job.options, job.journal
    weights: Fetched | None = None
    published: Fetched | None = None
    given: GivenModels | None = None
    samples: Sequence[Sample] = ()
    with journal.stage(Stage.FETCH) as note:
        store = job.store_for(Stage.FETCH)
        reused = True
        if options.needs_weights:
            weights = fetch_weights(job.recipe, options, store, journal)
            journal.artifact("weights", weights.path, sha256=weights.sha256, origin=weights.origin)
            job.note_weights(weights.sha256)
            given = given_models(options, store) if options.needs_model else None
            if not job.recipe.given_onnx:
                published = packed_onnx(job.recipe, options, weights, given)
                published = published or fetch_published(job.recipe, options, weights, store, journal)
            reused = weights.reused and (published is None or published.reused)
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
    return Inputs(weights=weights, samples=samples, published=published, given=given)


def reads_files(options: RunOptions) -> bool:
    """Say whether the run reads the samples' files; scoring result files does not."""
    return not options.scores_files and options.last is not Stage.FETCH
