"""Which chips this process may use, as npu-smi shows them, or else as the user says; and ATC's names of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from zoo_runner.backends.ascend import npu_smi
from zoo_runner.backends.ascend.atc_command import SOC_PREFIX, soc_name
from zoo_runner.backends.ascend.npu_state import Card, NpuState
from zoo_runner.backends.ascend.visible_devices import VARIABLE, visible
from zoo_runner.errors import PrerequisiteError, UsageError
from zoo_runner.plugin.interfaces import Prerequisite, Way

OF_SEVERAL: Final[Mapping[str, tuple[str, ...]]] = {
    "910": tuple(f"Ascend910_{number}" for number in (9362, 9372, 9381, 9382, 9391, 9392)),
}
"""ATC's names of chips that npu-smi gives one name: all of the A3 are ``Ascend910`` there."""
INFER: Final[tuple[Way, ...]] = ("infer",)
"""Who only converts needs no chip."""
NAME_IT: Final = "name the chip, as in --soc Ascend310P3"
_UNKNOWN: Final = "unknown"


def chip_and_version(soc: str) -> tuple[str, str]:
    """Return the chip's name, without ``Ascend``, and npu-smi's version.

    Args:
        soc: The user's name of the chip; it counts where npu-smi cannot be asked. Then there is no version.

    Raises:
        PrerequisiteError: There are chips of different kinds, or npu-smi cannot be asked and the user named none.
    """
    try:
        state = npu_smi.query()
    except PrerequisiteError as error:
        if not soc:
            raise PrerequisiteError(f"{error}; or {NAME_IT}") from error
        return soc_name(soc)[len(SOC_PREFIX) :], ""
    cards = _usable(state)
    names = sorted({card.chip for card in cards.values()})
    if len(names) > 1:
        listed = ", ".join(f"device {device}: {card.chip}" for device, card in cards.items())
        raise PrerequisiteError(
            f"expected chips of one kind, found {listed}. An .om and its figures belong to one chip: hide the "
            f"others from this process (by {VARIABLE}; in a container, mount only their /dev/davinci* devices)"
        )
    return names[0], state.version


def exact_soc(chip: str, soc: str | None) -> str:
    """Return ATC's name of a chip, as npu-smi names it; or the user's, where there is one.

    Raises:
        UsageError: npu-smi gives several chips this name.
    """
    if soc is None and chip in OF_SEVERAL:
        raise UsageError(f"expected --soc NAME, or atc.soc_version in the manifest: {_which(chip)}")
    return soc_name(soc or chip)


def chip_needs(soc: str) -> Iterator[Prerequisite]:
    """Yield what is to be said of npu-smi and the chips.

    Args:
        soc: As for :func:`chip_and_version`.
    """
    try:
        state = npu_smi.query()
    except PrerequisiteError as error:
        named = f"; --soc says {soc_name(soc)}" if soc else ""
        remedy = f"{error}; or {NAME_IT}: then nobody sees whether it is quiet"
        yield Prerequisite(
            name="npu-smi",
            ok=False,
            found=f"no chip could be read{named}",
            remedy=remedy,
            required=not soc,
            ways=INFER,
        )
        return
    yield Prerequisite(name="npu-smi", ok=True, found=f"version {state.version or _UNKNOWN}", ways=INFER)
    if unknown := visible(state).unknown:
        yield Prerequisite(
            name="visible devices", ok=False, found="unknown", remedy=unknown, required=False, ways=INFER
        )
    yield _health(_usable(state))
    for chip in sorted({card.chip for card in _usable(state).values()} & OF_SEVERAL.keys()):
        yield Prerequisite(
            name="soc_version", ok=bool(soc), found=soc or "one of several", remedy=f"{_which(chip)}", required=False
        )


def _usable(state: NpuState) -> Mapping[int, Card]:
    """Return the chips by this process's device numbers; all that are listed where it is not known which they are."""
    return visible(state).cards or {card.id: card for card in state.cards}


def _health(cards: Mapping[int, Card]) -> Prerequisite:
    ill = [f"device {device} ({card.chip}): {card.health}" for device, card in cards.items() if not card.healthy]
    kinds = ", ".join(
        f"device {device}: {card.chip}" + ("" if device == card.id else f" (at {card.place})")
        for device, card in cards.items()
    )
    return Prerequisite(
        name="chips",
        ok=not ill,
        found="; ".join(ill) or kinds,
        remedy="see `npu-smi info -t health -i CARD` and the driver's log; a reset or restart of the machine may help",
        required=False,  # it may well compute right; its timings are not believed
        ways=INFER,
    )


def _which(chip: str) -> str:
    return (
        f"npu-smi calls several chips {SOC_PREFIX}{chip}, and ATC wants to know which: {', '.join(OF_SEVERAL[chip])}. "
        "It is what `npu-smi info -t board -i CARD -c CHIP` shows as Chip Name and NPU Name, with _ between them"
    )
