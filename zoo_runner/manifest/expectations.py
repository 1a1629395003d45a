"""What a manifest may say of the figures to reach, and of how they are held against a measurement."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.accuracies import ExpectedAccuracy, accuracies, accuracy_problems
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.chip_figures import ChipExpectation
from zoo_runner.manifest.chip_keys import AT, backend_of, chip_of, key_for, line_meant
from zoo_runner.manifest.figures import CONFIRM, Accuracies, suspicious
from zoo_runner.manifest.rates import RateOfSamples
from zoo_runner.manifest.references import Reference
from zoo_runner.manifest.section import DAY, NAME, Section, Words
from zoo_runner.manifest.tree import KeyPath
from zoo_runner.manifest.wording import found

_DAY: Final[dict[str, Any]] = {"pattern": DAY}
"""Many validators do not look at ``format: date``."""
_ENOUGH: Final[dict[str, Any]] = {"anyOf": [{"const": 0}, {"minimum": checks.LEAST_RESAMPLES}]}


class Waiver(Section):
    """Lets an expectation be missed for a while: down to ``floor``, up to the day ``until``."""

    line: Annotated[str, AfterValidator(line_meant)] = Field(
        description="id of the report's line, such as voc07_map/reference or throughput/310P3/16"
    )
    owner: Words = Field(description="who sees to it")
    issue: Annotated[str, AfterValidator(checks.link)] = Field(description="where it is followed up, http(s)")
    until: Annotated[date, BeforeValidator(checks.day), AfterValidator(checks.soon)] = Field(
        description="last day it holds, in UTC, as YYYY-MM-DD, at most 180 days ahead", json_schema_extra=_DAY
    )
    floor: float = Field(description="in the unit of the line; what is worse fails all the same")
    reason: str = Field(default="", description="what the waiver is for")
    confirm: Words | None = Field(default=None, description=CONFIRM)


class Uncertainty(Section):
    """How the bootstrap is done."""

    resamples: Annotated[int, Field(ge=0, le=100_000), AfterValidator(checks.enough)] = Field(
        default=1000, description="how many times to draw; 0 does without, else at least 100", json_schema_extra=_ENOUGH
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="of the draws; the same one gives the same ones")
    level: Annotated[float, Field(gt=0.5, lt=1, description="of the two-sided interval")] = 0.95


class Expected(Section):
    """What the gate asks for."""

    accuracy: Accuracies | None = Field(
        default=None,
        description="what the whole data set must reach: one figure, or several by METRIC/PROTOCOL; without it only "
        "throughput is gated",
    )
    chips: Mapping[str, ChipExpectation] = Field(
        default_factory=dict,
        description="by chip, as npu-smi names it, such as 310P3 (or Ascend310P3; 310P is read as 310P3); those of "
        "CHIP@BACKEND, such as 310P3@ascend, replace the chip's for that backend",
    )

    reference: tuple[Reference, ...] = Field(
        default=(), description="figures of other chips and frameworks, which are shown and never gated"
    )

    @model_validator(mode="after")
    def _check(self) -> Expected:
        checks.refuse(_expected_problems(self))
        return self

    @property
    def accuracies(self) -> tuple[ExpectedAccuracy, ...]:
        """What is expected of metrics, one or several, in the manifest's order."""
        return accuracies(self.accuracy)

    def chip_key(self, chip: str, backend: str) -> str:
        """Return the key of the figures that hold for a chip under a backend, whether or not there are any."""
        return key_for(self.chips, chip, backend) or chip

    def table(self, chip: str, backend: str) -> ChipExpectation | None:
        """Return the figures that hold for a chip under a backend."""
        return self.chips.get(self.chip_key(chip, backend))


def _expected_problems(section: Expected) -> Iterator[Problem]:
    """Check that every expectation can be met, can be missed, and is going to be compared."""
    yield from accuracy_problems(section.accuracies, section.chips)
    seen: dict[tuple[str, str], str] = {}
    units: dict[str, str | RateOfSamples] = {}
    for chip, figures in section.chips.items():
        path = ("chips", chip)
        same = (chip_of(chip), backend_of(chip))
        if same in seen:
            yield path, f"means the same chip as {seen[same]!r}, which is {same[0]}; put the figures together"
        seen.setdefault(same, chip)
        if figures.throughput and units.setdefault(same[0], figures.unit) != figures.unit:
            text = f"expected the unit that other figures of {same[0]} are in, as they are of the same lines"
            yield (*path, "unit"), f"{text}; write them all in one"
        if not chip_of(chip) or (AT in chip and not re.fullmatch(NAME, backend_of(chip))):
            yield path, f"expected CHIP or CHIP{AT}BACKEND, found {found(chip)}"
        yield from _fast(path, figures)


def _fast(path: KeyPath, figures: ChipExpectation) -> Iterator[Problem]:
    """Check from where on a throughput is too good."""
    band = figures.too_good
    if band is not None and not band.given:
        yield (*path, "too_good"), "expected abs or rel: a throughput has no default"
    elif band is not None:
        rates = figures.throughput.values()
        yield from [found for rate in rates for found in suspicious(path, rate, figures.tolerance, band)][:1]
