"""Comparing what was measured with what the manifest expects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zoo_runner.errors import ExitCode
from zoo_runner.interfaces import MetricValue
from zoo_runner.manifest.schema import AccuracyExpectation, ChipExpectation, Expected
from zoo_runner.report.model import MetricRecord, PerformanceRecord, Verdict

EXIT_CODES = {
    Verdict.PASS: ExitCode.PASS,
    Verdict.STOPPED: ExitCode.PASS,
    Verdict.FAIL: ExitCode.GATE_FAILED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.ERROR: ExitCode.STAGE_FAILED,
}
"""The exit code of each verdict a whole run can have; errors may carry another one of their own."""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What the figures were measured on.

    Attributes:
        chip: The chip, as manifests name it.
        batch: Samples per call while scoring; ``None`` when the results came from files.
        samples: How many samples were scored.
        dataset_samples: How many the whole data set has.
    """

    chip: str
    batch: int | None
    samples: int
    dataset_samples: int

    @property
    def partial(self) -> bool:
        """Whether some of the data set was left out."""
        return self.samples < self.dataset_samples


def judge_metrics(values: Sequence[MetricValue], expected: Expected, scope: Scope) -> tuple[MetricRecord, ...]:
    """Give every metric its record, and the expected one its verdict."""
    return tuple(_judge_metric(value, expected, scope) for value in values)


def judge_throughput(
    measured: PerformanceRecord, expected: Expected, disturbances: Sequence[str] = ()
) -> PerformanceRecord:
    """Give one batch size its verdict.

    Figures of a chip without a table are reported and not gated. A timing on a device that was not quiet
    says nothing about the model, neither good nor bad: it is inconclusive.
    """
    table = expected.chips.get(measured.chip)
    target = table.throughput.get(measured.batch) if table else None
    if table is None or target is None:
        known = ", ".join(expected.chips) or "no chip"
        reason = f"the manifest expects nothing of {measured.chip} at batch {measured.batch} (it lists {known})"
        return measured.model_copy(update={"why": measured.why or reason})
    tolerance = table.tolerance.margin(target)
    verdict, why = _compare(measured.throughput, target, tolerance)
    if disturbances:
        verdict, why = Verdict.INCONCLUSIVE, f"the device was not quiet: {'; '.join(disturbances)}"
    return measured.model_copy(
        update={"expected": target, "tolerance": tolerance, "verdict": verdict, "why": measured.why or why}
    )


def decide(
    metrics: Sequence[MetricRecord],
    performance: Sequence[PerformanceRecord],
    expected: Expected,
    scope: Scope,
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict on the run and the reasons for it.

    A failed expectation fails the run. Anything that keeps an expectation from being checked (it was
    not measured, or not on the whole data set) makes it inconclusive, and so does expecting nothing.
    """
    lines: list[MetricRecord | PerformanceRecord] = [*metrics, *performance]
    failed = [_reason(line) for line in lines if line.verdict is Verdict.FAIL]
    if failed:
        return Verdict.FAIL, tuple(failed)
    open_points = [_reason(line) for line in lines if line.verdict is Verdict.INCONCLUSIVE]
    open_points += _not_measured(metrics, performance, expected, scope)
    if open_points:
        return Verdict.INCONCLUSIVE, tuple(open_points)
    met = [_reason(line) for line in lines if line.verdict is Verdict.PASS]
    if not met:
        return Verdict.INCONCLUSIVE, ("the manifest expects nothing that applies to this run",)
    return Verdict.PASS, tuple(met)


def accuracy_target(expected: Expected, scope: Scope) -> AccuracyExpectation | None:
    """Return the accuracy expectation, with the chip's own figure for the batch size if it has one."""
    accuracy = expected.accuracy
    table: ChipExpectation | None = expected.chips.get(scope.chip)
    own = table.accuracy.get(scope.batch) if table and scope.batch else None
    return accuracy if accuracy is None or own is None else accuracy.model_copy(update={"value": own})


def _judge_metric(value: MetricValue, expected: Expected, scope: Scope) -> MetricRecord:
    record = MetricRecord(
        name=value.name,
        protocol=value.protocol,
        value=value.value,
        unit=value.unit,
        samples=scope.samples,
        dataset_samples=scope.dataset_samples,
        per_class=dict(value.per_class),
    )
    target = accuracy_target(expected, scope)
    if target is None or (target.metric, target.protocol) != (value.name, value.protocol):
        return record
    tolerance = target.tolerance.margin(target.value)
    if scope.partial:
        verdict, why = (
            Verdict.INCONCLUSIVE,
            f"only {scope.samples} of {scope.dataset_samples} samples were scored",
        )
    else:
        verdict, why = _compare(value.value, target.value, tolerance, higher=value.higher_is_better)
    return record.model_copy(update={"expected": target.value, "tolerance": tolerance, "verdict": verdict, "why": why})


def _compare(value: float | None, target: float, tolerance: float, *, higher: bool = True) -> tuple[Verdict, str]:
    if value is None:
        return Verdict.INCONCLUSIVE, "not measured"
    if not math.isfinite(value):
        return Verdict.FAIL, f"measured {value}"
    met = value >= target - tolerance if higher else value <= target + tolerance
    bound = f"{'at least' if higher else 'at most'} {target:g} {'-' if higher else '+'} {tolerance:g}"
    return (Verdict.PASS if met else Verdict.FAIL), f"{value:.4f}, expected {bound}"


def _not_measured(
    metrics: Sequence[MetricRecord],
    performance: Sequence[PerformanceRecord],
    expected: Expected,
    scope: Scope,
) -> list[str]:
    missing = []
    target = expected.accuracy
    if target and not any(line.expected is not None for line in metrics):
        missing.append(f"{target.metric} ({target.protocol}) was not measured")
    table = expected.chips.get(scope.chip)
    if table and table.throughput and not performance:
        missing.append(f"the throughput on {scope.chip} was not measured")
    return missing


def _reason(line: MetricRecord | PerformanceRecord) -> str:
    if isinstance(line, MetricRecord):
        return f"{line.name} ({line.protocol}): {line.why}"
    return f"throughput on {line.chip}, batch {line.batch}: {line.why}"
