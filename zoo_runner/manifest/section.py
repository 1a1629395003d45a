"""What every section of a manifest is, and the kinds of values that several of them have."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

NAME: Final = r"^[a-z0-9][a-z0-9._-]*$"
"""Names of manifests and of what is in them; they become parts of paths and of ids."""
DAY: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"

Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]


class Section(BaseModel):
    """Base of every section: frozen, strict types, unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
