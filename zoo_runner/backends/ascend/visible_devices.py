"""Which chip a device number of this process is: ``ASCEND_RT_VISIBLE_DEVICES`` numbers the chips anew.

CANN documents the variable (environment variable reference, ``envref_07_0028``): device numbers with commas between
them, in rising order; a process then counts these devices from 0. What follows another character is not read; in some
releases neither is what follows a number of no device. A value with such a thing in it is taken for unknown here.
npu-smi does not know the variable and shows all chips.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from zoo_runner.backends.ascend.npu_state import Card, NpuState

VARIABLE: Final = "ASCEND_RT_VISIBLE_DEVICES"
_FORM: Final = re.compile(r"[0-9]{1,6}(,[0-9]{1,6})*")


@dataclass(frozen=True, kw_only=True)
class Visible:
    """The chips that this process may use.

    Attributes:
        cards: By this process's device numbers; empty if that is not known.
        unknown: Why it is not known, and what to do; empty if it is.
    """

    cards: Mapping[int, Card]
    unknown: str = ""


def visible(state: NpuState, environ: Mapping[str, str] = os.environ) -> Visible:
    """Say which chips this process's device numbers stand for."""
    value = environ.get(VARIABLE)
    if value is None:
        return Visible(cards={card.id: card for card in state.cards})
    numbers = [int(part) for part in value.split(",")] if _FORM.fullmatch(value) else []
    if not numbers or numbers != sorted(set(numbers)):
        found = "expected device numbers in rising order with nothing but commas between them, such as 0,2"
        return _unknown(value, found)
    chosen = [state.card(number) for number in numbers]
    cards = {device: card for device, card in enumerate(chosen) if card is not None}
    if len(cards) < len(numbers):
        listed = ", ".join(str(card.id) for card in state.cards)
        return _unknown(value, f"expected devices that `npu-smi info` lists ({listed})")
    if any(card.physical not in {None, card.id} for card in cards.values()):
        return _unknown(value, "npu-smi numbers the chips it lists in another way, as in some containers")
    return Visible(cards=cards)


def _unknown(value: str, why: str) -> Visible:
    text = (
        f"which card a device number is, is not known: {VARIABLE} is {value!r}; {why}. Correct it, or unset it and "
        "choose with --device"
    )
    return Visible(cards={}, unknown=text)
