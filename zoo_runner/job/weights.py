"""Whether the weights that are scored are the manifest's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause, Doubt

if TYPE_CHECKING:
    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe

OTHER_WEIGHTS: Final = "other weights than the manifest's"


def judge_weights(recipe: Recipe, options: RunOptions, sha256: str) -> tuple[str, Doubt | None]:
    """Say whether weights are those that the manifest has the hash of.

    Args:
        recipe: The run's recipe.
        options: What the user asked for.
        sha256: Hash of the weights that are scored.

    Returns:
        What stands on the verdict's line, and what makes the run inconclusive: of other weights the former where
        they are meant, else the latter; nothing of the manifest's own, or where it has no hash.
    """
    pinned = recipe.manifest.weights.sha256
    if pinned is None or sha256 == pinned:
        return "", None
    if options.other_weights:
        return OTHER_WEIGHTS, None
    where = recipe.loaded.locate(("weights", "sha256"))
    text = (
        f"the weights are not the manifest's: expected sha256 {pinned} ({where}), found {sha256}; leave out --weights, "
        "or give --other-weights if others are meant"
    )
    return "", Doubt(cause=Cause.OTHER_WEIGHTS, text=text)
