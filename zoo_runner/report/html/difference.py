"""What a comparison with a baseline means for a reader: what got worse, and what the baseline's column holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoo_runner.manifest.direction import Direction
    from zoo_runner.report.changes import Comparison, MetricChange

NOTES: Final = 6
"""Notes of a comparison that stand at the top of the page; the rest is a click away."""
EXACT: Final = 1e-9
"""Relative difference up to which two figures are the same."""


def tone(difference: float, direction: Direction) -> str:
    """Return the style of a difference: ``loss``, ``gain``, or nothing for one that is shown as zero."""
    if not math.isfinite(difference) or f"{abs(difference):.2f}" == "0.00":
        return ""
    return "gain" if direction.gain(0.0, difference) > 0 else "loss"


def rescored(comparison: Comparison) -> bool:
    """Say whether the baseline's predictions score otherwise today than they did: then its columns are of today."""
    return any(each.rescored is not None and not same(each.before, each.rescored) for each in comparison.metrics)


def moved_by_data(change: MetricChange) -> bool:
    """Say whether the baseline's report has another figure for a class than its predictions score today."""
    return any(each.reported is not None and not same(each.reported, each.before) for each in change.per_class)


def recounted(comparison: Comparison) -> bool:
    """Say whether the baseline's report counts other errors of its detections than today's annotations make of them."""
    told, today = comparison.errors_reported, comparison.errors_before
    return bool(told) and any(told.get(kind, 0) != today.get(kind, 0) for kind in {*told, *today})


def unmoved(change: MetricChange) -> bool:
    """Say whether no class of a metric changed at all."""
    return all(same(each.before, each.after) for each in change.per_class)


def same(one: float, other: float) -> bool:
    """Say whether two figures are equal, but for how they were added up."""
    return math.isclose(one, other, rel_tol=EXACT, abs_tol=EXACT) or (math.isnan(one) and math.isnan(other))
