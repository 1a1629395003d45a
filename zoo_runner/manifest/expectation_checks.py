"""What types cannot say of expectations: those that can never be met, never be missed, or are never looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, TypeVar

from zoo_runner.errors import did_you_mean
from zoo_runner.manifest.checks import Problem, refuse
from zoo_runner.manifest.lines import AT, backend_of, chip_of, expected_lines
from zoo_runner.manifest.section import DAY, NAME
from zoo_runner.manifest.tree import KeyPath
from zoo_runner.manifest.wording import found

if TYPE_CHECKING:
    from zoo_runner.manifest.expectations import AccuracyFigure, Expected, Subset, Tolerance
    from zoo_runner.manifest.schema import Manifest

    Value = TypeVar("Value")

LEAST_RESAMPLES: Final = 100
"""Fewer leave one or two values beyond the ends of a 95 % interval, which then jump with the seed."""
_RANGES: Final = {"percent": 100.0, "fraction": 1.0}


def day(value: object) -> object:
    """Read a day; only one form of it, so that nobody takes the month for the day."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and re.fullmatch(DAY, value) else "")
    except ValueError:
        refuse([((), f"expected a day of the calendar as YYYY-MM-DD, found {found(value)}")])
        raise


def enough(resamples: int) -> int:
    """Check that an interval has enough resamples to rest on."""
    few = 0 < resamples < LEAST_RESAMPLES
    refuse([((), f"expected 0 or at least {LEAST_RESAMPLES}, found {found(resamples)}")] if few else [])
    return resamples


def names(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Check names that are written on the command line and in ids."""
    form = "expected lower-case letters, digits, '.', '_' and '-' as name"
    refuse(((name,), f"{form}, found {found(name)}") for name in values if not re.fullmatch(NAME, name))
    return values


def figure(section: AccuracyFigure) -> Iterator[Problem]:
    """Check that a figure can be missed, and that only what is unusual is called too good."""
    if section.direction in {None, "at_least"}:
        yield from _can_fail((), section.value, section.tolerance)
    if section.too_good is None:
        return
    if section.direction == "within":
        yield ("too_good",), "would have no effect: direction within has two wrong sides; remove it"
    else:
        yield from _suspicious((), section.value, section.tolerance, section.too_good)


def subset(section: Subset) -> Iterator[Problem]:
    """Check that a subset's first sample is the first one of its pattern."""
    if section.offset >= section.every:
        yield ("offset",), f"expected less than every ({section.every}), found {found(section.offset)}"


def expected(section: Expected) -> Iterator[Problem]:
    """Check that every expectation can be met, can be missed, and is going to be compared."""
    accuracy = section.accuracy
    if accuracy is not None:
        yield from _in_range(("accuracy",), accuracy, accuracy.unit)
    for chip, figures in section.chips.items():
        path = ("chips", chip)
        if chip.lower().startswith("ascend"):
            yield path, f"expected the chip as npu-smi names it, {chip[6:]!r}, found {found(chip)}"
        if not chip_of(chip) or (AT in chip and not re.fullmatch(NAME, backend_of(chip))):
            yield path, f"expected CHIP or CHIP{AT}BACKEND, found {found(chip)}"
        if figures.accuracy and accuracy is None:
            yield (*path, "accuracy"), "would never be compared: expected.accuracy names no metric"
        if accuracy is not None:
            for batch, value in figures.accuracy.items():
                yield from _possible((*path, "accuracy", batch), value, accuracy.unit)
        if figures.throughput:
            yield from _can_fail(path, min(figures.throughput.values()), figures.tolerance)
        if figures.too_good is not None:
            rates = figures.throughput.values()
            narrow = [next(_suspicious(path, rate, figures.tolerance, figures.too_good), None) for rate in rates]
            yield from [problem for problem in narrow if problem][:1]


def across(manifest: Manifest) -> Iterator[Problem]:
    """Check expectations against the rest of the manifest."""
    yield from _timed(manifest)
    yield from _subsets(manifest)
    yield from _rules(manifest)
    yield from _waivers(manifest)


def _possible(path: KeyPath, value: float, unit: str) -> Iterator[Problem]:
    highest = _RANGES.get(unit)
    if highest is not None and not 0 <= value <= highest:
        yield path, f"expected 0 to {highest:g}, as the unit is {unit}, found {found(value)}"


def _in_range(path: KeyPath, section: AccuracyFigure, unit: str) -> Iterator[Problem]:
    yield from _possible((*path, "value"), section.value, unit)
    highest, margin = _RANGES.get(unit), section.tolerance.margin(section.value)
    if highest is not None and section.direction == "at_most" and section.value <= highest <= section.value + margin:
        yield (
            (*path, "tolerance"),
            f"expected less than the distance from {section.value:g} to {highest:g}, else everything passes",
        )


def _can_fail(path: KeyPath, value: float, tolerance: Tolerance) -> Iterator[Problem]:
    if value > 0 and tolerance.margin(value) >= value:
        yield (
            (*path, "tolerance"),
            f"expected less than the figure itself ({value:g}), else everything passes",
        )


def _suspicious(path: KeyPath, value: float, tolerance: Tolerance, band: Tolerance) -> Iterator[Problem]:
    """Check that a figure may exceed the expectation by as much as it may miss it: chance has no direction."""
    margin = tolerance.margin(value)
    if band.margin(value) <= margin:
        yield (*path, "too_good"), f"expected more than the tolerance ({margin:g}), found {band.margin(value):g}"


def _timed(manifest: Manifest) -> Iterator[Problem]:
    batches = manifest.benchmark.batch
    for chip, figures in manifest.expected.chips.items():
        for batch in figures.throughput:
            if batch not in batches:
                text = f"would never be compared: benchmark.batch is {list(batches)}; add {batch} there"
                yield ("expected", "chips", chip, "throughput", batch), text


def _subsets(manifest: Manifest) -> Iterator[Problem]:
    accuracy, samples = manifest.expected.accuracy, manifest.dataset.samples
    for name, section in manifest.subsets.items():
        path = ("subsets", name)
        if section.size(samples) == 0:
            yield (*path, "offset"), f"expected a position below dataset.samples ({samples}), found {section.offset}"
        if section.expected is not None and accuracy is None:
            yield (*path, "expected"), "would never be compared: expected.accuracy names no metric"
        elif section.expected is not None and accuracy is not None:
            yield from _in_range((*path, "expected"), section.expected, accuracy.unit)


def _rules(manifest: Manifest) -> Iterator[Problem]:
    if manifest.uncertainty.resamples == 0:
        for line in expected_lines(manifest).values():
            if line.rule != "point":
                yield (*line.path, "rule"), f"expected uncertainty.resamples, which {line.rule} rests on, found 0"


def _waivers(manifest: Manifest) -> Iterator[Problem]:
    known = expected_lines(manifest)
    seen: set[str] = set()
    for position, waiver in enumerate(manifest.waivers):
        path = ("waivers", position)
        if waiver.line not in known:
            hint = did_you_mean(waiver.line, known) or f"; known here: {', '.join(known) or 'none'}"
            yield (*path, "line"), f"expected the id of a line that is gated, found {found(waiver.line)}{hint}"
        elif waiver.line in seen:
            yield (*path, "line"), f"expected one waiver a line, found a second one of {waiver.line!r}; remove one"
        elif known[waiver.line].rule != "paired" and known[waiver.line].passes(waiver.floor):
            text = "expected a figure that fails without the waiver"
            yield (*path, "floor"), f"{text}, found {found(waiver.floor)}"
        seen.add(waiver.line)
