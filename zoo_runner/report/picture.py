"""A sample that is shown in the report, with what went wrong on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo_runner.plugin.evidence import Illustration


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One sample to show.

    Attributes:
        id: The data set's own name for it.
        index: Its position in the data set, from 1.
        score: The metric on it alone, in the headline's unit; ``None`` where there is nothing to find.
        errors: How many errors of each kind it has.
        illustration: What it looks like.
    """

    id: str
    index: int
    score: float | None
    errors: Mapping[str, int]
    illustration: Illustration
