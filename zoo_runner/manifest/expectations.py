"""What a manifest may say of the figures to reach, and of how they are held against a measurement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.bands import Band, decimal, product
from zoo_runner.manifest.checks import Problem, possible
from zoo_runner.manifest.chip_keys import AT, backend_of, chip_of
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.section import (
    DAY,
    NAME,
    RATE_UNIT,
    Positive,
    Rate,
    RateUnit,
    Rule,
    Section,
    Then,
    Words,
)
from zoo_runner.manifest.tree import KeyPath
from zoo_runner.manifest.wording import found

_BY_BATCH: Final[dict[str, Any]] = {"propertyNames": {"pattern": "^[1-9][0-9]*$"}}
"""JSON has no integer keys, and pydantic's JSON Schema does not say what theirs look like."""
_DAY: Final[dict[str, Any]] = {"pattern": DAY}
"""Many validators do not look at ``format: date``."""
_ENOUGH: Final[dict[str, Any]] = {"anyOf": [{"const": 0}, {"minimum": checks.LEAST_RESAMPLES}]}

_Written = Annotated[
    Direction, Field(strict=False), WithJsonSchema({"enum": [each.value for each in Direction], "type": "string"})
]
"""A direction as YAML has it: as text."""
_CONFIRM: Final = "why a figure that looks like a slip of the pen is none; shown in the report"


class Tolerance(Section):
    """How far from the expectation still counts as there; the wider of the two."""

    abs: Annotated[float, Field(ge=0, description="in the unit of the value")] = 0.0
    rel: Annotated[float, Field(ge=0, lt=1, description="fraction of the value")] = 0.0

    def band(self, value: float) -> Band:
        """Return the figure with the allowed distance from it, in the decimals they were written in."""
        return Band(decimal(value), max(decimal(self.abs), product(self.rel, value)))

    def margin(self, value: float) -> float:
        """Return the allowed distance in the unit of ``value``."""
        return float(self.band(value).margin)


class TooGood(Tolerance):
    """How far beyond the expectation is suspicious, and what comes of it."""

    then: Then = Field(default="warn", description="what becomes of the line")

    @property
    def given(self) -> bool:
        """Whether it says how far, or leaves that to the default."""
        return bool({"abs", "rel"} & self.model_fields_set) or "then" not in self.model_fields_set


class AccuracyFigure(Section):
    """A figure that samples must reach, and how it is held against the measurement."""

    value: float = Field(description="the figure to reach, in the unit of expected.accuracy")
    tolerance: Tolerance = Field(default=Tolerance(), description="how far on the wrong side still passes")
    direction: _Written | None = Field(
        default=None,
        description="at_least, at_most or within, which has two wrong sides; by default the metric's own",
    )
    rule: Rule = Field(
        default="point",
        description="point compares the measured value; interval its bootstrap interval; "
        "paired the interval of the difference from --baseline",
    )
    absolute: Tolerance | None = Field(
        default=None, description="by the rule paired: the tolerance of the value itself; by default tolerance"
    )
    too_good: TooGood | None = Field(
        default=None,
        description="how far beyond the expectation is suspicious; by default the larger of three tolerances and "
        "one percentage point, with a warning",
    )
    confirm: Words | None = Field(default=None, description=_CONFIRM)
    published: str | None = Field(default=None, description="where the figure was published")

    @model_validator(mode="after")
    def _check(self) -> AccuracyFigure:
        checks.refuse(_figure_problems(self))
        return self

    @property
    def standing(self) -> Tolerance:
        """The tolerance of the value itself; by the rule ``paired`` it can be another one than of the difference."""
        return self.absolute or self.tolerance


class AccuracyExpectation(AccuracyFigure):
    """A figure the whole data set must reach."""

    metric: str = Field(description="one of the plugin's, such as voc07_map")
    protocol: str = Field(description="how it is computed, such as reference")
    unit: str = Field(default="percent", description="of the value, the tolerance and the figures of chips")


class Subset(Section):
    """Some of the samples, always the same, with a figure of their own."""

    every: Annotated[int, Field(ge=2, description="takes each n-th sample, or group of samples where there are groups")]
    offset: Annotated[int, Field(ge=0, description="position of the first one, from 0")] = 0
    expected: AccuracyFigure | None = Field(
        default=None, description="in place of expected.accuracy, whose metric, protocol and unit it keeps"
    )

    @model_validator(mode="after")
    def _check(self) -> Subset:
        checks.refuse(_subset_problems(self))
        return self

    def size(self, samples: int) -> int:
        """Return how many of a data set's samples it has."""
        return len(range(self.offset, samples, self.every))


class Waiver(Section):
    """Lets an expectation be missed for a while: down to ``floor``, up to the day ``until``."""

    line: str = Field(description="id of the report's line, such as voc07_map/reference or throughput/310P3/16")
    owner: Words = Field(description="who sees to it")
    issue: Annotated[str, AfterValidator(checks.link)] = Field(description="where it is followed up, http(s)")
    until: Annotated[date, BeforeValidator(checks.day), AfterValidator(checks.soon)] = Field(
        description="last day it holds, in UTC, as YYYY-MM-DD, at most 180 days ahead", json_schema_extra=_DAY
    )
    floor: float = Field(description="in the unit of the line; what is worse fails all the same")
    reason: str = Field(default="", description="what the waiver is for")
    confirm: Words | None = Field(default=None, description=_CONFIRM)


class Uncertainty(Section):
    """How the bootstrap is done."""

    resamples: Annotated[int, Field(ge=0, le=100_000), AfterValidator(checks.enough)] = Field(
        default=1000, description="how many times to draw; 0 does without, else at least 100", json_schema_extra=_ENOUGH
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="of the draws; the same one gives the same ones")
    level: Annotated[float, Field(gt=0.5, lt=1, description="of the two-sided interval")] = 0.95


class ChipExpectation(Section):
    """Figures published for one chip, or for one backend on it, by batch size."""

    accuracy: Mapping[Positive, float] = Field(
        default_factory=dict,
        description="replaces expected.accuracy.value for these batch sizes",
        json_schema_extra=_BY_BATCH,
    )
    throughput: Mapping[Positive, Rate] = Field(
        default_factory=dict,
        description="samples per second of pure inference, by batch size",
        json_schema_extra=_BY_BATCH,
    )
    unit: RateUnit = Field(default=RATE_UNIT, description="of the throughput: samples per second")
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    too_good: TooGood | None = Field(
        default=None, description="of the throughput: how far beyond the expectation is suspicious; no default"
    )
    confirm: Words | None = Field(default=None, description=_CONFIRM)
    cann: str | None = Field(default=None, description="CANN release the figures were measured with")
    published: str | None = Field(default=None, description="where the figures were published")


class Expected(Section):
    """What the gate asks for."""

    accuracy: AccuracyExpectation | None = Field(
        default=None, description="what the whole data set must reach; without it only throughput is gated"
    )
    chips: Mapping[str, ChipExpectation] = Field(
        default_factory=dict,
        description="by chip, as npu-smi names it, such as 310P3; those of CHIP@BACKEND, such as 310P3@ascend, "
        "replace the chip's for that backend",
    )

    @model_validator(mode="after")
    def _check(self) -> Expected:
        checks.refuse(_expected_problems(self))
        return self

    def chip_key(self, chip: str, backend: str) -> str:
        """Return the key of the figures that hold for a chip under a backend, whether or not there are any."""
        own = f"{chip}{AT}{backend}"
        return own if own in self.chips else chip

    def table(self, chip: str, backend: str) -> ChipExpectation | None:
        """Return the figures that hold for a chip under a backend."""
        return self.chips.get(self.chip_key(chip, backend))


def _figure_problems(section: AccuracyFigure) -> Iterator[Problem]:
    """Check that every key has an effect, and that only what is unusual is called too good."""
    if section.absolute is not None and section.rule != "paired":
        yield ("absolute",), f"would have no effect: the rule is {section.rule}; write it as tolerance"
    if section.too_good is None:
        return
    if section.direction is Direction.WITHIN:
        yield ("too_good",), "would have no effect: direction within has two wrong sides; remove it"
    elif section.too_good.given:
        yield from _suspicious((), section.value, section.standing, section.too_good)


def _subset_problems(section: Subset) -> Iterator[Problem]:
    """Check that a subset's first sample is the first one of its pattern."""
    if section.offset >= section.every:
        yield ("offset",), f"expected less than every ({section.every}), found {found(section.offset)}"


def _expected_problems(section: Expected) -> Iterator[Problem]:
    """Check that every expectation can be met, can be missed, and is going to be compared."""
    accuracy = section.accuracy
    if accuracy is not None:
        yield from possible(("accuracy", "value"), accuracy.value, accuracy.unit)
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
                yield from possible((*path, "accuracy", batch), value, accuracy.unit)
        yield from _fast(path, figures)


def _fast(path: KeyPath, figures: ChipExpectation) -> Iterator[Problem]:
    """Check from where on a throughput is too good."""
    band = figures.too_good
    if band is not None and not band.given:
        yield (*path, "too_good"), "expected abs or rel: a throughput has no default"
    elif band is not None:
        rates = figures.throughput.values()
        yield from [found for rate in rates for found in _suspicious(path, rate, figures.tolerance, band)][:1]


def _suspicious(path: KeyPath, value: float, tolerance: Tolerance, band: Tolerance) -> Iterator[Problem]:
    """Check that a figure may exceed the expectation by as much as it may miss it: chance has no direction."""
    margin, least = tolerance.margin(value), band.band(value).margin
    if least <= tolerance.band(value).margin:
        yield (*path, "too_good"), f"expected more than the tolerance ({margin:g}), found {float(least):g}"
