"""What every section of a manifest is, and the kinds of values that several of them have."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

NAME: Final = r"^[a-z0-9][a-z0-9._-]*$"
"""Names of manifests and of what is in them; they become parts of paths and of ids."""
DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

WORDS: Final = r"\S"
"""What says something has a character in it, and not only spaces."""

Words = Annotated[str, Field(min_length=1, pattern=WORDS)]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]
Rule = Literal["point", "interval", "paired"]
Then = Literal["warn", "inconclusive", "fail"]

RATE_UNIT: Final = "images/s"
"""The unit of throughput: samples per second. Published figures call it so."""


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
