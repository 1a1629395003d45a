"""Figures of other hardware and frameworks beside what was measured: context, which no verdict looks at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from zoo_runner.manifest.bands import decimal, exact_product, factor
from zoo_runner.manifest.chip_keys import shown
from zoo_runner.manifest.lines import throughput_line
from zoo_runner.manifest.rates import per_sample, rate_name
from zoo_runner.report.references import ReferenceRecord

if TYPE_CHECKING:
    from zoo_runner.job.scope import Scope
    from zoo_runner.manifest.load import LoadedManifest
    from zoo_runner.manifest.rates import RateOfSamples
    from zoo_runner.manifest.tree import KeyPath
    from zoo_runner.report.model import MetricRecord, PerformanceRecord

PARTIAL = "this run scored other samples"
OTHER_UNIT = "this run measured it in another unit"
NOT_MEASURED = "this run did not measure it"


def references(
    loaded: LoadedManifest, scope: Scope, metrics: Sequence[MetricRecord], performance: Sequence[PerformanceRecord]
) -> tuple[ReferenceRecord, ...]:
    """List the manifest's references, and the figures of chips that the run was not on.

    Args:
        loaded: The manifest.
        scope: What the run measured on.
        metrics: What it scored.
        performance: What it timed.
    """
    expected, found = loaded.manifest.expected, list[ReferenceRecord]()
    for place, reference in enumerate(expected.reference):
        path: KeyPath = ("expected", "reference", place)
        facts = {"of": reference.name, "published": reference.published}
        for line, value in reference.accuracy.items():
            where = loaded.locate((*path, "accuracy", line))
            found.append(_accuracy(loaded, scope, metrics, line, value, {**facts, "where": where}))
        found += _rates(loaded, scope, performance, (*path, "throughput"), reference.throughput, reference.unit, facts)
    here = expected.chip_key(scope.chip, scope.backend)
    for key, table in expected.chips.items():
        if key == here:
            continue
        path, facts = ("expected", "chips", key), {"of": shown(key), "published": table.published}
        for each in expected.accuracies:
            for batch, value in each.by_batch(table).items():
                where = loaded.locate((*each.chip_path(key, table), batch))
                named = {**facts, "of": f"{shown(key)}, batch {batch}", "where": where}
                found.append(_accuracy(loaded, scope, metrics, each.line, value, named))
        found += _rates(loaded, scope, performance, (*path, "throughput"), table.throughput, table.unit, facts)
    return tuple(found)


def _accuracy(
    loaded: LoadedManifest,
    scope: Scope,
    metrics: Sequence[MetricRecord],
    line: str,
    value: float,
    facts: Mapping[str, str | None],
) -> ReferenceRecord:
    written = next((each.unit for each in loaded.manifest.expected.accuracies if each.line == line), "")
    own = next((each for each in metrics if f"{each.name}/{each.protocol}" == line), None)
    unit = written or (own.unit if own else "")
    record = ReferenceRecord.model_validate({**facts, "line": line, "value": value, "unit": unit})
    if own is None:
        return record.model_copy(update={"why": NOT_MEASURED})
    if scope.partial or scope.subset is not None:
        return record.model_copy(update={"why": PARTIAL})
    by = factor(own.unit, unit)
    return _compared(record, None if by is None else exact_product(own.value, by))


def _rates(
    loaded: LoadedManifest,
    scope: Scope,
    performance: Sequence[PerformanceRecord],
    path: KeyPath,
    rates: Mapping[int, float],
    unit: str | RateOfSamples,
    facts: Mapping[str, str | None],
) -> Iterator[ReferenceRecord]:
    timed = {each.batch: each for each in performance}
    for batch, rate in rates.items():
        own = timed.get(batch)
        record = ReferenceRecord.model_validate(
            {
                **facts,
                "line": throughput_line(scope.chip, batch),
                "value": rate,
                "unit": rate_name(unit),
                "where": loaded.locate((*path, batch)),
            }
        )
        if own is None or own.throughput is None:
            yield record.model_copy(update={"why": NOT_MEASURED})
            continue
        same = (own.unit, decimal(own.per_sample)) == (rate_name(unit), per_sample(unit))
        yield _compared(record, own.throughput if same else None)


def _compared(record: ReferenceRecord, measured: float | None) -> ReferenceRecord:
    if measured is None:
        return record.model_copy(update={"why": OTHER_UNIT})
    ratio = measured / record.value if record.value else None
    return record.model_copy(update={"measured": measured, "ratio": ratio})
