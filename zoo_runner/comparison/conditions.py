"""What two runs were made of: settings, packages, machine, model files and data; and how fast they were."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from zoo_runner.manifest.settings import JUDGING
from zoo_runner.report.changes import Change, PerformanceChange

if TYPE_CHECKING:
    from zoo_runner.report.model import Environment, PerformanceRecord, Report

SETTING: Final = "setting"
ARTIFACT: Final = "artifact"
DATA: Final = "data"
ENVIRONMENT: Final = "environment"
PACKAGE: Final = "package"
RESULTS: Final = frozenset({"predictions", "detections"})
"""Artifacts that are what came of a run, not what it was made of."""
OF_BATCH: Final = re.compile(r"batch \d+")
"""Origin of artifacts of which there is one for each batch size."""
BACKEND: Final = "backend"
OF_BACKEND: Final = frozenset({BACKEND, "backend version", "chip"})
"""Names of what is another one where the backend is."""
ALL: Final = "{noun} of the data set"
SCORED: Final = "{noun} scored"
"""Names of numbers of samples, which the run's data set has a noun for."""
_DIGITS: Final = 12


def condition_changes(before: Report, after: Report, *, same_samples: bool) -> tuple[Change, ...]:
    """List what is not as it was, by kind: data, settings, model files, environment, packages.

    Args:
        before: The baseline's.
        after: This run's.
        same_samples: Whether both runs scored the same samples; if not, other numbers of annotated objects say
            nothing of the data set, and are left out.
    """
    return (
        *_data(before, after, same_samples=same_samples),
        *sorted(_changed(SETTING, before.manifest.settings, after.manifest.settings), key=_judging),
        *_changed(ARTIFACT, _hashes(before), _hashes(after)),
        *_changed(ENVIRONMENT, _place(before.environment), _place(after.environment)),
        *_changed(PACKAGE, _packages(before.environment), _packages(after.environment)),
    )


def performance_changes(before: Report, after: Report) -> tuple[PerformanceChange, ...]:
    """Compare the throughput wherever both runs measured it, at the same batch size on the same chip."""
    known = {_timed(record): record.throughput for record in before.performance}
    return tuple(
        PerformanceChange(
            backend=record.backend,
            chip=record.chip,
            batch=record.batch,
            unit=record.unit,
            before=then,
            after=record.throughput,
            ratio=record.throughput / then,
        )
        for record in after.performance
        if record.throughput is not None and (then := known.get(_timed(record)))
    )


def _judging(change: Change) -> bool:
    """Sort what can change predictions before what cannot."""
    return change.name.partition(".")[0] in JUDGING


def _changed(kind: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    """Compare two mappings; if one of them is empty, its report does not say, and nothing is known."""
    if not before or not after:
        return
    for name in [*after, *(name for name in before if name not in after)]:
        then, now = before.get(name, ""), after.get(name, "")
        if then != now:
            yield Change(kind=kind, name=name, before=then, after=now)


def _data(before: Report, after: Report, *, same_samples: bool) -> Iterator[Change]:
    if (before.subset or "") != (after.subset or ""):
        yield Change(kind=DATA, name="subset", before=before.subset or "", after=after.subset or "")
    if not before.metrics or not after.metrics:
        return
    then, now = before.metrics[0], after.metrics[0]
    whole, scored = (name.format(noun=after.samples_noun) for name in (ALL, SCORED))
    if before.subset == after.subset:
        yield from _changed(DATA, {whole: str(then.dataset_samples)}, {whole: str(now.dataset_samples)})
    yield from _changed(DATA, {scored: str(then.samples)}, {scored: str(now.samples)})
    if same_samples and then.samples == now.samples:
        yield from _changed(DATA, _support(before), _support(after))


def _support(report: Report) -> dict[str, str]:
    """Return the annotated objects by class, of the first metric that counts them."""
    support = next((record.support for record in report.metrics if record.support), {})
    return {f"class {label}": f"{count} annotated objects" for label, count in support.items()}


def _hashes(report: Report) -> dict[str, str]:
    """Return the hashes of the model's files, shortened; those of one name are told apart by their origin."""
    names = Counter(each.name for each in report.artifacts)
    found = {}
    for each in report.artifacts:
        if each.sha256 and each.name not in RESULTS:
            several = names[each.name] > 1 or OF_BATCH.fullmatch(each.origin) is not None
            found[f"{each.name} ({each.origin})" if several else each.name] = each.sha256[:_DIGITS]
    return found


def _place(environment: Environment | None) -> dict[str, str]:
    if environment is None:
        return {}
    return {
        BACKEND: environment.backend,
        "backend version": environment.backend_version,
        "chip": environment.chip,
        "devices": ", ".join(map(str, environment.devices)),
        "Python": environment.python,
        "host": environment.host,
    }


def _packages(environment: Environment | None) -> Mapping[str, str]:
    return {} if environment is None else environment.packages


def _timed(record: PerformanceRecord) -> tuple[object, ...]:
    unit = record.unit, record.per_sample
    return record.backend, record.chip, record.batch, unit, tuple(sorted(record.sizes.items()))
