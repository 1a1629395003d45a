"""What a manifest may say of the figures to reach, and of how they are held against a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from zoo_runner.manifest import checks, expectation_checks
from zoo_runner.manifest.section import DAY, Positive, Rate, Section

_BY_BATCH: Final[dict[str, Any]] = {"propertyNames": {"pattern": "^[1-9][0-9]*$"}}
"""JSON has no integer keys, and pydantic's JSON Schema does not say what theirs look like."""
_DAY: Final[dict[str, Any]] = {"pattern": DAY}
"""Many validators do not look at ``format: date``."""
_ENOUGH: Final[dict[str, Any]] = {"anyOf": [{"const": 0}, {"minimum": expectation_checks.LEAST_RESAMPLES}]}

Direction = Literal["at_least", "at_most", "within"]
Rule = Literal["point", "interval", "paired"]
_TOO_GOOD: Final = "how far beyond the expectation is suspicious: a warning, not a failure"


class Tolerance(Section):
    """How far from the expectation still counts as there; the wider of the two."""

    abs: Annotated[float, Field(ge=0, description="in the unit of the value")] = 0.0
    rel: Annotated[float, Field(ge=0, lt=1, description="fraction of the value")] = 0.0

    def margin(self, value: float) -> float:
        """Return the allowed distance in the unit of ``value``."""
        return max(self.abs, self.rel * abs(value))


class AccuracyFigure(Section):
    """A figure that samples must reach, and how it is held against the measurement."""

    value: float
    tolerance: Tolerance = Field(default=Tolerance(), description="how far on the wrong side still passes")
    direction: Direction | None = Field(
        default=None, description="at_least, at_most or within, which has two wrong sides; by default the metric's own"
    )
    rule: Rule = Field(
        default="point",
        description="point compares the measured value; interval its bootstrap interval; "
        "paired the interval of the difference from --baseline",
    )
    too_good: Tolerance | None = Field(default=None, description=_TOO_GOOD)
    published: str | None = Field(default=None, description="where the figure was published")

    @model_validator(mode="after")
    def _check(self) -> AccuracyFigure:
        checks.refuse(expectation_checks.figure(self))
        return self


class AccuracyExpectation(AccuracyFigure):
    """A figure the whole data set must reach."""

    metric: str
    protocol: str
    unit: str = "percent"


class Subset(Section):
    """Some of the samples, always the same, with a figure of their own."""

    every: Annotated[int, Field(ge=2, description="takes each n-th sample")]
    offset: Annotated[int, Field(ge=0, description="position of the first one, from 0")] = 0
    expected: AccuracyFigure | None = Field(
        default=None, description="in place of expected.accuracy, whose metric, protocol and unit it keeps"
    )

    @model_validator(mode="after")
    def _check(self) -> Subset:
        checks.refuse(expectation_checks.subset(self))
        return self

    def size(self, samples: int) -> int:
        """Return how many of a data set's samples it has."""
        return len(range(self.offset, samples, self.every))


class Waiver(Section):
    """Lets an expectation be missed for a while: down to ``floor``, up to the day ``until``."""

    line: str = Field(description="id of the report's line, such as voc07_map/reference or throughput/310P3/16")
    owner: str = Field(min_length=1, description="who sees to it")
    issue: Annotated[str, AfterValidator(checks.link)] = Field(description="where it is followed up, http(s)")
    until: Annotated[date, BeforeValidator(expectation_checks.day)] = Field(
        description="last day it holds, in UTC, as YYYY-MM-DD", json_schema_extra=_DAY
    )
    floor: float = Field(description="in the unit of the line; what is worse fails all the same")
    reason: str = ""


class Uncertainty(Section):
    """How the bootstrap is done."""

    resamples: Annotated[int, Field(ge=0, le=100_000), AfterValidator(expectation_checks.enough)] = Field(
        default=1000, description="0 does without", json_schema_extra=_ENOUGH
    )
    seed: Annotated[int, Field(ge=0)] = 0
    level: Annotated[float, Field(gt=0.5, lt=1, description="of the two-sided interval")] = 0.95


class ChipExpectation(Section):
    """Figures published for one chip, by batch size."""

    accuracy: Mapping[Positive, float] = Field(
        default_factory=dict,
        description="replaces expected.accuracy.value for these batch sizes",
        json_schema_extra=_BY_BATCH,
    )
    throughput: Mapping[Positive, Rate] = Field(
        default_factory=dict, description="by batch size", json_schema_extra=_BY_BATCH
    )
    unit: Literal["images/s"] = Field(default="images/s", description="of the throughput")
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    too_good: Tolerance | None = Field(default=None, description=f"of the throughput: {_TOO_GOOD}")
    backend: str | None = Field(default=None, description="the figures hold for this backend only; by default for all")
    cann: str | None = Field(default=None, description="CANN release the figures were measured with")
    published: str | None = Field(default=None, description="where the figures were published")


class Expected(Section):
    """What the gate asks for."""

    accuracy: AccuracyExpectation | None = None
    chips: Mapping[str, ChipExpectation] = Field(
        default_factory=dict, description="by chip, as npu-smi names it, such as 310P3"
    )

    @model_validator(mode="after")
    def _check(self) -> Expected:
        checks.refuse(expectation_checks.expected(self))
        return self

    def table(self, chip: str, backend: str) -> ChipExpectation | None:
        """Return the figures that hold for a chip under a backend."""
        table = self.chips.get(chip)
        return table if table is None or table.backend in {None, backend} else None
