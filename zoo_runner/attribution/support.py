"""How many annotated things a data set has, by class, and how that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_runner.errors import interrupted
from zoo_runner.plugin.scoring import score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Metric


def support_of(metric: Metric, dataset: Sequence[Sample], predictions: Sequence[Arrays]) -> Mapping[str, int]:
    """Return the support of each class over a whole data set, as the metric counts it; empty if it cannot.

    It does not depend on predictions, so that all samples are given one and the same.
    """
    if not predictions:
        return {}
    try:
        found: Mapping[str, int] = score(metric, dataset, [predictions[0]] * len(dataset)).values[0].support
    except Exception as error:
        if interrupted(error):
            raise
        return {}  # a metric may look at what a prediction says of its sample, and refuse another one's
    return found


def changes_of(before: Mapping[str, int], now: Mapping[str, int]) -> str:
    """Say which classes lost or won annotated things, or that none did; empty where that is not known."""
    if not before or not now:
        return ""
    changes = {label: now.get(label, 0) - before.get(label, 0) for label in dict.fromkeys([*before, *now])}
    texts = [f"class {label} {_change(count)}" for label, count in changes.items() if count]
    if not texts:
        return "annotations changed, and each class has as many objects as before"
    return f"annotations changed: {', '.join(texts)}"


def _change(count: int) -> str:
    objects = "object" if abs(count) == 1 else "objects"
    return f"lost {-count} {objects}" if count < 0 else f"has {count} more {objects}"
