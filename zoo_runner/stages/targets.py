"""Which figure of the manifest a measurement is held against: by chip, batch size, backend and subset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo_runner import plugins
from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.lines import backend_of, chip_of

if TYPE_CHECKING:
    from zoo_runner.manifest.expectations import AccuracyFigure, ChipExpectation, Direction, Expected, Rule
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.manifest.tree import KeyPath
    from zoo_runner.report.model import PerformanceRecord


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the figures were measured on.

    Attributes:
        chip: The chip, as manifests name it.
        backend: The backend, as ``--backend`` names it.
        batch: Samples per call while scoring; ``None`` when the results came from files.
        samples: How many samples were scored.
        dataset_samples: How many the data set has, or the subset.
        subset: Name of the subset; ``None`` for the whole data set.
    """

    chip: str
    backend: str
    batch: int | None
    samples: int
    dataset_samples: int
    subset: str | None = None

    @property
    def partial(self) -> bool:
        """Whether some of the samples were left out."""
        return self.samples < self.dataset_samples


@dataclass(frozen=True, kw_only=True)
class Target:
    """One figure to reach.

    Attributes:
        value: The figure.
        tolerance: How far on the wrong side of it still passes, in its unit.
        direction: Which side is the right one; ``None`` leaves it to the metric.
        rule: What is held against it.
        too_good: How far on the right side is suspicious, in its unit.
        where: ``file:line`` of the figure.
        published: Where it comes from.
    """

    value: float
    tolerance: float
    direction: Direction | None
    rule: Rule
    too_good: float | None
    where: str
    published: str | None

    def bounds(self, direction: Direction, centre: float | None = None) -> tuple[float, float]:
        """Return the least and the greatest value that pass, around the figure or another centre."""
        middle = self.value if centre is None else centre
        least = middle - self.tolerance if direction != "at_most" else float("-inf")
        greatest = middle + self.tolerance if direction != "at_least" else float("inf")
        return least, greatest


def accuracy_target(loaded: LoadedManifest, scope: Scope) -> Target | None:
    """Return the figure for the accuracy of this scope; a subset has its own or none.

    A chip's own figure for the batch size comes before the one for all chips.
    """
    expected = loaded.manifest.expected
    if expected.accuracy is None:
        return None
    if scope.subset is not None:
        own = loaded.manifest.subsets[scope.subset].expected
        path: KeyPath = ("subsets", scope.subset, "expected", "value")
        return None if own is None else _target(loaded, own, own.value, path)
    table, batch = expected.table(scope.chip, scope.backend), scope.batch
    if table is None or batch is None or batch not in table.accuracy:
        return _target(loaded, expected.accuracy, expected.accuracy.value, ("expected", "accuracy", "value"))
    path = ("expected", "chips", expected.place(scope.chip, scope.backend), "accuracy", batch)
    return _target(loaded, expected.accuracy, table.accuracy[batch], path, published=table.published)


def _target(
    loaded: LoadedManifest, figure: AccuracyFigure, value: float, path: KeyPath, published: str | None = None
) -> Target:
    return Target(
        value=value,
        tolerance=figure.tolerance.margin(value),
        direction=figure.direction,
        rule=figure.rule,
        too_good=figure.too_good.margin(value) if figure.too_good else None,
        where=loaded.locate(path),
        published=published or figure.published,
    )


def throughput_target(loaded: LoadedManifest, measured: PerformanceRecord) -> Target | str:
    """Return the figure for one timing, or why there is none."""
    expected, chip, batch = loaded.manifest.expected, measured.chip, measured.batch
    place = expected.place(chip, measured.backend)
    table = expected.chips.get(place)
    rate = table.throughput.get(batch) if table else None
    if table is None or rate is None:
        known = _known(expected, table, measured)
        return f"the manifest expects nothing of {chip} at batch {batch} ({known})"
    return Target(
        value=rate,
        tolerance=table.tolerance.margin(rate),
        direction="at_least",
        rule="point",
        too_good=table.too_good.margin(rate) if table.too_good else None,
        where=loaded.locate(("expected", "chips", place, "throughput", batch)),
        published=table.published,
    )


def _known(expected: Expected, table: ChipExpectation | None, measured: PerformanceRecord) -> str:
    """Say what there are figures for instead."""
    if table and table.throughput:
        return f"only at {', '.join(map(str, table.throughput))}"
    others = [backend_of(place) for place in expected.chips if chip_of(place) == measured.chip and backend_of(place)]
    if not others:
        return f"it lists {', '.join(expected.chips) or 'no chip'}"
    text = f"its figures are for the backend {' and '.join(others)}, this is {measured.backend}"
    unknown = [name for name in others if name not in plugins.names()]  # misspelt, they would never be looked at
    hints = [f"; none is installed as {name}{did_you_mean(name, plugins.names())}" for name in unknown]
    return f"{text}{''.join(hints)}"
