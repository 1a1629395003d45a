"""What the stages of one run share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner.stages.targets import Scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.artifacts import Store
    from zoo_runner.baseline import Baseline
    from zoo_runner.interfaces import Backend, Sample
    from zoo_runner.journal import Journal
    from zoo_runner.options import RunOptions, Stage
    from zoo_runner.recipe import Recipe

FROM_FILES = "result files"
"""Backend and chip of results that came from files: nothing in them says what they were inferred on."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What the stages of one run share."""

    recipe: Recipe
    options: RunOptions
    store: Store
    journal: Journal
    backend: Backend | None
    baseline: Baseline | None = None

    @property
    def chip(self) -> str:
        """The chip the figures belong to."""
        return self.backend.chip() if self.backend else FROM_FILES

    def store_for(self, stage: Stage) -> Store:
        """The store; stages before ``--from`` may only find things in it."""
        return self.store if self.options.runs(stage) else self.store.frozen(f"--from {self.options.first.value}")

    def chosen(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples of the data set that this run is about: all, or the subset's."""
        subset = self.recipe.subset
        return samples if subset is None else samples[subset.offset :: subset.every]

    def scope(self, samples: Sequence[Sample], scored: Sequence[Sample]) -> Scope:
        """Say what the figures are measured on: ``scored`` of the data set ``samples``."""
        return Scope(
            chip=self.chip,
            backend=self.backend.name if self.backend else FROM_FILES,
            batch=self.recipe.manifest.infer.batch if self.backend else None,
            samples=len(scored),
            dataset_samples=len(self.chosen(samples)),
            subset=self.options.subset,
        )
