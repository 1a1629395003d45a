"""Holding one figure against what is expected of it: by its value, its interval, or its difference from a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from zoo_runner.causes import Cause, Doubt
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.bands import Band
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.lines import metric_line, throughput_line
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import MetricRecord, PerformanceRecord, Verdict
from zoo_runner.stages.gate.digits import shown
from zoo_runner.stages.gate.targets import Target, throughput_target
from zoo_runner.stages.gate.waivers import AnyLine
from zoo_runner.statistics.bootstrap import percentiles, smallest_drop

if TYPE_CHECKING:
    from zoo_runner.manifest.expectations import Uncertainty
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.plugin.evidence import Resamples
    from zoo_runner.plugin.interfaces import MetricValue

METHOD = "bootstrap"


@dataclass(frozen=True)
class Finding:
    """What became of one figure; one that is inconclusive always has a cause."""

    verdict: Verdict
    why: str
    cause: Cause | None = None

    @property
    def update(self) -> Mapping[str, object]:
        """The same as fields of a line."""
        return {"verdict": self.verdict, "why": self.why, "cause": self.cause.value if self.cause else ""}


def unclear(cause: Cause, why: str) -> Finding:
    """Say that a figure can neither be called met nor missed."""
    return Finding(Verdict.INCONCLUSIVE, why, cause)


def metric_record(
    value: MetricValue, scope: Scope, uncertainty: Uncertainty, resamples: Resamples | None = None
) -> MetricRecord:
    """Make the record of a metric that nothing is expected of yet, with its bootstrap interval if it has one."""
    record = MetricRecord(
        id=metric_line(value.name, value.protocol, scope.subset),
        name=value.name,
        protocol=value.protocol,
        value=value.value,
        unit=value.unit,
        direction=Direction.of(higher_is_better=value.higher_is_better),
        samples=scope.samples,
        dataset_samples=scope.dataset_samples,
        groups=scope.groups,
        per_class=dict(value.per_class),
        support=dict(value.support),
        tie_spread=value.tie_spread,
    )
    level = uncertainty.level
    low, high = (math.nan, math.nan) if resamples is None else percentiles(resamples.values, level)
    if resamples is None or not math.isfinite(low):
        return record
    drop = smallest_drop(resamples.values)
    ends = {label: percentiles(values, level) for label, values in resamples.per_class.items()}
    interval = Interval(
        low=low, high=high, level=level, method=METHOD, resamples=len(resamples.values), seed=uncertainty.seed
    )
    return record.model_copy(
        update={
            "interval": interval,
            "smallest_drop": drop if math.isfinite(drop) else None,
            "per_class_interval": {label: each for label, each in ends.items() if math.isfinite(each[0])},
        }
    )


def judge_metric(record: MetricRecord, target: Target, scope: Scope, difference: Interval | Doubt) -> MetricRecord:
    """Give a metric its verdict.

    The rule ``point`` holds the value against the bound. ``interval`` holds the bootstrap interval against it, and
    ``paired`` the value, and then the interval of the difference from the baseline against no difference, give or take
    the tolerance: both pass when the whole interval is on the right side, fail when all of it is on the wrong side,
    and are inconclusive in between. A value on the wrong side passes by no rule. Figures of only some of the samples
    are inconclusive whatever the rule.

    Args:
        record: What was measured.
        target: What is expected.
        scope: On what it was measured.
        difference: From the baseline, with ``difference.low`` and ``.high``; or why there is none.
    """
    direction = target.direction or record.direction
    absolute = None if target.drift is None else float(target.band.margin)
    rule = {"direction": direction, "rule": target.rule, "absolute": absolute}
    whole = record.model_copy(update={**_expectation(target), **rule})
    if scope.partial:
        samples = f"{scope.dataset_samples} {scope.noun}{f' of the subset {scope.subset}' if scope.subset else ''}"
        found = unclear(Cause.PARTIAL, f"only {scope.samples} of {samples} were scored; run without --limit")
    elif not math.isfinite(record.value):
        found = Finding(Verdict.FAIL, f"measured {record.value}")
    elif target.rule == "paired":
        found = _paired(record.value, target, direction, difference, scope.noun)
    elif target.rule == "interval":
        found = _by_interval(record, target, direction, scope.noun)
    else:
        found = _by_point(record.value, target, direction)
    found = _by_order(found, record, target, direction)
    return whole.model_copy(update=_confirmed(found, target).update)


def _by_order(found: Finding, record: MetricRecord, target: Target, direction: Direction) -> Finding:
    """Mention that the bound lies among the values that the order of equal scores alone can give."""
    ends = record.tie_spread or (record.value, record.value)
    met = {target.band.holds(value, direction) for value in (record.value, *ends)}
    if found.cause is Cause.PARTIAL or len(met) == 1:
        return found
    first, last = (shown(end, *target.band.bounds(direction)) for end in ends[:2])
    told = f"the order of equal scores alone moves it from {first} to {last}"
    return replace(found, why=f"{found.why}; {told}")


def undecided(record: MetricRecord, target: Target, doubt: Doubt) -> MetricRecord:
    """Give a metric that cannot be held against what is expected its verdict."""
    found = unclear(doubt.cause, doubt.text)
    return record.model_copy(update={"where": target.where, "published": target.published, **found.update})


def judge_throughput(
    measured: PerformanceRecord, loaded: LoadedManifest, disturbances: Sequence[str] = (), unseen: str = ""
) -> PerformanceRecord:
    """Give one batch size its verdict.

    Figures of a chip without a table are reported and not gated. A timing on a device that was not quiet
    says nothing about the model, neither good nor bad: it is inconclusive; so is one of a device that nobody
    could see, which ``unseen`` gives the reason for.
    """
    named = measured.model_copy(update={"id": throughput_line(measured.chip, measured.batch)})
    target = throughput_target(loaded, measured)
    if isinstance(target, str):
        return named.model_copy(update={"why": measured.why or target})
    if disturbances:
        found = unclear(Cause.NOT_QUIET, f"the device was not quiet: {'; '.join(disturbances)}")
    elif unseen:
        found = unclear(Cause.UNWATCHED, f"nobody could see whether the device was quiet: {unseen}")
    elif measured.throughput is None:
        found = unclear(Cause.NOT_MEASURED, "not measured")
    elif measured.unit != target.unit:
        found = unclear(Cause.UNIT, f"measured in {measured.unit}, the figure is in {target.unit}")
    else:
        found = _by_point(measured.throughput, target, target.direction or measured.direction)
        found = replace(found, why=f"{found.why}{_worth(measured)}")
    found = _confirmed(replace(found, why=measured.why or found.why), target)
    return named.model_copy(update={**_expectation(target), **found.update})


def _worth(measured: PerformanceRecord) -> str:
    """Say how the measurement became one in the unit of the figure; empty where it is in samples per second."""
    if measured.per_sample == 1:
        return ""
    return f" {measured.unit}, as one sample is {measured.per_sample:g} of {measured.unit.removesuffix('/s')}"


def ungated(line: AnyLine) -> AnyLine:
    """Take the verdict from a line whose run stops before the gate: what does not count must not look as if it did."""
    if line.verdict is Verdict.NOT_GATED:
        return line
    return line.model_copy(update=Finding(Verdict.NOT_GATED, "this run stops before the gate").update)


def _expectation(target: Target) -> Mapping[str, object]:
    return {
        "expected": target.value,
        "tolerance": target.tolerance,
        "where": target.where,
        "published": target.published,
    }


def _confirmed(found: Finding, target: Target) -> Finding:
    """Show the reason for a figure that looks like a slip beside the verdict on it."""
    return found if target.confirm is None else replace(found, why=f"{found.why}; confirmed: {target.confirm}")


def _by_point(value: float, target: Target, direction: Direction) -> Finding:
    verdict = Verdict.PASS if target.band.holds(value, direction) else Verdict.FAIL
    told = shown(value, *target.band.bounds(direction))
    return Finding(verdict, f"{told}, {_wanted(target.band, direction)}")


def _wanted(band: Band, direction: Direction) -> str:
    return f"expected {direction.phrase(float(band.value), float(band.margin))}"


def _by_interval(record: MetricRecord, target: Target, direction: Direction, noun: str) -> Finding:
    wanted, bounds = _wanted(target.band, direction), target.band.bounds(direction)
    value = shown(record.value, *bounds)
    if record.interval is None:
        return unclear(Cause.NO_INTERVAL, f"{value} without an interval{_one_group(record)}, {wanted}")
    told = f"{value} ({_ends(record.interval, bounds)}), {wanted}"
    found = _placed(record.interval, bounds, told, noun)
    if found.verdict is Verdict.PASS and not target.band.holds(record.value, direction):
        # Draws can lean to the good side, and a plugin's resample() can be wrong.
        return unclear(Cause.UNSURE, f"{told}; the value itself is on the wrong side: more {noun} decide it")
    return found


def _one_group(record: MetricRecord) -> str:
    """Say why there is no interval where that is for the groups."""
    return ", as everything is in one group" if record.groups == 1 else ""


def _paired(value: float, target: Target, direction: Direction, difference: Interval | Doubt, noun: str) -> Finding:
    """Ask for both: that the value itself is met, and that it is no worse than the baseline's.

    Without the first a model could lose a little in every run, each of them within the tolerance of the last.
    """
    absolute = _by_point(value, target, direction)
    if absolute.verdict is Verdict.FAIL:
        return absolute
    if isinstance(difference, Doubt):
        return unclear(difference.cause, difference.text)
    drift = Band(Decimal(0), target.drift or Decimal(0))
    bounds = drift.bounds(direction)
    told = f"{absolute.why}; difference from the baseline: {_ends(difference, bounds)}, {_wanted(drift, direction)}"
    return _placed(difference, bounds, told, noun)


def _placed(interval: Interval, bounds: tuple[float, float], told: str, noun: str) -> Finding:
    least, greatest = bounds
    if least <= interval.low and interval.high <= greatest:
        return Finding(Verdict.PASS, told)
    if interval.high < least or interval.low > greatest:
        return Finding(Verdict.FAIL, told)
    return unclear(Cause.UNSURE, f"{told}; it reaches to both sides: more {noun} decide it")


def _ends(interval: Interval, bounds: tuple[float, float]) -> str:
    low, high = (shown(end, *bounds) for end in (interval.low, interval.high))
    return f"{100 * interval.level:g} % interval {low} to {high}"
