"""Slips of the pen: expectations that hardly anything can miss, and that stand only with a confirmation.

What a metric says of itself is known when the plugin was asked, or not before it gives a value. So this is done up to
three times: on loading with what the unit says, with the plugin's word, and with the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from zoo_runner.manifest.bands import Band, decimal, factor, floor_band, whole
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.gated import expected_lines
from zoo_runner.manifest.scales import own_direction
from zoo_runner.manifest.section import RATE_UNIT
from zoo_runner.manifest.tree import dotted
from zoo_runner.plugin.evidence import Scale

if TYPE_CHECKING:
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.manifest.checks import Problem
    from zoo_runner.manifest.chip_figures import ChipExpectation
    from zoo_runner.manifest.expectations import Waiver
    from zoo_runner.manifest.figures import AccuracyFigure
    from zoo_runner.manifest.schema import Manifest
    from zoo_runner.manifest.tree import KeyPath

    Older: TypeAlias = Callable[[KeyPath, KeyPath], str]
    """Says so where a section's confirmation is older than what is written at a place; else empty."""

RATE: Final = Scale(unit=RATE_UNIT, worst=0.0)
"""How a throughput is read."""
_HUNDRED: Final = 100
"""All there is, in percent."""


def _none_is(_section: KeyPath, _at: KeyPath) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One bound of a manifest.

    Attributes:
        section: Where ``confirm`` belongs.
        at: The figure itself.
        margin_at: What makes it as wide as it is.
        band: The figure and how far from it passes.
        direction: Which side is the wrong one; ``None`` leaves it to the metric.
        unit: Of the figure.
        confirmed: Whether a confirmation stands beside it.
        wide: Whether one stands where the tolerance is written, if that is elsewhere.
    """

    section: KeyPath
    at: KeyPath
    margin_at: KeyPath
    band: Band
    direction: Direction | None
    unit: str
    confirmed: bool
    wide: bool = False


def slips(
    manifest: Manifest, scales: Mapping[str, Scale] = MappingProxyType({}), older: Older = _none_is
) -> Iterator[Problem]:
    """Find what needs a confirmation and has none.

    Args:
        manifest: The manifest.
        scales: How the expected metrics are read, where they say so; by the ids of their lines.
        older: Tells of confirmations that were written before what they stand beside, and do not count for it.
    """
    for each in manifest.expected.accuracies:
        scale = scales.get(each.line)
        for claim in (*_figure(each.path, each.figure, each.unit), *_subsets(manifest, each)):
            yield from _unconfirmed(claim, scale, older)
        yield from _chips(manifest, each, scale, older)
    for place, table in manifest.expected.chips.items():
        yield from list(_rates(("expected", "chips", place), table, older))[:1]
    yield from _floors(manifest, scales, older)


def faults(band: Band, direction: Direction | None, unit: str, scale: Scale | None = None) -> Iterator[tuple[str, str]]:
    """Say what makes a bound look like a slip: ``value``, ``tolerance``, its ``width`` or ``direction``; and in words.

    Args:
        band: The bound.
        direction: Which side is the wrong one; ``None`` leaves it to the metric.
        unit: Of the bound.
        scale: How the metric is read; without it only what the unit says is known.
    """
    own = own_direction(scale)
    side = direction or own
    if scale is not None and side not in {own, Direction.WITHIN}:
        yield "direction", f"{side} is against the metric, of which {own.better} is better"
    if _next_to_nothing(band.value, unit, scale):
        share = (100 * band.value).normalize()
        hint = f" (is it a fraction? then write {share:f})" if whole(unit) == _HUNDRED and band.value else ""
        yield "value", f"{band.value:f} {unit} is next to nothing{hint}"
    for worst in _worst(unit, scale, side, band):
        if band.holds(worst, side):
            key = "tolerance" if band.margin and not Band(band.value).holds(worst, side) else "value"
            yield key, f"accepts {worst:g} {unit}, the worst there is, so everything passes"
            return
    if band.wide:
        yield "width", f"{band.margin.normalize():f} is over 5 % of the figure ({band.value:f})"


def remedy(section: KeyPath, stale: str) -> str:
    """Say what to write where a slip is none, and why what is written there does not count."""
    return f'if it is meant, add to {dotted(section)}: confirm: "the reason"{stale}'


def _next_to_nothing(value: Decimal, unit: str, scale: Scale | None) -> bool:
    """Say whether a figure is at most one percent, where it or the metric is in percent."""
    percent = next((each for each in (unit, scale.unit if scale else "") if whole(each) == _HUNDRED), None)
    by = None if percent is None else factor(unit, percent)
    return by is not None and value * by <= 1


def _worst(unit: str, scale: Scale | None, side: Direction, band: Band) -> tuple[float, ...]:
    """Return the worst value there can be, in the unit of the bound; several where it could be either."""
    if scale is not None:
        by = factor(scale.unit, unit)
        worst = scale.worst if scale.worst is not None else _end(scale.unit, low=scale.higher_is_better)
        return () if worst is None or by is None else (float(decimal(worst) * by),)
    low = 0.0 if whole(unit) is not None or band.value > 0 else None
    if side is Direction.WITHIN:  # one of them is the worst
        both = all(end is not None and band.holds(end, side) for end in (0.0, whole(unit)))
        return (0.0,) if both else ()
    end = low if side is Direction.AT_LEAST else whole(unit)
    return () if end is None else (end,)


def _end(unit: str, *, low: bool) -> float | None:
    return whole(unit) if not low or whole(unit) is None else 0.0


def _unconfirmed(claim: Claim, scale: Scale | None, older: Older) -> Iterator[Problem]:
    tolerance = {"tolerance": claim.margin_at, "width": claim.margin_at}
    places = {"value": claim.at, "direction": (*claim.section, "direction"), **tolerance}
    for key, text in faults(claim.band, claim.direction, claim.unit, scale):
        if key == "width" and claim.wide:
            continue
        at = {places[key], claim.at} if key == "tolerance" else {places[key]}
        stale = next((found for each in sorted(at, key=dotted) if (found := older(claim.section, each))), "")
        if stale or not claim.confirmed:
            yield places[key], f"{text}; {remedy(claim.section, stale)}"


def _subsets(manifest: Manifest, accuracy: ExpectedAccuracy) -> Iterator[Claim]:
    for name, subset in manifest.subsets.items():
        if found := accuracy.of_subset(name, subset):
            figure, path = found
            yield from _figure(path, figure, accuracy.unit)


def _figure(path: KeyPath, figure: AccuracyFigure, unit: str) -> Iterator[Claim]:
    claim = Claim(
        section=path,
        at=(*path, "value"),
        margin_at=(*path, "tolerance"),
        band=figure.tolerance.band(figure.value),
        direction=figure.direction,
        unit=unit,
        confirmed=figure.confirm is not None,
    )
    yield claim
    if figure.absolute is not None:
        yield replace(claim, margin_at=(*path, "absolute"), band=figure.absolute.band(figure.value))


def _chips(manifest: Manifest, accuracy: ExpectedAccuracy, scale: Scale | None, older: Older) -> Iterator[Problem]:
    figure = accuracy.figure
    for place, table in manifest.expected.chips.items():
        section: KeyPath = ("expected", "chips", place)
        for batch, value in accuracy.by_batch(table).items():
            at = (*accuracy.chip_path(place, table), batch)
            claim = Claim(
                section=section,
                at=at,
                margin_at=at,
                band=figure.standing.band(value),
                direction=figure.direction,
                unit=accuracy.unit,
                confirmed=table.confirm is not None,
                wide=figure.confirm is not None,
            )
            found = _unconfirmed(claim, scale, older)  # the direction is asked about where it is written
            yield from (each for each in found if each[0] != (*section, "direction"))


def _rates(path: KeyPath, table: ChipExpectation, older: Older) -> Iterator[Problem]:
    read = replace(RATE, unit=table.rate_name)
    for batch, rate in table.throughput.items():
        claim = Claim(
            section=path,
            at=(*path, "throughput", batch),
            margin_at=(*path, "tolerance"),
            band=table.tolerance.band(rate),
            direction=Direction.AT_LEAST,
            unit=read.unit,
            confirmed=table.confirm is not None,
        )
        yield from _unconfirmed(claim, read, older)


def _floors(manifest: Manifest, scales: Mapping[str, Scale], older: Older) -> Iterator[Problem]:
    lines = expected_lines(manifest)
    for position, waiver in enumerate(manifest.waivers):
        line = lines.get(waiver.line)
        path: KeyPath = ("waivers", position)
        stale = older(path, (*path, "floor"))
        if line is None or (waiver.confirm is not None and not stale):
            continue
        read = scales.get(line.measure) if line.measure else replace(RATE, unit=line.unit)
        for figure in line.figures:
            found = next(_floor(waiver, figure, line.direction, line.unit, read), "")
            if found:
                yield (*path, "floor"), f"{found}; {remedy(path, stale)}"
                break


def _floor(waiver: Waiver, figure: Band, direction: Direction | None, unit: str, scale: Scale | None) -> Iterator[str]:
    """Say what looks like a slip in a floor: it is a figure of its own, and not far from what passes without it."""
    floor = decimal(waiver.floor)
    distance = abs(figure.value - floor)
    down_to = floor_band(figure.value, floor, direction)
    yield from (text for key, text in faults(down_to, direction, unit, scale) if key not in {"direction", "width"})
    if Band(figure.value, max(distance - figure.margin, Decimal(0))).wide:
        yield f"{floor:f} is more than 5 % of the figure ({figure.value:f}) away from what passes"
