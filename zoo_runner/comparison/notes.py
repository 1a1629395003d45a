"""The comparison in words: one line for each thing a person has to know, the most telling first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.comparison.conditions import ARTIFACT, BACKEND, DATA, ENVIRONMENT, OF_BACKEND, PACKAGE, SETTING
from zoo_runner.comparison.metrics import EXACT, loss, loss_by_data
from zoo_runner.report.table import rate_noun, rate_unit

if TYPE_CHECKING:
    from zoo_runner.comparison.baseline import Baseline
    from zoo_runner.comparison.pairs import PairedPredictions
    from zoo_runner.comparison.samples import SampleChanges
    from zoo_runner.manifest.direction import Direction
    from zoo_runner.report.changes import Change, ClassChange, Cluster, MetricChange, PerformanceChange
    from zoo_runner.report.model import Environment, Report

LISTED: Final = 6
"""How many things of one sort are named; the rest is counted."""
FASTER: Final = 0.1
"""By which part the throughput has to differ to be worth a line: less is what a busy machine makes of it."""
WORDS: Final[Mapping[str, str]] = {SETTING: "setting ", ARTIFACT: "file ", ENVIRONMENT: "", DATA: ""}
"""What a line of each kind begins with."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Findings:
    """All that a comparison found.

    Attributes:
        baseline: The earlier run.
        report: Of this run.
        pairs: The samples that both have.
        unscored: Why the baseline's predictions could not be scored; empty if they were, or are not there.
        metrics: The metrics of both.
        changes: What changed in the run.
        performance: The throughputs of both.
        errors: The errors of both, if the metric tells them.
        clusters: What the lost have in common, the most telling first.
    """

    baseline: Baseline
    report: Report
    pairs: PairedPredictions
    unscored: str
    metrics: tuple[MetricChange, ...]
    changes: tuple[Change, ...]
    performance: tuple[PerformanceChange, ...]
    errors: SampleChanges | None
    clusters: tuple[Cluster, ...] = ()


def notes(findings: Findings) -> tuple[str, ...]:
    """Put a comparison into words.

    What makes the two runs hard to compare comes first, then what the changes came to, what they were, and the details.
    Another place is named after the errors, unless nothing else can be why there are more of them.
    """
    place, errors = _place(findings), _errors(findings)
    elsewhere = {change.kind for change in findings.changes} <= {ENVIRONMENT, PACKAGE}
    return (
        *_limits(findings),
        *_data(findings),
        *_headline(findings),
        *_causes(findings.changes),
        *((*place, *errors) if elsewhere else (*errors, *place)),
        *_classes(findings.metrics),
        *_samples(findings),
        *_common(findings.clusters),
        *_unexplained(findings),
        *_speed(findings.performance, rate_noun(findings.report)),
    )


def _limits(findings: Findings) -> Iterator[str]:
    baseline, report, pairs = findings.baseline, findings.report, findings.pairs
    noun = report.samples_noun
    if baseline.report.manifest.name != report.manifest.name:
        yield f"the baseline is a run of {baseline.report.manifest.name}, this is one of {report.manifest.name}"
    if baseline.report.notice != report.notice:
        yield f"the baseline's notice is {baseline.report.notice!r}, this run's {report.notice!r}"
    yield from baseline.notes
    if findings.unscored:
        yield f"only the figures are compared: the baseline's predictions cannot be scored today: {findings.unscored}"
    elif baseline.count and pairs.run and not pairs.samples:
        yield f"only the figures are compared: none of the {pairs.run} {noun} is among the baseline's {pairs.baseline}"
    elif pairs.samples and not pairs.complete:
        yield (
            f"compared over the {len(pairs.samples)} {noun} that are in both runs, "
            f"of {pairs.baseline} in the baseline and {pairs.run} in this one"
        )
    if pairs.cut:
        yield f"{pairs.cut} {noun} are in both runs and left out: others of their group are not"


def _data(findings: Findings) -> Iterator[str]:
    """Say what is not about the model: other data, or the same predictions scored otherwise."""
    yield from _listed(DATA, findings.changes)
    if findings.pairs.complete:
        for metric in findings.metrics:
            if metric.rescored is not None and not _equal(metric.before, metric.rescored):
                then, now = _apart(metric.before, metric.rescored)
                yield (
                    f"data or metric changed: the baseline's predictions had {_name(metric)} {then} then and {now} now"
                )
                yield from _lost_by_data(metric)
                break


def _lost_by_data(metric: MetricChange) -> Iterator[str]:
    """Name the class whose score the other data cost most: the difference between the runs has nothing of that."""
    lost = [(loss_by_data(each, metric.direction), each) for each in metric.per_class]
    most, worst = max(lost, key=lambda pair: pair[0], default=(0.0, None))
    if worst is not None and worst.reported is not None and most > EXACT:
        reported = _both(worst.reported, worst.before, ", ")
        yield f"{worst.label} lost most by that: reported {reported} on these annotations"


def _headline(findings: Findings) -> Iterator[str]:
    if findings.pairs.samples and findings.pairs.same:
        all_of = f"all {len(findings.pairs.samples)} {findings.report.samples_noun}"
        yield f"the predictions of {all_of} are the baseline's, to the last bit"
    if not findings.metrics:
        yield "the runs have no metric in common"
        return
    for metric in _heads(findings):
        before = metric.before if metric.rescored is None else metric.rescored
        if _equal(before, metric.after):
            continue
        text = _moved(_name(metric), before, metric.after, f" {metric.unit}")
        if metric.interval is not None:
            low, high = metric.interval.low, metric.interval.high
            chance = "which chance can do" if low <= 0 <= high else "more than chance would do"
            level = f"{100 * metric.interval.level:g} % interval of the difference {low:+.2f} to {high:+.2f}"
            text += f", {chance} ({level})"
        yield text


def _heads(findings: Findings) -> tuple[MetricChange, ...]:
    """Return the metrics that are told of: the first one, and all others of which something is expected."""
    gated = {(each.name, each.protocol) for each in findings.report.metrics if each.expected is not None}
    others = (each for each in findings.metrics[1:] if (each.name, each.protocol) in gated)
    return (*findings.metrics[:1], *others)


def _errors(findings: Findings) -> Iterator[str]:
    if findings.errors is None:
        return
    before, after = findings.errors.before, findings.errors.after
    more = {kind: count - before.get(kind, 0) for kind, count in after.items()}
    for kind in sorted(after, key=lambda kind: -more[kind]):
        if more[kind] > 0:
            yield _moved(f"{kind} errors", before.get(kind, 0), after[kind])
    fewer = [f"{kind} {before.get(kind, 0)} -> {after[kind]}" for kind in after if more[kind] < 0]
    yield from _joined("fewer errors", fewer)


def _classes(metrics: Sequence[MetricChange]) -> Iterator[str]:
    """Say which classes of the headline lost; where there are intervals, those that lost more than chance would do."""
    if not metrics or not metrics[0].per_class:
        return
    metric = metrics[0]
    lost = [each for each in metric.per_class if _lost(each, metric.direction)]
    if not lost:
        return
    worst = f"{lost[0].label} {_both(lost[0].before, lost[0].after, ' -> ')}"
    if len(lost) == 1:
        yield f"one class of {len(metric.per_class)} lost: {worst}"
    else:
        share = (
            "every class" if len(lost) == len(metric.per_class) else f"{len(lost)} of {len(metric.per_class)} classes"
        )
        yield f"{share} lost; most: {worst}"


def _samples(findings: Findings) -> Iterator[str]:
    if findings.errors is not None and findings.errors.lower:
        lower, worst = findings.errors.lower, findings.errors.worst[0].id
        of = f"{len(findings.pairs.samples)} {findings.report.samples_noun}"
        yield f"{lower} of {of} have a worse score, {worst} most of all"


def _common(clusters: Sequence[Cluster]) -> Iterator[str]:
    """Name the most telling thing that the lost have in common, of each sort of things that are counted."""
    told: set[str] = set()
    for each in clusters:
        if each.of not in told:
            told.add(each.of)
            these = f"{each.lost} of the {each.all_lost} lost {each.of} ({each.lost_share})"
            if each.lost == each.all_lost:
                these = f"all {each.lost} lost {each.of}"
            what = f"{each.trait} {each.value}"
            yield f"{these} have {what}; of all {each.all_here} {each.of} {each.share} have it"


def _lost(change: ClassChange, direction: Direction) -> bool:
    if change.low is not None and change.high is not None and change.low <= 0 <= change.high:
        return False
    return loss(change.before, change.after, direction) > EXACT


def _causes(changes: Sequence[Change]) -> Iterator[str]:
    for kind in (SETTING, ARTIFACT):
        yield from _listed(kind, changes)


def _place(findings: Findings) -> Iterator[str]:
    """Say what is another machine, backend or release; a backend with its release and chip on one line."""
    changes, moved = findings.changes, {change.name for change in findings.changes if change.kind == ENVIRONMENT}
    before, after = findings.baseline.report.environment, findings.report.environment
    if BACKEND in moved and before and after:
        yield _moved_to(before, after)
        changes = tuple(each for each in changes if each.kind != ENVIRONMENT or each.name not in OF_BACKEND)
    yield from _listed(ENVIRONMENT, changes)
    yield from _joined("packages", [_line(change, " ") for change in changes if change.kind == PACKAGE])


def _moved_to(before: Environment, after: Environment) -> str:
    if _from_files(after):
        return f"results came from files, not from {_backend(before)}"
    if _from_files(before):
        return f"results came from {_backend(after)}, not from files"
    return f"backend: {_backend(before)} -> {_backend(after)}"


def _from_files(environment: Environment) -> bool:
    """Say whether nothing was inferred: then the report has the same word for backend and chip."""
    return environment.backend == environment.chip and not environment.backend_version


def _backend(environment: Environment) -> str:
    chip, version = environment.chip, environment.backend_version.removeprefix(environment.backend).strip()
    return " ".join(filter(None, (environment.backend, version, f"on {chip}" if chip else "")))


def _unexplained(findings: Findings) -> Iterator[str]:
    """Say that nothing changed, or nothing that a report knows of."""
    if not findings.baseline.report.manifest.settings:
        yield "the baseline's report does not say what its settings were"
    elif not findings.changes:
        same = "settings, model files, environment and packages are the baseline's"
        moved = not findings.pairs.same or any(not _equal(each.difference, 0.0) for each in findings.metrics)
        yield f"{same}: what changed is in code, or outside of what a report knows" if moved else same


def _speed(performance: Sequence[PerformanceChange], noun: str) -> Iterator[str]:
    for each in performance:
        if abs(each.ratio - 1) > FASTER:
            was, now = _apart(each.before, each.after)
            yield (
                f"throughput on {each.chip} at batch {each.batch} {'rose' if each.after > each.before else 'fell'} "
                f"from {was} to {now} {rate_unit(each.unit, noun)} ({each.ratio:.2f} times)"
            )


def _line(change: Change, colon: str = ": ") -> str:
    none = "not set" if change.kind == SETTING else "none"
    return f"{change.name}{colon}{change.before or none} -> {change.after or none}"


def _listed(kind: str, changes: Sequence[Change]) -> Iterator[str]:
    """Give each change of a kind its line, up to a number of them."""
    found = [change for change in changes if change.kind == kind]
    yield from (f"{WORDS[kind]}{_line(change)}" for change in found[:LISTED])
    if len(found) > LISTED:
        yield f"{len(found) - LISTED} more changes of this kind: {kind}"


def _joined(title: str, items: Sequence[str]) -> Iterator[str]:
    """Put short things on one line."""
    if items:
        shown, more = ", ".join(items[:LISTED]), len(items) - LISTED
        yield f"{title}: {shown} and {more} more" if more > 0 else f"{title}: {shown}"


def _name(metric: MetricChange) -> str:
    return f"{metric.name} ({metric.protocol})"


def _moved(what: str, before: float, after: float, unit: str = "") -> str:
    was, now = _apart(before, after)
    return f"{what} {'rose' if after > before else 'fell' if after < before else 'went'} from {was} to {now}{unit}"


def _both(before: float, after: float, between: str) -> str:
    return between.join(_apart(before, after))


def _apart(before: float, after: float) -> tuple[str, str]:
    """Write two numbers with as many digits as it takes to tell them apart."""
    texts = ("", "")
    for digits in (4, 6, 9):
        texts = f"{before:.{digits}g}", f"{after:.{digits}g}"
        if texts[0] != texts[1]:
            break
    return texts


def _equal(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=EXACT, abs_tol=EXACT) or (math.isnan(one) and math.isnan(other))
