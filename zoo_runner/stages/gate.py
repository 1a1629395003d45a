"""Comparing what was measured with what the manifest expects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo_runner.errors import ExitCode
from zoo_runner.manifest.lines import metric_line, throughput_line
from zoo_runner.report.changes import Interval
from zoo_runner.report.model import MetricRecord, PerformanceRecord, Verdict, WaiverRecord
from zoo_runner.stages.bootstrap import percentiles, smallest_drop
from zoo_runner.stages.targets import Scope, Target, accuracy_target, throughput_target
from zoo_runner.stages.waivers import RED, AnyLine

if TYPE_CHECKING:
    from zoo_runner.evidence import Resamples
    from zoo_runner.interfaces import MetricValue
    from zoo_runner.manifest.expectations import Direction, Uncertainty
    from zoo_runner.manifest.load import LoadedManifest

EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.STOPPED: ExitCode.PASS,
    Verdict.FAIL: ExitCode.GATE_FAILED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.ERROR: ExitCode.STAGE_FAILED,
}
"""The exit code of each verdict a whole run can have; errors may carry another one of their own."""

METHOD = "bootstrap"
_SIGNS = {"at_least": "at least {:g} - {:g}", "at_most": "at most {:g} + {:g}", "within": "{:g} ± {:g}"}


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
        direction="at_least" if value.higher_is_better else "at_most",
        samples=scope.samples,
        dataset_samples=scope.dataset_samples,
        per_class=dict(value.per_class),
        support=dict(value.support),
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


def judge_metric(record: MetricRecord, target: Target, scope: Scope, difference: Interval | str) -> MetricRecord:
    """Give a metric its verdict.

    The rule ``point`` holds the value against the bound. ``interval`` holds the bootstrap interval against it, and
    ``paired`` the interval of the difference from the baseline against no difference, give or take the tolerance:
    both pass when the whole interval is on the right side, fail when all of it is on the wrong side, and are
    inconclusive in between. Figures of only some of the samples are inconclusive whatever the rule.

    Args:
        record: What was measured.
        target: What is expected.
        scope: On what it was measured.
        difference: From the baseline, with ``difference.low`` and ``.high``; or why there is none.
    """
    direction: Direction = target.direction or ("at_least" if record.direction == "at_least" else "at_most")
    whole = record.model_copy(update={**_expectation(target), "direction": direction, "rule": target.rule})
    if scope.partial:
        samples = f"{scope.dataset_samples} samples{f' of the subset {scope.subset}' if scope.subset else ''}"
        verdict, why = Verdict.INCONCLUSIVE, f"only {scope.samples} of {samples} were scored"
    elif not math.isfinite(record.value):
        verdict, why = Verdict.FAIL, f"measured {record.value}"
    elif target.rule == "paired":
        verdict, why = _paired(target, direction, difference)
    elif target.rule == "interval":
        verdict, why = _by_interval(record, target, direction)
    else:
        verdict, why = _by_point(record.value, target, direction)
    return whole.model_copy(update={"verdict": verdict, "why": why})


def judge_throughput(
    measured: PerformanceRecord, loaded: LoadedManifest, disturbances: Sequence[str] = ()
) -> PerformanceRecord:
    """Give one batch size its verdict.

    Figures of a chip without a table are reported and not gated. A timing on a device that was not quiet
    says nothing about the model, neither good nor bad: it is inconclusive.
    """
    named = measured.model_copy(update={"id": throughput_line(measured.chip, measured.batch)})
    target = throughput_target(loaded, measured)
    if isinstance(target, str):
        return named.model_copy(update={"why": measured.why or target})
    if measured.throughput is None:
        verdict, why = Verdict.INCONCLUSIVE, "not measured"
    else:
        verdict, why = _by_point(measured.throughput, target, "at_least")
    if disturbances:
        verdict, why = Verdict.INCONCLUSIVE, f"the device was not quiet: {'; '.join(disturbances)}"
    return named.model_copy(update={**_expectation(target), "verdict": verdict, "why": measured.why or why})


def ungated(line: AnyLine) -> AnyLine:
    """Take the verdict from a line whose run stops before the gate: what does not count must not look as if it did."""
    if line.verdict is Verdict.NOT_GATED:
        return line
    return line.model_copy(update={"verdict": Verdict.NOT_GATED, "why": "this run stops before the gate"})


def too_good(record: MetricRecord | PerformanceRecord, target: Target | str | None) -> str:
    """Say that a figure is better than it should be able to be; empty when it is not, or was not judged.

    The verdict stays as it is: a better figure is not a worse model, but whoever reads it should look why.
    """
    value = record.value if isinstance(record, MetricRecord) else record.throughput
    judged = record.verdict in {Verdict.PASS, Verdict.FAIL}
    if not isinstance(target, Target) or target.too_good is None or value is None or not judged:
        return ""
    beyond = value - target.value if record.direction == "at_least" else target.value - value
    if not beyond > target.too_good:
        return ""
    usual = "test samples among the training data, or a changed metric or data set"
    if isinstance(record, PerformanceRecord):
        usual = "another model or input size than the figure is for, or a broken clock"
    return (
        f"{record.id}: too good: {value:.4f} is {beyond:.4f} {record.unit} beyond the expected {target.value:g} "
        f"({target.where}), more than {target.too_good:g}; usually that means {usual}: look before raising the figure"
    )


def decide(
    lines: Sequence[MetricRecord | PerformanceRecord],
    missing: Sequence[str] = (),
    waivers: Sequence[WaiverRecord] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict on the run and the reasons for it.

    A failed expectation fails the run, and so does an overdue waiver. Anything that keeps an expectation from being
    checked (it was not measured, or not on all samples) makes it inconclusive, and so does expecting nothing.

    Args:
        lines: Everything that was measured, waivers applied.
        missing: What should have been measured, as :func:`not_measured` says.
        waivers: What became of the waivers.
    """
    failed = [_reason(line) for line in lines if line.verdict is Verdict.FAIL]
    at_fault = {line.id for line in lines if line.verdict is Verdict.FAIL}
    failed += [f"{each.line}: {each.why}" for each in waivers if each.state in RED and each.line not in at_fault]
    if failed:
        return Verdict.FAIL, tuple(failed)
    open_points = [*(_reason(line) for line in lines if line.verdict is Verdict.INCONCLUSIVE), *missing]
    if open_points:
        return Verdict.INCONCLUSIVE, tuple(open_points)
    met = [_reason(line) for line in lines if line.verdict in {Verdict.PASS, Verdict.WAIVED}]
    if not met:
        notes = [_reason(line) for line in lines if isinstance(line, MetricRecord) and line.why]
        return Verdict.INCONCLUSIVE, ("the manifest expects nothing that applies to this run", *notes)
    return Verdict.PASS, tuple(met)


def not_measured(
    loaded: LoadedManifest, scope: Scope, metrics: Sequence[MetricRecord], performance: Sequence[PerformanceRecord]
) -> tuple[str, ...]:
    """List what the manifest expects of this scope and the run did not measure."""
    expected, missing = loaded.manifest.expected, []
    accuracy = expected.accuracy
    if accuracy and accuracy_target(loaded, scope) and not any(line.expected is not None for line in metrics):
        missing.append(f"{accuracy.metric} ({accuracy.protocol}) was not measured")
    table = expected.table(scope.chip, scope.backend)
    if table and table.throughput and not performance:
        missing.append(f"the throughput on {scope.chip} was not measured")
    return tuple(missing)


def _expectation(target: Target) -> Mapping[str, object]:
    return {
        "expected": target.value,
        "tolerance": target.tolerance,
        "where": target.where,
        "published": target.published,
    }


def _by_point(value: float, target: Target, direction: Direction) -> tuple[Verdict, str]:
    least, greatest = target.bounds(direction)
    verdict = Verdict.PASS if least <= value <= greatest else Verdict.FAIL
    return verdict, f"{_measured(value)}, expected {_SIGNS[direction].format(target.value, target.tolerance)}"


def _by_interval(record: MetricRecord, target: Target, direction: Direction) -> tuple[Verdict, str]:
    wanted = f"expected {_SIGNS[direction].format(target.value, target.tolerance)}"
    if record.interval is None:
        return Verdict.INCONCLUSIVE, f"{_measured(record.value)} without an interval, {wanted}"
    verdict = _placed(record.interval, *target.bounds(direction))
    return verdict, f"{_measured(record.value)} ({_ends(record.interval)}), {wanted}{_doubt(verdict)}"


def _paired(target: Target, direction: Direction, difference: Interval | str) -> tuple[Verdict, str]:
    if isinstance(difference, str):
        return Verdict.INCONCLUSIVE, difference
    verdict = _placed(difference, *target.bounds(direction, centre=0.0))
    wanted = f"expected {_SIGNS[direction].format(0, target.tolerance)}"
    return verdict, f"difference from the baseline: {_ends(difference)}, {wanted}{_doubt(verdict)}"


def _placed(interval: Interval, least: float, greatest: float) -> Verdict:
    if least <= interval.low and interval.high <= greatest:
        return Verdict.PASS
    if interval.high < least or interval.low > greatest:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE


def _measured(value: float) -> str:
    return f"{value:.4f}"


def _ends(interval: Interval) -> str:
    return f"{100 * interval.level:g} % interval {interval.low:.4f} to {interval.high:.4f}"


def _doubt(verdict: Verdict) -> str:
    return "; it reaches to both sides: more samples decide it" if verdict is Verdict.INCONCLUSIVE else ""


def _reason(line: MetricRecord | PerformanceRecord) -> str:
    if isinstance(line, MetricRecord):
        subset = line.id.partition("@")[2]
        return f"{line.name} ({line.protocol}{f', subset {subset}' if subset else ''}): {line.why}"
    return f"throughput on {line.chip}, batch {line.batch}: {line.why}"
