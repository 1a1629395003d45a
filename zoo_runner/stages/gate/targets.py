"""Which figure of the manifest a measurement is held against: by chip, batch size, backend and subset."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.bands import Band, factor, points
from zoo_runner.manifest.chip_keys import backend_of, chip_of, shown
from zoo_runner.manifest.direction import Direction
from zoo_runner.plugin import loading as plugins

if TYPE_CHECKING:
    from zoo_runner.job.scope import Scope
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.manifest.chip_figures import ChipExpectation
    from zoo_runner.manifest.expectations import Expected
    from zoo_runner.manifest.figures import AccuracyFigure
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.manifest.section import Rule, Then
    from zoo_runner.manifest.tree import KeyPath
    from zoo_runner.report.model import PerformanceRecord

TOLERANCES: Final = 3
"""A figure that is better by more of them than this is suspicious, where the manifest does not say from where on."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One figure to reach.

    Attributes:
        band: The figure, and how far on the wrong side of it still passes.
        unit: Of the figure.
        direction: Which side is the right one; ``None`` leaves it to the metric.
        rule: What is held against it.
        drift: By the rule ``paired``: how far the difference from the baseline may be on the wrong side of none.
        too_good: How far on the right side is suspicious.
        then: What comes of that.
        confirm: Why a figure that looks like a slip is none.
        where: ``file:line`` of the figure.
        published: Where it comes from.
    """

    band: Band
    unit: str
    direction: Direction | None = None
    rule: Rule = "point"
    drift: Decimal | None = None
    too_good: Decimal | None = None
    then: Then = "warn"
    confirm: str | None = None
    where: str = ""
    published: str | None = None

    @property
    def value(self) -> float:
        """The figure."""
        return float(self.band.value)

    @property
    def tolerance(self) -> float:
        """What reports call the tolerance: by the rule ``paired`` that of the difference."""
        return float(self.band.margin if self.drift is None else self.drift)

    def in_unit(self, unit: str) -> Target | None:
        """Return the same in another unit; ``None`` where it cannot be converted."""
        by = factor(self.unit, unit)
        if by is None:
            return None
        return replace(
            self,
            band=self.band.scaled(by),
            unit=unit,
            drift=None if self.drift is None else self.drift * by,
            too_good=None if self.too_good is None else self.too_good * by,
        )


def accuracy_targets(loaded: LoadedManifest, scope: Scope) -> dict[str, Target]:
    """Return the figures for the accuracies of this scope, by METRIC/PROTOCOL.

    A subset has its own figure or none. A chip's own figure for the batch size comes before the one for all chips.
    """
    found = {each.line: _accuracy_target(loaded, scope, each) for each in loaded.manifest.expected.accuracies}
    return {line: target for line, target in found.items() if target is not None}


def _accuracy_target(loaded: LoadedManifest, scope: Scope, accuracy: ExpectedAccuracy) -> Target | None:
    expected = loaded.manifest.expected
    if scope.subset is not None:
        own = accuracy.of_subset(scope.subset, loaded.manifest.subsets[scope.subset])
        return None if own is None else _target(loaded, accuracy, own[0], own[1])
    whole = _target(loaded, accuracy, accuracy.figure, accuracy.path)
    table, batch = expected.table(scope.chip, scope.backend), scope.batch
    own_values = {} if table is None else accuracy.by_batch(table)
    if table is None or batch is None or batch not in own_values:
        return whole
    path = (*accuracy.chip_path(expected.chip_key(scope.chip, scope.backend), table), batch)
    target = _target(loaded, accuracy, accuracy.figure, accuracy.path, own_values[batch])
    return replace(
        target,
        where=loaded.locate(path),
        published=table.published or target.published,
        confirm=table.confirm or target.confirm,
    )


def _target(
    loaded: LoadedManifest, accuracy: ExpectedAccuracy, figure: AccuracyFigure, path: KeyPath, own: float | None = None
) -> Target:
    """Return what a section asks for, with another value where a chip has its own."""
    value = figure.value if own is None else own
    band = figure.standing.band(value)
    given = figure.too_good if figure.too_good and figure.too_good.given else None
    # Some metrics say which direction is theirs only with their value.
    stale = figure.direction is not None and loaded.older(path, (*path, "direction"))
    return Target(
        band=band,
        unit=accuracy.unit,
        direction=figure.direction,
        rule=figure.rule,
        drift=figure.tolerance.band(value).margin if figure.rule == "paired" else None,
        too_good=given.band(value).margin if given else _usual(band, accuracy.unit),
        then=figure.too_good.then if figure.too_good else "warn",
        confirm=None if stale else figure.confirm,
        where=loaded.locate((*path, "value")),
        published=figure.published,
    )


def _usual(band: Band, unit: str) -> Decimal | None:
    """Return what is suspicious where the manifest does not say: three tolerances, and at least a percentage point."""
    return max(TOLERANCES * band.margin, points(1, unit) or Decimal(0)) or None


def throughput_target(loaded: LoadedManifest, measured: PerformanceRecord) -> Target | str:
    """Return the figure for one timing, or why there is none."""
    expected, chip, batch = loaded.manifest.expected, measured.chip, measured.batch
    place = expected.chip_key(chip, measured.backend)
    table = expected.chips.get(place)
    rate = table.throughput.get(batch) if table else None
    if table is None or rate is None:
        known = _known(expected, table, measured)
        return f"the manifest expects nothing of {chip} at batch {batch} ({known})"
    return Target(
        band=table.tolerance.band(rate),
        unit=table.rate_name,
        direction=Direction.AT_LEAST,
        too_good=table.too_good.band(rate).margin if table.too_good else None,
        then=table.too_good.then if table.too_good else "warn",
        confirm=table.confirm,
        where=loaded.locate(("expected", "chips", place, "throughput", batch)),
        published=table.published,
    )


def _known(expected: Expected, table: ChipExpectation | None, measured: PerformanceRecord) -> str:
    """Say what there are figures for instead."""
    if table and table.throughput:
        return f"only at {', '.join(map(str, table.throughput))}"
    others = [backend_of(place) for place in expected.chips if chip_of(place) == measured.chip and backend_of(place)]
    if not expected.chips:
        return "it lists no chip"
    if not others:
        return f"it lists {', '.join(map(shown, expected.chips))}"
    text = f"its figures are for the backend {' and '.join(others)}, this is {measured.backend}"
    unknown = [name for name in others if name not in plugins.names()]  # misspelt, they would never be looked at
    hints = [f"; none is installed as {name}{did_you_mean(name, plugins.names())}" for name in unknown]
    return f"{text}{''.join(hints)}"
