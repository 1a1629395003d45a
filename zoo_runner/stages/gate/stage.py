"""Stage ``gate``: the verdict on a run, after its waivers."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from zoo_runner.causes import Cause
from zoo_runner.job.options import Stage
from zoo_runner.manifest.gated import expected_lines
from zoo_runner.report.model import Report, Verdict
from zoo_runner.stages.gate import verdicts
from zoo_runner.stages.gate.references import references
from zoo_runner.stages.gate.waivers import judge_waivers, waived

if TYPE_CHECKING:
    from zoo_runner.job.job import Job
    from zoo_runner.job.journal import Journal
    from zoo_runner.job.scope import Scope

ACCURACY_ONLY: Final = "no throughput was judged, as asked"
"""On the verdict's line of a run with ``--accuracy-only``."""


def stopped(journal: Journal, last: Stage) -> Report:
    """Return the report of a run that ends before the gate; what a device gave may still be in doubt."""
    doubts = [each.text for each in journal.doubts if each.cause is Cause.GOLDEN]
    verdict = Verdict.INCONCLUSIVE if doubts else Verdict.STOPPED
    return journal.report(verdict, doubts or [f"stopped after {last.value}, as asked"])


def gate(job: Job, scope: Scope) -> Report:
    """Judge what this run measured, and return its report.

    Args:
        job: The run; its journal has the lines and doubts so far.
        scope: What the figures were measured on.
    """
    journal, loaded = job.journal, job.recipe.loaded
    with journal.stage(Stage.GATE):
        waivers, today = loaded.manifest.waivers, datetime.now(tz=timezone.utc).date()
        places = [loaded.locate(("waivers", position)) for position in range(len(waivers))]
        units = {line: each.unit for line, each in expected_lines(loaded.manifest).items()}
        journal.waivers = judge_waivers([*journal.metrics, *journal.performance], waivers, today, places, units)
        journal.metrics = tuple(waived(line, journal.waivers) for line in journal.metrics)
        journal.performance = [waived(line, journal.waivers) for line in journal.performance]
        journal.references = references(loaded, scope, journal.metrics, journal.performance)
        doubts = [*verdicts.not_measured(loaded, scope, journal.metrics, journal.performance), *journal.doubts]
        doubts += verdicts.accuracy_not_judged(loaded, scope, [*journal.metrics, *journal.performance])
        unjudged = verdicts.throughput_not_judged(loaded, scope, journal.performance)
        if unjudged and job.options.accuracy_only:
            journal.remarks.append(ACCURACY_ONLY)
        elif not doubts:  # one that says more of the same is there already
            doubts += unjudged
        others = (
            verdicts.without_figure(journal.performance),
            verdicts.not_timed(loaded, scope, journal.performance),
        )
        journal.remarks += [text for text in others if text]
        verdict, why = verdicts.decide([*journal.metrics, *journal.performance], doubts, journal.waivers)
    return journal.report(verdict, why)
