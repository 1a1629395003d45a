"""Figures of other hardware or frameworks: shown beside what a run measures, and never gated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.figures import BY_BATCH, BY_LINE, by_line
from zoo_runner.manifest.rates import RateUnit
from zoo_runner.manifest.section import RATE_UNIT, Positive, Rate, Section, Words


class Reference(Section):
    """What was published of another chip or framework, for people to compare with."""

    name: Words = Field(description="of what, such as T4, or PyTorch on a V100")
    accuracy: Annotated[Mapping[str, float], BeforeValidator(by_line)] = Field(
        default_factory=dict,
        description="by METRIC/PROTOCOL, in the unit that expected.accuracy has for it, else in the metric's",
        json_schema_extra={"propertyNames": BY_LINE["propertyNames"]},
    )
    throughput: Mapping[Positive, Rate] = Field(
        default_factory=dict, description="by batch size", json_schema_extra=BY_BATCH
    )
    unit: RateUnit = Field(default=RATE_UNIT, description="of the throughput, as in expected.chips")
    published: str | None = Field(default=None, description="where the figures were published")

    @model_validator(mode="after")
    def _check(self) -> Reference:
        if not self.accuracy and not self.throughput:
            checks.refuse([((), "expected accuracy or throughput, found neither; give a figure or remove it")])
        return self
