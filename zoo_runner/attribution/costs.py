"""How many points a stage costs: what the headline gains on some samples when a reference takes its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo_runner.errors import ZooError
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.scoring import score
from zoo_runner.report.changes import Interval
from zoo_runner.statistics.bootstrap import FEWEST, independent, percentiles, resampled_score, weights_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_runner.manifest.expectations import Uncertainty
    from zoo_runner.plugin.interfaces import Arrays, Sample
    from zoo_runner.plugin.scoring import Metric, Scored


def gained(
    metric: Metric,
    samples: Sequence[Sample],
    before: Sequence[Arrays],
    after: Sequence[Arrays],
    uncertainty: Uncertainty,
) -> tuple[float | None, Interval | None]:
    """Return how much better ``after`` scores than ``before``, and an interval of that over the same samples.

    Args:
        metric: The metric; its headline counts.
        samples: N of them.
        before: Their predictions, of the run's own stages.
        after: Their predictions with a reference in the place of one stage.
        uncertainty: How the bootstrap is done.
    """
    try:
        with calling("zoo_metric"):
            one, other = score(metric, samples, before), score(metric, samples, after)
    except ZooError:
        return None, None
    sign = 1 if one.values[0].higher_is_better else -1
    points = sign * (other.values[0].value - one.values[0].value)
    if not np.isfinite(points):
        return None, None
    return points, _interval(metric, samples, (one, other), sign, uncertainty)


def _interval(
    metric: Metric, samples: Sequence[Sample], both: tuple[Scored, Scored], sign: int, uncertainty: Uncertainty
) -> Interval | None:
    one, other = (resampled_score(metric, each) for each in both)
    if one is None or other is None or not uncertainty.resamples or independent(samples) < FEWEST:
        return None
    with calling("zoo_metric"):
        parts = [
            sign * (other.resample(weights)[0].values - one.resample(weights)[0].values)
            for weights in weights_of(samples, uncertainty)
        ]
    low, high = percentiles(np.concatenate(parts), uncertainty.level)
    return Interval(
        low=low,
        high=high,
        level=uncertainty.level,
        method="paired bootstrap",
        resamples=uncertainty.resamples,
        seed=uncertainty.seed,
    )
