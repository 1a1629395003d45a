"""What a manifest may say of a part of the data set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator

from zoo_runner.manifest import checks
from zoo_runner.manifest.checks import Problem
from zoo_runner.manifest.figures import SubsetFigures
from zoo_runner.manifest.section import Section
from zoo_runner.manifest.wording import found


class Subset(Section):
    """Some of the samples, always the same, with a figure of their own."""

    every: Annotated[int, Field(ge=2, description="takes each n-th sample, or group of samples where there are groups")]
    offset: Annotated[int, Field(ge=0, description="position of the first one, from 0")] = 0
    expected: SubsetFigures | None = Field(
        default=None,
        description="in place of expected.accuracy, whose metric, protocol and unit it keeps; "
        "by METRIC/PROTOCOL where that has several",
    )

    @model_validator(mode="after")
    def _check(self) -> Subset:
        checks.refuse(_subset_problems(self))
        return self

    def size(self, samples: int) -> int:
        """Return how many of a data set's samples it has."""
        return len(range(self.offset, samples, self.every))


def _subset_problems(section: Subset) -> Iterator[Problem]:
    """Check that a subset's first sample is the first one of its pattern."""
    if section.offset >= section.every:
        yield ("offset",), f"expected less than every ({section.every}), found {found(section.offset)}"
