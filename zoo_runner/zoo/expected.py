"""The figures that a run of a model is held against here, as short texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import ZooError
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import throughput_line
from zoo_runner.manifest.scales import own_direction, scale_of
from zoo_runner.plugin.nouns import own_noun
from zoo_runner.report.table import UNITS, figure, rate_unit
from zoo_runner.stages.gate.targets import accuracy_targets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_runner.job.options import RunOptions
    from zoo_runner.job.recipe import Recipe
    from zoo_runner.plugin.interfaces import Backend


def expected_figures(recipe: Recipe, backend: Backend | None, options: RunOptions) -> tuple[str, ...]:
    """Return what is expected of a model here, as in ``voc07_map (reference) ≥ 79.50 %``; accuracies come first.

    Args:
        recipe: The model.
        backend: What would run it; ``None`` where nothing can.
        options: Of the run, which may be of a subset.
    """
    chip = _chip(backend)
    return (*_accuracies(recipe, backend, chip, options), *_throughputs(recipe, backend, chip))


def _accuracies(recipe: Recipe, backend: Backend | None, chip: str, options: RunOptions) -> Iterator[str]:
    samples = recipe.manifest.dataset.samples
    scope = Scope(
        chip=chip,
        backend=backend.name if backend else "",
        batch=recipe.manifest.infer.batch if backend else None,
        samples=samples,
        dataset_samples=samples,
        subset=options.subset,
    )
    targets = accuracy_targets(recipe.loaded, scope)
    for each in recipe.manifest.expected.accuracies:
        if (target := targets.get(each.line)) is not None:
            direction = target.direction or own_direction(scale_of(recipe.parts.metric, each.metric, each.protocol))
            yield _text(each.title, direction, target.value, UNITS.get(each.unit, each.unit))


def _throughputs(recipe: Recipe, backend: Backend | None, chip: str) -> Iterator[str]:
    table = recipe.manifest.expected.table(chip, backend.name) if backend else None
    for batch, rate in table.throughput.items() if table else ():
        unit = rate_unit(table.rate_name, own_noun(recipe.parts.dataset)) if table else ""
        yield _text(throughput_line(chip, batch), Direction.AT_LEAST, rate, unit)


def _text(title: str, direction: Direction, value: float, unit: str) -> str:
    symbol = f"{direction.symbol} ".lstrip()
    return f"{title} {symbol}{figure(value)} {unit}"


def _chip(backend: Backend | None) -> str:
    try:
        return backend.chip() if backend else ""
    except ZooError:
        return ""
