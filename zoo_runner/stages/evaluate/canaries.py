"""Is the metric what it is taken for? Made-up predictions with known values are scored before any work is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from zoo_runner.errors import PluginError, interrupted, listed
from zoo_runner.plugin.evidence import CanaryMetric
from zoo_runner.plugin.scoring import score
from zoo_runner.statistics.bootstrap import resampled_score

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import TypeAlias

    from zoo_runner.plugin.evidence import Canary, CanaryValue
    from zoo_runner.plugin.interfaces import MetricValue
    from zoo_runner.plugin.scoring import Metric

    Found: TypeAlias = Mapping[tuple[str, str], tuple[float, Mapping[str, float]]]
    """The value and those of the classes, by name and protocol."""

ALLOWED: Final = 1e-9
"""By how much a value may differ from what is known, in the metric's unit: rounding, and no rule."""


def check_canaries(metric: Metric, plugin: str) -> None:
    """Score the metric's canaries, by each of the ways in which a run has it count.

    Args:
        metric: Of which one that brings no canaries is taken as it is.
        plugin: Its plugin's name, for the error.

    Raises:
        PluginError: A value differs; the rules that are noticed by it are named, the likeliest first.
    """
    if not isinstance(metric, CanaryMetric):
        return
    try:
        faults = [fault for canary in metric.canaries() for fault in _faults(metric, canary)]
    except Exception as error:
        if interrupted(error):
            raise
        msg = (
            f"plugin {plugin!r}: the metric cannot score its own canaries: {type(error).__name__}: {error}; "
            "correct the plugin"
        )
        raise PluginError(msg) from error
    if faults:
        msg = (
            f"plugin {plugin!r}: the metric breaks a rule: it does not give the known values of its canaries, which "
            f"are made-up samples. {len(faults)} differ; the first shows the broken rule, others may follow from it:\n"
            f"{listed(faults)}\nno figure of this metric can be trusted: correct the plugin, or install it again"
        )
        raise PluginError(msg)


def _faults(metric: CanaryMetric, canary: Canary) -> Iterator[str]:
    """Say of each expected value that is not found, by which rule it differs; each rule once."""
    named: set[CanaryValue] = set()
    for way, found in _ways(metric, canary):
        for expected in canary.expected:
            value = _value(found, expected)
            if expected not in named and not (value is not None and abs(value - expected.value) <= ALLOWED):
                named.add(expected)
                where = f"{expected.name}/{expected.protocol}" + (f", {expected.label}" if expected.label else "")
                measured = "no value" if value is None else f"{value:.9g}"
                yield f"{expected.rule} ({where}{way}): expected {expected.value:.9g}, found {measured}"


def _ways(metric: CanaryMetric, canary: Canary) -> Iterator[tuple[str, Found]]:
    """Score a canary in one go, sample by sample, and as a resample that has each sample once."""
    yield "", _found(score(metric, canary.samples, canary.predictions).values)
    scoring = metric.scoring()
    for sample, prediction in zip(canary.samples, canary.predictions, strict=True):
        scoring.update([sample], [prediction])
    scored = scoring.compute()
    yield " sample by sample", _found(scored.values)
    resampled = resampled_score(metric, scored)
    if resampled is not None:
        resamples = resampled.resample(np.ones((1, len(canary.samples)), dtype=np.int32))
        yield (
            " by resample",
            {
                (each.name, each.protocol): (
                    float(each.values[0]),
                    {label: float(column[0]) for label, column in each.per_class.items()},
                )
                for each in resamples
            },
        )


def _found(values: Sequence[MetricValue]) -> Found:
    return {(each.name, each.protocol): (each.value, each.per_class) for each in values}


def _value(found: Found, expected: CanaryValue) -> float | None:
    value, per_class = found.get((expected.name, expected.protocol), (None, {}))
    return value if expected.label is None else per_class.get(expected.label)
