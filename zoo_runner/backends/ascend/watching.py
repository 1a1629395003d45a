"""Whether a timing can be believed: looks at the chips before and after it.

A chip is looked at under the number that this process has for it. What is seen of it says whether it was quiet; where
nothing can be seen, that is said, and never taken for quiet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from zoo_runner.backends.ascend import npu_smi
from zoo_runner.backends.ascend.npu_state import HEALTHY, Card
from zoo_runner.backends.ascend.visible_devices import visible
from zoo_runner.errors import PrerequisiteError

HOT_C: Final = 85.0
"""A chip above this many degrees Celsius may slow down. Chosen, not published: idle cards show 30 to 73."""
BUSY_MEMORY: Final = 0.2
"""Used share of device memory above which somebody else is on the chip; idle chips show up to 0.19."""
BUSY_AICORE_PERCENT: Final = 5.0
"""Computing load before the timing starts above which somebody else is on the chip; idle chips show 0."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One look.

    Attributes:
        cards: The chips, by this process's device numbers.
        unread: Lines of the table of processes that are not understood.
        blind: Why nothing can be seen of them; empty if it can.
    """

    cards: Mapping[int, Card] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    blind: str = ""


def look() -> Reading:
    """Look at the chips of this process."""
    try:
        state = npu_smi.query()
    except PrerequisiteError as error:
        return Reading(blind=" ".join(str(error).split()))
    found = visible(state)
    return Reading(cards=found.cards, unread=state.unread, blind=found.unknown)


def unseen(before: Reading, after: Reading, devices: Sequence[int]) -> str:
    """Say why a timing between two looks was not watched; empty if it was, at least in part.

    What could be seen at one of the two looks only is no matter of the host: :func:`disturbances` has it.
    """
    if before.blind and after.blind:
        return before.blind
    for device in devices:
        cards = [reading.cards.get(device) for reading in (before, after)]
        if missing := next((card.unseen for card in cards if card is not None and card.unseen), ""):
            return f"{npu_smi.TOOL} does not show {missing} of device {device}"
    return ""


def disturbances(before: Reading, after: Reading, devices: Sequence[int]) -> tuple[str, ...]:
    """List what makes a timing between two looks untrustworthy; empty when the devices were quiet, or never seen.

    Take ``before`` before the model is loaded and ``after`` once it is unloaded: memory held by the timed
    model itself cannot be told from somebody else's.

    Args:
        before: Look before the timing.
        after: Look after it.
        devices: Device numbers that were timed.
    """
    if before.blind and after.blind:
        return ()
    return tuple(
        f"device {device} {when} the timing: {sign}"
        for when, reading in (("before", before), ("after", after))
        for device in devices
        # Right after a run the load shown is still the run's own.
        for sign in _signs(reading, device, load=when == "before")
    )


def states(reading: Reading, devices: Sequence[int]) -> tuple[str, ...]:
    """Describe the chips that devices are, a line each, as far as anything is seen of them."""
    return tuple(f"device {device} is {reading.cards[device]}" for device in devices if device in reading.cards)


def _signs(reading: Reading, device: int, *, load: bool) -> Iterator[str]:
    card = reading.cards.get(device)
    if reading.blind:
        yield f"nothing could be seen of it: {reading.blind}"
    elif card is None:
        yield f"not listed by {npu_smi.TOOL}"
    else:
        yield from (f"a line about processes that is not understood: {line}" for line in reading.unread)
        yield from _signs_of(card, load=load)


def _signs_of(card: Card, *, load: bool) -> Iterator[str]:
    if not card.healthy:
        yield f"health is {card.health}, expected {HEALTHY}"
    if card.temperature_c is not None and card.temperature_c > HOT_C:
        yield f"{card.temperature_c:g} degrees Celsius, expected at most {HOT_C:g}"
    for process in card.processes:
        yield f"process {process.pid} ({process.name or 'no name'}) runs on it"
    if load and card.aicore_percent is not None and card.aicore_percent > BUSY_AICORE_PERCENT:
        yield f"AI cores {card.aicore_percent:g} % busy, expected at most {BUSY_AICORE_PERCENT:g} %"
    used, total = card.memory_used_mb, card.memory_total_mb
    if used is not None and total and used > BUSY_MEMORY * total and not card.host_memory:
        yield f"{used:g} of {total:g} MB in use, expected at most {BUSY_MEMORY:.0%}"
