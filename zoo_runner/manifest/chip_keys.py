"""Keys of ``expected.chips``: a chip, or a chip and the backend that its figures are for."""

from __future__ import annotations

from typing import Final

AT: Final = "@"
"""Stands between a chip and the backend that figures are for."""


def chip_of(place: str) -> str:
    """Return the chip of a key of ``expected.chips``, such as ``310P3`` or ``310P3@ascend``."""
    return place.partition(AT)[0]


def backend_of(place: str) -> str:
    """Return the backend of a key of ``expected.chips``; empty if its figures are for all."""
    return place.partition(AT)[2]
