"""Everything that two runs are compared by, put together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from zoo_runner.comparison.clusters import clusters
from zoo_runner.comparison.conditions import condition_changes, performance_changes
from zoo_runner.comparison.metrics import unscored
from zoo_runner.comparison.notes import Findings, notes
from zoo_runner.comparison.samples import sample_changes
from zoo_runner.manifest.direction import Direction
from zoo_runner.report.changes import Comparison, MetricChange

if TYPE_CHECKING:
    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.comparison.pairs import ScoredPairs
    from zoo_runner.comparison.placements import Placement
    from zoo_runner.report.model import Report


def compare(
    baseline: Baseline,
    report: Report,
    scored: ScoredPairs,
    changes: tuple[MetricChange, ...],
    placements: Mapping[int, Placement] = MappingProxyType({}),
) -> Comparison:
    """Compare a run with an earlier one.

    Args:
        baseline: The earlier run.
        report: Of this run.
        scored: What the predictions of both runs score, of the samples that both have.
        changes: What :func:`~zoo_runner.comparison.metric_changes` found.
        placements: Where this run's outputs come from, by the sample's index, as far as it is known.
    """
    pairs = scored.pairs
    fault = unscored(scored, baseline.report.metrics) if changes else ""
    direction = changes[0].direction if changes else Direction.AT_LEAST
    errors = None if fault else sample_changes(scored, direction)
    common = clusters(scored, errors.fell, placements, report.samples_noun) if errors else ()
    findings = Findings(
        baseline=baseline,
        report=report,
        pairs=pairs,
        unscored=fault,
        metrics=changes,
        changes=condition_changes(baseline.report, report, same_samples=pairs.complete or not pairs.samples),
        performance=performance_changes(baseline.report, report),
        errors=errors,
        clusters=common,
    )
    return Comparison(
        path=str(baseline.path),
        started=baseline.report.started,
        verdict=baseline.report.verdict.value,
        same_samples=len(pairs.samples),
        notes=notes(findings),
        changes=findings.changes,
        metrics=changes,
        performance=findings.performance,
        errors_before=errors.before if errors else {},
        errors_after=errors.after if errors else {},
        errors_reported=_reported(baseline) if errors and len(pairs.samples) == pairs.baseline else {},
        samples=errors.worst if errors else (),
        clusters=common,
    )


def _reported(baseline: Baseline) -> Mapping[str, int]:
    """Return the errors by kind that the baseline's report tells of all its samples."""
    found = baseline.report.diagnosis
    return {kind: found.totals.get(kind, 0) for kind in found.kinds} if found else {}
