"""Keys of ``expected.chips``: a chip, or a chip and the backend that its figures are for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

AT: Final = "@"
"""Stands between a chip and the backend that figures are for."""
MEANT: Final[Mapping[str, str]] = {"310P": "310P3"}
"""What published tables mean by the name of a family. Others of the family, such as 310P1, are written out."""

_PREFIX: Final = re.compile(r"ascend[ _-]?(?=[0-9])", re.IGNORECASE)
_NUMBERED: Final = re.compile(r"[0-9]{3}[a-z][0-9]*(-[0-9]+)?", re.IGNORECASE)
"""Such as ``310P3``, ``310B1`` and ``910B4-1``: their letter is written large."""


def spelled(name: str) -> str:
    """Return a chip's name as npu-smi writes it: ``Ascend 310p3`` is ``310P3``; other names stay as they are."""
    bare = _PREFIX.sub("", name.strip(), count=1) if _PREFIX.match(name.strip()) else name
    return bare.upper() if _NUMBERED.fullmatch(bare) else bare


def meant(name: str) -> str:
    """Return the chip that a person means by a name: ``310P3`` by ``310P``.

    Names that a backend gives are not read so: of a chip that calls itself ``310P`` nobody knows which one it is.
    """
    return MEANT.get(spelled(name), spelled(name))


def soc_meant(name: str) -> str:
    """Return ``--soc`` in the spelling of npu-smi or, with the prefix ``Ascend``, of ATC."""
    chip = meant(name)
    return f"Ascend{chip}" if _PREFIX.match(name.strip()) else chip


def chip_of(place: str) -> str:
    """Return the chip of a key of ``expected.chips``, such as ``310P3`` or ``310P3@ascend``, by its own name."""
    return meant(place.partition(AT)[0])


def line_meant(line: str) -> str:
    """Return the id of a report's line as reports have it: that of a throughput names the chip by its own name."""
    parts = line.split("/")
    named = len(parts) == len(("throughput", "chip", "batch")) and parts[0] == "throughput"
    return "/".join((parts[0], meant(parts[1]), parts[2])) if named else line


def backend_of(place: str) -> str:
    """Return the backend of a key of ``expected.chips``; empty if its figures are for all."""
    return place.partition(AT)[2]


def shown(place: str) -> str:
    """Write a key, with the chip that it means where that has another name: ``310P (310P3)``."""
    chip = chip_of(place)
    return place if place.partition(AT)[0] == chip else f"{place} ({chip})"


def key_for(places: Mapping[str, object], chip: str, backend: str) -> str | None:
    """Return the key of the figures that hold for a chip under a backend; ``None`` without any.

    Args:
        places: The section ``expected.chips``.
        chip: As its backend calls it.
        backend: As ``--backend`` calls it. Figures for it come before those for all.
    """
    for own in (backend, ""):
        found = list(_keys(places, chip, own))
        if found:
            return found[0]
    return None


def _keys(places: Mapping[str, object], chip: str, backend: str) -> Iterator[str]:
    """Yield the keys for a chip, the one that is written as the backend calls it first."""
    of_backend = [place for place in places if backend_of(place) == backend]
    yield from (place for place in of_backend if place.partition(AT)[0] == chip)
    yield from (place for place in of_backend if chip_of(place) == spelled(chip))
