"""On which devices, and at which places of a batch, outputs differ."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from zoo_runner.plugin.interfaces import DeviceArrays

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from zoo_runner.plugin.interfaces import Arrays

SHOWN: Final = 4
"""Places that are listed."""


def where(outputs: Sequence[Arrays], differing: Sequence[int], batch: int | None, noun: str) -> str:
    """Say where all of the difference is: on which devices, in which rows of a batch; empty if it is everywhere.

    Args:
        outputs: Of N samples, in the order in which they were inferred.
        differing: The places of those that differ.
        batch: Samples of a call, where one device had them in that order; ``None`` where that is not so.
        noun: What samples are called, in the plural.
    """
    known = [each for each in outputs if isinstance(each, DeviceArrays)]
    devices: list[int] | None = [each.device for each in known] if len(known) == len(outputs) else None
    rows: list[int | None] = [each.row for each in known] if devices else []
    if devices is None or (len(set(devices)) == 1 and None in rows):
        rows = [place % batch for place in range(len(outputs))] if batch else [None] * len(outputs)
    ways: list[tuple[str, Sequence[Hashable]]] = []
    if devices is not None:
        ways.append(("device", devices))
    if None not in rows:
        ways.append(("row", rows))
        if devices is not None:
            ways.append(("device and row", list(zip(devices, rows, strict=True))))
    for word, places in ways:
        if text := _only(word, places, differing, noun):
            return text
    return ""


def _only(word: str, places: Sequence[Hashable], differing: Sequence[int], noun: str) -> str:
    every, wrong = Counter(places), Counter(places[place] for place in differing)
    if not wrong or len(wrong) == len(every):
        return ""
    listed = sorted(wrong, key=repr)
    some = ", ".join(_named(word, each) for each in listed[:SHOWN]) + (", …" if len(listed) > SHOWN else "")
    count = sum(every[each] for each in wrong)
    return f"outputs of {some} differ on {len(differing)} of {count} {noun}, elsewhere equal"


def _named(word: str, place: Hashable) -> str:
    if isinstance(place, tuple):
        return f"device {place[0]} in row {place[1]} of its batch"
    return f"row {place} of the batch" if word == "row" else f"device {place}"
