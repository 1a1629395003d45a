"""What the stages of one run share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import DatasetError
from zoo_runner.job.scope import Scope
from zoo_runner.job.weights import judge_weights
from zoo_runner.plugin.interfaces import STAND_IN
from zoo_runner.statistics.groups import group_count, picked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.job.journal import Journal
    from zoo_runner.job.options import RunOptions, Stage
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Backend, Sample
    from zoo_runner.store.store import Store

FROM_FILES = "result files"
"""Backend and chip of results that came from files: nothing in them says what they were inferred on."""

CPU: Final = "cpu"
"""What backends call the host's own processor; any other chip is an accelerator, whatever file it runs."""


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
    def models(self) -> Mapping[str, Job]:
        """The same run of each network alone, by name; of a manifest with one network, this one under no name."""
        return {name: replace(self, recipe=recipe) for name, recipe in self.recipe.models.items()}

    @property
    def chip(self) -> str:
        """The chip the figures belong to."""
        return self.backend.chip() if self.backend else FROM_FILES

    def note_weights(self, sha256: str) -> None:
        """Say on the verdict's line, or by a doubt, that the weights are not the manifest's."""
        remark, doubt = judge_weights(self.recipe, self.options, sha256)
        self.journal.remarks += [remark] if remark else []
        self.journal.doubts += [doubt] if doubt else []

    def store_for(self, stage: Stage) -> Store:
        """The store; stages before ``--from`` may only find things in it."""
        return self.store if self.options.runs(stage) else self.store.frozen(f"--from {self.options.first.value}")

    def chosen(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return the samples of the data set that this run is about: all, or the subset's; groups are not cut.

        Raises:
            DatasetError: The data set has fewer groups than the subset skips.
        """
        subset = self.recipe.subset
        found = samples if subset is None else picked(samples, slice(subset.offset, None, subset.every))
        if samples and not found and subset is not None:
            raise DatasetError(
                f"--subset {self.options.subset}: expected an offset below {group_count(samples)}, as subsets count "
                f"groups of the data set, found {subset.offset}"
            )
        return found

    def scored(self, samples: Sequence[Sample]) -> Sequence[Sample]:
        """Return those of the data set that this run scores: of the chosen ones, no more than ``--limit`` says."""
        return picked(self.chosen(samples), slice(self.options.limit))

    def scope(self, samples: Sequence[Sample], scored: Sequence[Sample]) -> Scope:
        """Say what the figures are measured on: ``scored`` of the data set ``samples``."""
        return Scope(
            chip=self.chip,
            backend=self.backend.name if self.backend else FROM_FILES,
            batch=self.recipe.manifest.infer.batch if self.backend else None,
            samples=len(scored),
            dataset_samples=len(self.chosen(samples)),
            subset=self.options.subset,
            groups=group_count(scored),
            noun=self.recipe.noun,
            accelerator=self.on_accelerator,
        )

    @property
    def on_device(self) -> bool:
        """Say whether something else than the host's processor infers; stand-ins of devices are something else too."""
        return self.backend is not None and self.chip != CPU

    @property
    def on_accelerator(self) -> bool:
        """Say whether figures of this run are an accelerator's: neither the CPU's, nor stand-ins', nor of files."""
        return self.on_device and not self.chip.endswith(STAND_IN)
