"""On which device, and in which row of a batch, a sample's outputs were computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the outputs of a sample come from.

    Attributes:
        device: The device's number.
        row: The sample's place in its batch, from 0; ``None`` where files do not tell it.
    """

    device: int
    row: int | None = None
