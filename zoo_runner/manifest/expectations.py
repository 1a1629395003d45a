"""What a manifest may say of the figures to reach, and of how they are held against a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from zoo_runner.manifest import checks, expectation_checks
from zoo_runner.manifest.lines import AT
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

    value: float = Field(description="the figure to reach, in the unit of expected.accuracy")
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

    metric: str = Field(description="one of the plugin's, such as voc07_map")
    protocol: str = Field(description="how it is computed, such as reference")
    unit: str = Field(default="percent", description="of the value, the tolerance and the figures of chips")


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
    reason: str = Field(default="", description="what the waiver is for")


class Uncertainty(Section):
    """How the bootstrap is done."""

    resamples: Annotated[int, Field(ge=0, le=100_000), AfterValidator(expectation_checks.enough)] = Field(
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
        description="images/s of pure inference, by batch size",
        json_schema_extra=_BY_BATCH,
    )
    unit: Literal["images/s"] = Field(default="images/s", description="of the throughput")
    tolerance: Tolerance = Field(default=Tolerance(), description="of the throughput")
    too_good: Tolerance | None = Field(default=None, description=f"of the throughput: {_TOO_GOOD}")
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
        checks.refuse(expectation_checks.expected(self))
        return self

    def place(self, chip: str, backend: str) -> str:
        """Return the key of the figures that hold for a chip under a backend, whether or not there are any."""
        own = f"{chip}{AT}{backend}"
        return own if own in self.chips else chip

    def table(self, chip: str, backend: str) -> ChipExpectation | None:
        """Return the figures that hold for a chip under a backend."""
        return self.chips.get(self.place(chip, backend))
