"""Cards as `npu-smi info` shows them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zoo_runner.backends.ascend.npu_state import Card

QUIET = Card(
    id=0,
    npu=0,
    slot=0,
    chip="310P3",
    health="OK",
    bus="0000:84:00.0",
    temperature_c=42.0,
    aicore_percent=0.0,
    memory_used_mb=1074.0,
    memory_total_mb=21534.0,
)


def card(number: int = 0, **changed: Any) -> Card:
    """Return a card that is quiet but for what is changed."""
    return replace(QUIET, id=number, npu=changed.pop("npu", number), **changed)
