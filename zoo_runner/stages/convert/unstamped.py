"""A converted model of the user's own of which nothing says what it was made of (``--accept-unstamped``).

The model itself says the shapes and types of its inputs and outputs, and no names. Where all outputs have different
shapes, the shapes prove the order; where two have the same one, only the user knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import StageError, UsageError, did_you_mean
from zoo_runner.manifest.schema import IN_PROCESS
from zoo_runner.plugin.interfaces import BATCH

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import TensorSpec


def output_order(recipe: Recipe, named: Sequence[str]) -> tuple[TensorSpec, ...]:
    """Return the outputs in the order in which the model returns them.

    Args:
        recipe: The run's recipe.
        named: The order as the user gave it; nothing where shapes are to prove it.

    Raises:
        UsageError: The names are not those of the manifest, two outputs of one shape have no order, or result files
            would have to be put into another order.
    """
    specs = recipe.manifest.output_specs
    if not named:
        _require_different_shapes(specs)
        return specs
    by_name = {spec.name: spec for spec in specs}
    for name in named:
        if name not in by_name:
            raise UsageError(f"--om-outputs: the manifest has no output {name!r}{did_you_mean(name, by_name)}")
    if sorted(named) != sorted(by_name):
        raise UsageError(f"--om-outputs: expected each of {', '.join(by_name)} once, found {', '.join(named)}")
    order = tuple(by_name[name] for name in named)
    if order != specs and recipe.manifest.infer.tool != IN_PROCESS:
        raise UsageError(
            "--om-outputs: files of results are numbered in the model's order, and read in the manifest's: list the "
            f"manifest's outputs in that order, or give --set infer.tool={IN_PROCESS}"
        )
    return order


def said_of_order(named: Sequence[str]) -> str:
    """Say for the report whose word the order is."""
    order = f"in the order that --om-outputs says ({', '.join(named)})" if named else "in the order that shapes prove"
    return (
        "the .om has no stamp and was taken as --accept-unstamped allows: nobody checked of which weights it is; its "
        f"outputs are {order}"
    )


def require_there(shown: Path, path: Path) -> None:
    """Check that there is a file.

    Raises:
        StageError: There is none.
    """
    if not path.is_file():
        raise StageError(f"--om {shown}: expected a converted model, found no such file")


def _require_different_shapes(specs: Sequence[TensorSpec]) -> None:
    for place, spec in enumerate(specs):
        for other in specs[:place]:
            if _alike(other, spec):
                names = ",".join(each.name for each in specs)
                raise UsageError(
                    f"--accept-unstamped: outputs {other.name} and {spec.name} have one shape, so that nothing tells "
                    f"their order in the .om: give it, as in --om-outputs {names}"
                )


def _alike(one: TensorSpec, other: TensorSpec) -> bool:
    """Say whether two outputs can have one shape; an open axis can have any size."""
    left, right = ([size for size in spec.shape if size != BATCH] for spec in (one, other))
    opened = {*one.axes, *other.axes}
    return len(left) == len(right) and all(
        size == against or size in opened or against in opened for size, against in zip(left, right, strict=True)
    )
