"""How a metric's values are read: by its own word before the run, by its values after it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.errors import PluginError
from zoo_runner.manifest.bands import whole
from zoo_runner.manifest.direction import Direction
from zoo_runner.plugin.evidence import ResampledMetric, Scale, ScaledMetric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.plugin.interfaces import MetricValue
    from zoo_runner.plugin.scoring import Metric

_FIX: Final = "correct the plugin"


def can_be_resampled(metric: Metric) -> bool:
    """Say whether a metric's scores can be resampled, by its own word."""
    return isinstance(metric, ResampledMetric) and bool(metric.resampled)


def scale_of(metric: Metric, name: str, protocol: str) -> Scale | None:
    """Return how a measure is read; ``None`` if the metric does not say.

    Raises:
        PluginError: It does not say it of each of its measures.
    """
    if not isinstance(metric, ScaledMetric):
        return None
    if len(metric.scales) != len(metric.measures):
        raise PluginError(
            f"the metric's scales has {len(metric.scales)} entries, expected one for each of its "
            f"{len(metric.measures)} measures; correct the plugin"
        )
    return dict(zip(metric.measures, metric.scales, strict=True)).get((name, protocol))


def own_direction(scale: Scale | None) -> Direction:
    """Return the direction of a metric; of one that does not say it, higher values are taken to be better."""
    return Direction.of(higher_is_better=scale is None or scale.higher_is_better)


def as_numbers(values: Sequence[MetricValue]) -> tuple[MetricValue, ...]:
    """Return a metric's values as plain numbers.

    Raises:
        PluginError: One is no number, or does not say which direction is better.
    """
    return tuple(_as_number(value) for value in values)


def _as_number(value: MetricValue) -> MetricValue:
    given, better = value.value, value.higher_is_better
    measure = f"{value.name}/{value.protocol}"
    try:
        number = None if isinstance(given, bool | np.bool_ | str | bytes) else float(given)
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise PluginError(f"the metric gave {given!r} for {measure}, expected a number; {_FIX}")
    if not isinstance(better, bool | np.bool_):
        raise PluginError(f"the metric gave higher_is_better {better!r} for {measure}, expected True or False; {_FIX}")
    return replace(value, value=number, higher_is_better=bool(better))


def read_as(metric: Metric, value: MetricValue) -> Scale:
    """Return how a value is read, by the metric's word or by the value's own, with the ends that its unit has.

    Raises:
        PluginError: The metric said something else before.
    """
    known = Scale(unit=value.unit, higher_is_better=value.higher_is_better)
    said = scale_of(metric, value.name, value.protocol)
    if said is not None and (said.unit, said.higher_is_better) != (known.unit, known.higher_is_better):
        raise PluginError(
            f"the metric says of {value.name}/{value.protocol} {_phrase(said)}, and gave a value with "
            f"{_phrase(known)}; correct the plugin"
        )
    ends = (0.0, whole(value.unit)) if whole(value.unit) is not None else (None, None)
    worst, best = ends if value.higher_is_better else ends[::-1]
    read = said or known
    return replace(
        read, worst=worst if read.worst is None else read.worst, best=best if read.best is None else read.best
    )


def _phrase(scale: Scale) -> str:
    return f"unit {scale.unit!r}, {own_direction(scale).better} is better"
