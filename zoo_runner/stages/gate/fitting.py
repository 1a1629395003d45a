"""Holding what a manifest expects against how the metric is read: unit, direction and range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.causes import Cause, Doubt
from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.slips import faults

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Scale
    from zoo_runner.stages.gate.targets import Target


def fitted(target: Target, scale: Scale) -> Target | Doubt:
    """Return what is expected in the metric's unit, or why it cannot be held against it.

    What could be known before the run is refused before it; this is for metrics that say nothing of themselves.
    """
    converted = target.in_unit(scale.unit)
    if converted is None:
        hint = did_you_mean(target.unit, [scale.unit])
        return Doubt(
            cause=Cause.UNIT,
            text=f"{target.where}: the figure is in {target.unit!r}, the metric in {scale.unit!r}{hint}; write the "
            f"figure in that, with unit: {scale.unit}",
        )
    if target.confirm is None:
        for key, text in faults(target.band, target.direction, target.unit, scale):
            return Doubt(
                cause=Cause.UNCONFIRMED,
                text=f'{target.where}: {key}: {text}; if it is meant, write beside it: confirm: "the reason"',
            )
    return converted
