"""What is done with predictions once all of them are there, by what looked at their outputs meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from zoo_runner.stages.iterators import batched
from zoo_runner.stages.predict.pipeline import KIND, chunk_key, chunk_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.stages.predict.pipeline import OutputSource
    from zoo_runner.store.store import Store


Ahead: TypeAlias = "Callable[[OutputSource], OutputSource]"
"""Returns the same outputs, and lets others look at the model before the first of them, and at the end."""


@runtime_checkable
class Ending(Protocol):
    """A source that has something to do when the last prediction is there."""

    def end(self) -> bool:
        """Do it, also where no output was asked for; return whether the predictions may be kept."""


def ended(source: OutputSource) -> bool:
    """Let a source end; return whether what came of it may be kept."""
    return not isinstance(source, Ending) or source.end()


def end(source: OutputSource, outputs: OutputSource, scored: Sequence[Sample], recipe: Recipe, store: Store) -> None:
    """Let a source end, and drop what the store has of these samples if it says so.

    Else the next run would take doubtful predictions from the store, infer nothing, and have no doubt.

    Args:
        source: May want to know of the end.
        outputs: The source as the predictions were made from it: it names them in the store.
        scored: All samples that were predicted.
        recipe: Of the run.
        store: Has the predictions.
    """
    if ended(source):
        return
    for group in batched(scored, chunk_size(recipe.manifest.infer.batch)):
        store.discard(KIND, chunk_key(outputs, group, recipe.postprocess.identity))
