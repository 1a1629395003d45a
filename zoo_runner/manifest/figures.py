"""Figures of accuracy in a manifest: one, or several by metric and protocol, and how each is held against it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.bands import Band, decimal, product
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.section import Positive, Rule, Section, Then, Words
from zoo_runner.manifest.tree import KeyPath
from zoo_runner.manifest.wording import found

BY_BATCH: Final[dict[str, Any]] = {"propertyNames": {"pattern": "^[1-9][0-9]*$"}}
"""JSON has no integer keys, and pydantic's JSON Schema does not say what theirs look like."""
LINE: Final = "^[^/@\\s]+/[^/@\\s]+$"
"""METRIC/PROTOCOL: the id of a line of the whole data set."""
BY_LINE: Final[dict[str, Any]] = {"propertyNames": {"pattern": LINE}, "minProperties": 1}
CONFIRM: Final = "why a figure that looks like a slip of the pen is none; shown in the report"

_Written = Annotated[
    Direction, Field(strict=False), WithJsonSchema({"enum": [each.value for each in Direction], "type": "string"})
]
"""A direction as YAML has it: as text."""


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
    confirm: Words | None = Field(default=None, description=CONFIRM)
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


class MetricFigure(AccuracyFigure):
    """A figure of one of several metrics, which is the key that it stands at."""

    unit: str = Field(default="percent", description="of the value, the tolerance and the figures of chips")


def by_line(value: Any) -> Any:
    """Check that figures stand at METRIC/PROTOCOL before anything in them is read."""
    if isinstance(value, Mapping):
        checks.refuse(_line_problems(value))
    return value


def _line_problems(value: Mapping[Any, Any]) -> Iterator[Problem]:
    example = next((key for key in value if is_line(key)), "top1/reference")
    for key in value:
        if not is_line(key):
            text = f"expected METRIC/PROTOCOL as key, such as {example}, found {found(key)}"
            beside = "; a figure beside others stands at a key of its own" if any(map(is_line, value)) else ""
            yield (key,), f"{text}{beside}"


def is_line(key: object) -> bool:
    """Say whether a key is METRIC/PROTOCOL."""
    return isinstance(key, str) and re.fullmatch(LINE, key) is not None


def _form_beside(section: type[Section] | None) -> Callable[[Any], str]:
    """Return what tells figures by METRIC/PROTOCOL from the other form, so that only the faults of one are told.

    Args:
        section: The other form; ``None`` for figures by batch size.
    """
    own = section.model_fields if section else {}

    def form(value: Any) -> str:
        if not isinstance(value, Mapping):
            return "one"
        if any(isinstance(key, str) and "/" in key for key in value):
            return "several"
        nested = bool(value) and all(isinstance(each, Mapping) for each in value.values())
        return "several" if nested and not any(key in own for key in value) else "one"

    return form


_Several = BeforeValidator(by_line)
Accuracies = Annotated[
    Annotated[AccuracyExpectation, Tag("one")]
    | Annotated[Mapping[str, MetricFigure], _Several, Field(json_schema_extra=BY_LINE), Tag("several")],
    Discriminator(_form_beside(AccuracyExpectation)),
]
"""What the whole data set must reach: one figure that names its metric and protocol, or several by METRIC/PROTOCOL."""
SubsetFigures = Annotated[
    Annotated[AccuracyFigure, Tag("one")]
    | Annotated[Mapping[str, AccuracyFigure], _Several, Field(json_schema_extra=BY_LINE), Tag("several")],
    Discriminator(_form_beside(AccuracyFigure)),
]
"""What a subset must reach: the figure of the one metric that is expected, or several by METRIC/PROTOCOL."""
_ByBatch = Annotated[Mapping[Positive, float], Field(json_schema_extra=BY_BATCH)]
ChipFigures = Annotated[
    Annotated[_ByBatch, Tag("one")]
    | Annotated[Mapping[str, _ByBatch], _Several, Field(json_schema_extra=BY_LINE), Tag("several")],
    Discriminator(_form_beside(None)),
]
"""A chip's own figures by batch size, of the one metric that is expected, or by METRIC/PROTOCOL and batch size."""


def _figure_problems(section: AccuracyFigure) -> Iterator[Problem]:
    """Check that every key has an effect, and that only what is unusual is called too good."""
    if section.absolute is not None and section.rule != "paired":
        yield ("absolute",), f"would have no effect: the rule is {section.rule}; write it as tolerance"
    if section.too_good is None:
        return
    if section.direction is Direction.WITHIN:
        yield ("too_good",), "would have no effect: direction within has two wrong sides; remove it"
    elif section.too_good.given:
        yield from suspicious((), section.value, section.standing, section.too_good)


def suspicious(path: KeyPath, value: float, tolerance: Tolerance, band: Tolerance) -> Iterator[Problem]:
    """Check that a figure may exceed the expectation by as much as it may miss it: chance has no direction."""
    margin, least = tolerance.margin(value), band.band(value).margin
    if least <= tolerance.band(value).margin:
        yield (*path, "too_good"), f"expected more than the tolerance ({margin:g}), found {float(least):g}"
