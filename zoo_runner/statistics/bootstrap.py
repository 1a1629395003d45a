"""How sure a figure is: the bootstrap over samples.

The data set is one draw from all the samples there could have been. Drawing from it with replacement, as often as
it has samples, imitates drawing another one; what a metric does over many such draws shows how far chance moves it
(Efron & Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 6; the percentile interval: chapter 13).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from zoo_runner.errors import PluginError
from zoo_runner.manifest.scales import can_be_resampled
from zoo_runner.plugin.calls import calling
from zoo_runner.plugin.evidence import ResampledScore, Resamples
from zoo_runner.statistics.groups import group_count, groups_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo_runner.manifest.expectations import Uncertainty
    from zoo_runner.plugin.interfaces import Sample
    from zoo_runner.plugin.scoring import Metric, Scored

FEWEST: Final = 2
"""Samples that can be drawn in more ways than one."""
_ENTRIES: Final = 2**23
"""Weights that are in memory at a time while resampling: 32 MiB as int32."""
_SHOWN: Final = 1.6449 + 0.8416
"""Standard normal quantiles of 95 % (a one-sided test at the 5 % level) and 80 % (its power)."""


def draw(count: int, resamples: int, seed: int) -> NDArray[np.int32]:
    """Draw ``count`` of ``count`` samples with replacement, ``resamples`` times.

    Args:
        count: N, how many samples there are.
        resamples: R, how often to draw N of them.
        seed: Of the generator (PCG64); the same seed gives the same draws.

    Returns:
        How often each sample was drawn, int32 [R, N]; every row sums to N.
    """
    blocks = list(_draws(count, resamples, seed))
    return blocks[0] if len(blocks) == 1 else np.concatenate([np.zeros((0, count), dtype=np.int32), *blocks])


def _draws(count: int, resamples: int, seed: int, width: int = 0) -> Iterator[NDArray[np.int32]]:
    """Yield the rows of :func:`draw`, so many at a time that rows of ``width`` entries fit into the memory as well."""
    generator = np.random.Generator(np.random.PCG64(seed))
    most = max(1, _ENTRIES // max(count, width, 1))
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        picks = generator.integers(0, max(count, 1), size=(rows, count))
        picks += np.arange(rows)[:, np.newaxis] * count
        counts = np.bincount(picks.ravel(), minlength=rows * count)
        yield counts.reshape(rows, count).astype(np.int32)


def weights_of(samples: Sequence[Sample], uncertainty: Uncertainty) -> Iterator[NDArray[np.int32]]:
    """Yield how often each sample is drawn in each resample, some resamples at a time.

    Samples of one group are no independent observations: resampled one by one they would give an interval that is too
    narrow. So where there are groups, whole groups are drawn, as often as there are groups (the cluster bootstrap:
    Davison and Hinkley, *Bootstrap Methods and their Application*, 1997, section 3.8).

    Args:
        samples: N of them.
        uncertainty: How often to draw, and the seed.

    Yields:
        int32 [some, N]. Rows sum to N; with groups of several sizes, to N on average.
    """
    groups = groups_of(samples)
    if groups is None:
        yield from _draws(len(samples), uncertainty.resamples, uncertainty.seed)
        return
    for drawn in _draws(int(groups.max()) + 1, uncertainty.resamples, uncertainty.seed, len(samples)):
        yield drawn[:, groups]


def resample(
    metric: Metric, scored: Scored, samples: Sequence[Sample], uncertainty: Uncertainty
) -> tuple[Resamples, ...]:
    """Compute a metric on resamples of the samples, or of their groups.

    Args:
        metric: The metric.
        scored: What it scored.
        samples: Those that it scored.
        uncertainty: How the bootstrap is done.

    Returns:
        One record for each of the metric's measures; none if its scores cannot be resampled, ``uncertainty`` asks
        for no resamples, or there are fewer than two samples, or groups of them: of one, every draw is the same.

    Raises:
        PluginError: The score is not as the metric says, or it returned other records, or other numbers of values,
            than it was asked for.
    """
    score = resampled_score(metric, scored)
    if score is None or not uncertainty.resamples or independent(samples) < FEWEST:
        return ()
    parts = []
    for weights in weights_of(samples, uncertainty):
        with calling("zoo_metric"):
            records = score.resample(weights)
        _check(metric, records, len(weights))
        parts.append(records)
    return tuple(_joined(records) for records in zip(*parts, strict=True))


def independent(samples: Sequence[Sample]) -> int:
    """Return how many observations there are: groups, or samples where they name none."""
    groups = group_count(samples)
    return len(samples) if groups is None else groups


def resampled_score(metric: Metric, scored: Scored) -> ResampledScore | None:
    """Return a score as one that can be resampled; ``None`` if the metric does not say so of its scores.

    Raises:
        PluginError: The metric says so, and the score cannot.
    """
    if not can_be_resampled(metric):
        return None
    if not isinstance(scored, ResampledScore):
        raise PluginError(
            f"the metric says that its scores can be resampled, and {type(scored).__name__} has no resample(); "
            "correct the plugin"
        )
    return scored


def _check(metric: Metric, records: Sequence[Resamples], rows: int) -> None:
    wanted = [(name, protocol, (rows,)) for name, protocol in metric.measures]
    returned = [(record.name, record.protocol, np.shape(record.values)) for record in records]
    classes = {label: np.shape(values) for record in records for label, values in record.per_class.items()}
    wrong = {label: shape for label, shape in classes.items() if shape != (rows,)}
    if wanted != returned or wrong:
        raise PluginError(
            f"the score's resample() returned {wrong or returned}, expected {rows} values for each of "
            f"{[each[:2] for each in wanted]} and of their classes; correct the plugin"
        )


def _joined(parts: Sequence[Resamples]) -> Resamples:
    first = parts[0]
    return Resamples(
        name=first.name,
        protocol=first.protocol,
        values=np.concatenate([part.values for part in parts]),
        per_class={label: np.concatenate([part.per_class[label] for part in parts]) for label in first.per_class},
    )


def percentiles(values: NDArray[Any], level: float) -> tuple[float, float]:
    """Return the ends of the two-sided percentile interval.

    Args:
        values: Of a metric on R resamples, [R].
        level: How much of them lies between the ends, such as 0.95.

    Returns:
        Low and high, interpolated linearly between values; NaN if there are no values, or any that is not finite.
    """
    if not len(values) or not np.isfinite(values).all():
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    low, high = np.quantile(values, (tail, 1 - tail))
    return float(low), float(high)


def smallest_drop(values: NDArray[Any]) -> float:
    """Return the smallest true drop below a fixed figure that this many samples show four times out of five.

    The minimum detectable effect of a one-sided test at the 5 % level with a power of 80 %:
    ``(z_0.95 + z_0.80) * s = 2.486 * s``, with ``s`` the standard error, for which the standard deviation over the
    resamples stands (Bloom, "Minimum Detectable Effects", *Evaluation Review* 19(5), 1995). A smaller drop may well
    be there without the figure showing it.

    Args:
        values: Of a metric on R resamples, [R].

    Returns:
        The drop, in the metric's unit. NaN for values that are all the same, as those of a perfect score or a single
        one: chance has nothing to move among these samples, which does not say that it could not among others. NaN
        as well if any is not finite.
    """
    if not np.isfinite(values).all() or not (values != values[:1]).any():
        return float("nan")
    return _SHOWN * float(np.std(values, ddof=1))
