"""The verdict on a run, from those on its lines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo_runner.causes import Cause, Doubt
from zoo_runner.errors import did_you_mean
from zoo_runner.job.scope import Scope
from zoo_runner.manifest.chip_keys import chip_of, shown
from zoo_runner.manifest.lines import metric_line
from zoo_runner.report.model import Line, LineKind, MetricRecord, PerformanceRecord, Verdict, WaiverRecord
from zoo_runner.stages.gate.targets import accuracy_targets
from zoo_runner.stages.gate.waivers import RED

if TYPE_CHECKING:
    from zoo_runner.manifest.accuracies import ExpectedAccuracy
    from zoo_runner.manifest.load import LoadedManifest

NOTHING = Doubt(
    cause=Cause.NOTHING_EXPECTED,
    text=(
        "the manifest expects nothing that applies to this run; give it a figure: expected.accuracy, "
        "subsets.<name>.expected or expected.chips"
    ),
)


def decide(
    lines: Sequence[Line],
    doubts: Sequence[Doubt] = (),
    waivers: Sequence[WaiverRecord] = (),
) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict on the run and the reasons for it.

    A failed expectation fails the run, and so does an overdue waiver. Anything that keeps an expectation from being
    checked (it was not measured, or not on all samples) makes it inconclusive, and so does expecting nothing.

    Args:
        lines: Everything that was measured, waivers applied.
        doubts: What else keeps the run from being decided, such as what :func:`not_measured` names.
        waivers: What became of the waivers.
    """
    failed = [_reason(line) for line in lines if line.verdict is Verdict.FAIL]
    at_fault = {line.id for line in lines if line.verdict is Verdict.FAIL}
    failed += [f"{each.line}: {each.why}" for each in waivers if each.state in RED and each.line not in at_fault]
    if failed:
        return Verdict.FAIL, tuple(failed)
    open_points = [
        *(_reason(line) for line in lines if line.verdict is Verdict.INCONCLUSIVE),
        *(each.text for each in doubts),
    ]
    if open_points:
        return Verdict.INCONCLUSIVE, tuple(open_points)
    met = [_reason(line) for line in lines if line.verdict in {Verdict.PASS, Verdict.WAIVED}]
    if not met:
        notes = [_reason(line) for line in lines if line.kind is LineKind.ACCURACY and line.why]
        return Verdict.INCONCLUSIVE, (NOTHING.text, *notes)
    return Verdict.PASS, tuple(met)


def not_measured(
    loaded: LoadedManifest, scope: Scope, metrics: Sequence[MetricRecord], performance: Sequence[PerformanceRecord]
) -> tuple[Doubt, ...]:
    """List what the manifest expects of this scope and the run did not measure."""
    expected, missing = loaded.manifest.expected, list[str]()
    held = {line.id for line in metrics if line.expected is not None or line.cause}
    targets = accuracy_targets(loaded, scope)
    for each in expected.accuracies:
        if each.line in targets and metric_line(each.metric, each.protocol, scope.subset) not in held:
            missing.append(f"{each.title} was not measured; run all the stages")
    table = expected.table(scope.chip, scope.backend)
    if table and table.throughput and not performance:
        missing.append(f"the throughput on {scope.chip} was not measured; run all the stages")
    return tuple(Doubt(cause=Cause.NOT_MEASURED, text=each) for each in missing)


def accuracy_not_judged(loaded: LoadedManifest, scope: Scope, lines: Sequence[Line]) -> tuple[Doubt, ...]:
    """Say which of the accuracies that the manifest expects a subset has no figure of, where others were judged.

    A bad model must not pass because it is fast, or good at something else.
    """
    targets, known = accuracy_targets(loaded, scope), loaded.manifest.expected.accuracies
    if all(line.expected is None for line in lines):
        return ()
    return tuple(
        Doubt(
            cause=Cause.NOTHING_EXPECTED,
            text=f"{each.title} was not judged: {no_figure(each, scope.subset or '')}",
        )
        for each in known
        if each.line not in targets
    )


def no_figure(accuracy: ExpectedAccuracy, subset: str) -> str:
    """Say that a subset has no figure of an accuracy, and where to write one."""
    key = "" if accuracy.alone else f".{accuracy.line}"
    own = "no figure of its own" if accuracy.alone else "no figure of it"
    return f"the subset {subset} has {own}; measure one and add subsets.{subset}.expected{key}"


def throughput_not_judged(
    loaded: LoadedManifest, scope: Scope, performance: Sequence[PerformanceRecord]
) -> tuple[Doubt, ...]:
    """Say that a run on an accelerator was held against none of the throughputs that the manifest has.

    A slow card must not pass because its name, its backend or its batch size stands in the manifest otherwise.
    """
    tables = {place: table for place, table in loaded.manifest.expected.chips.items() if table.throughput}
    if not scope.accelerator or not tables or any(line.expected is not None for line in performance):
        return ()
    listed = "; ".join(
        f"{shown(place)} at batch {', '.join(map(str, table.throughput))}" for place, table in tables.items()
    )
    measured = f" at batch {', '.join(str(line.batch) for line in performance)}" if performance else ""
    hint = "" if scope.chip in map(chip_of, tables) else did_you_mean(scope.chip, {chip_of(place) for place in tables})
    text = (
        f"no throughput was judged: the manifest has figures of {listed}, this run is on {scope.chip} with the backend "
        f"{scope.backend}{measured}{hint}; correct expected.chips, or give --accuracy-only"
    )
    return (Doubt(cause=Cause.THROUGHPUT_NOT_JUDGED, text=text),)


def without_figure(performance: Sequence[PerformanceRecord]) -> str:
    """Name the batch sizes that were timed beside those that have a figure; empty if there are none."""
    if not any(line.expected is not None for line in performance):
        return ""
    others = [str(line.batch) for line in performance if line.expected is None]
    return f"no figure for batch {', '.join(others)}" if others else ""


def not_timed(loaded: LoadedManifest, scope: Scope, performance: Sequence[PerformanceRecord]) -> str:
    """Name the batch sizes that have a figure and were left out, as by ``--batch-size``; empty if there are none."""
    table = loaded.manifest.expected.table(scope.chip, scope.backend)
    timed = {line.batch for line in performance}
    others = [str(batch) for batch in (table.throughput if table and performance else ()) if batch not in timed]
    return f"the figure for batch {', '.join(others)} was not judged" if others else ""


def _reason(line: Line) -> str:
    return f"{line.title}: {line.why}"
