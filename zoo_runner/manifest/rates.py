"""Units of throughput: samples per second, or what samples are worth, such as frames, per second."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.bands import decimal, exact_product
from zoo_runner.manifest.section import RATE_UNIT, Section
from zoo_runner.manifest.wording import found

NAME_OF_RATE: Final = r"^\S(.*\S)?/s$"
"""A count per second."""
_OF_SAMPLES: Final = (RATE_UNIT, "samples/s")


class RateOfSamples(Section):
    """A unit of which every sample is worth the same, such as the frames of a clip."""

    name: Annotated[str, Field(pattern=NAME_OF_RATE)] = Field(
        description="what is counted per second, such as frames/s, sentences/s or s of audio/s"
    )
    per_sample: Annotated[float, Field(gt=0)] = Field(description="how many of them one sample is")

    @model_validator(mode="after")
    def _check(self) -> RateOfSamples:
        if self.name in _OF_SAMPLES:
            text = f"expected what one sample is worth, found {self.name}, which counts samples"
            checks.refuse([(("name",), f"{text}; write unit: {RATE_UNIT}")])
        return self


def _plain(unit: str) -> str:
    text = f"expected {RATE_UNIT!r}, or what one sample is, such as {{name: frames/s, per_sample: 16}}"
    checks.refuse([((), f"{text}, found {found(unit)}")] if unit != RATE_UNIT else [])
    return unit


def _form(value: Any) -> str:
    return "other" if isinstance(value, Mapping | RateOfSamples) else "plain"


RateUnit = Annotated[
    Annotated[str, AfterValidator(_plain), WithJsonSchema({"const": RATE_UNIT, "type": "string"}), Tag("plain")]
    | Annotated[RateOfSamples, Tag("other")],
    Discriminator(_form),
]
"""Samples per second, or another rate with what a sample is worth in it."""


def rate_name(unit: str | RateOfSamples) -> str:
    """Return what the unit is called."""
    return unit if isinstance(unit, str) else unit.name


def per_sample(unit: str | RateOfSamples) -> Decimal:
    """Return how many of what the unit counts one sample is."""
    return Decimal(1) if isinstance(unit, str) else decimal(unit.per_sample)


def converted(samples_per_second: float | None, unit: str | RateOfSamples) -> float | None:
    """Return a rate of samples in another unit, worked out in decimals and rounded once."""
    worth = per_sample(unit)
    return samples_per_second if samples_per_second is None or worth == 1 else exact_product(samples_per_second, worth)
