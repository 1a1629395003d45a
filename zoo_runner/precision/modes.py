"""The precision modes of ATC: which the manifest asks for, and which can be emulated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from zoo_runner.precision.ascend import family_of

if TYPE_CHECKING:
    from zoo_runner.manifest.load import LoadedManifest

FORCE_FP16: Final = "force_fp16"
ALLOW: Final = "allow_fp32_to_fp16"
CUBE: Final = "cube_fp16in_fp32out"
FORCE_FP32: Final = "force_fp32"
KEEP: Final = "must_keep_origin_dtype"
MIXED: Final = "allow_mix_precision"
EMULATED: Final = (FORCE_FP16, ALLOW, CUBE)
"""Modes that can be emulated, each by the name that it has here."""
SAME: Final = {
    FORCE_FP32: CUBE,
    "fp16": FORCE_FP16,
    "origin": KEEP,
    "mixed_float16": MIXED,
}
"""Other names: force_fp32 is not fp32 on the matrix unit; the others are those of ``precision_mode_v2``."""
KNOWN: Final = (*EMULATED, FORCE_FP32, KEEP, MIXED)
BY_DEFAULT: Final = "ATC's default for inference"
V2: Final = "precision_mode_v2"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The mode that a manifest asks for.

    Attributes:
        written: As it stands there.
        mode: By the name that it has here.
        where: Where it stands.
    """

    written: str
    mode: str
    where: str


def asked_mode(loaded: LoadedManifest) -> Asked:
    """Return the mode that the section ``atc`` asks for; where it says none, ATC's default for inference."""
    atc = loaded.manifest.atc
    for flags, section in ((atc.flags, "flags"), (atc.unchecked_flags, "unchecked_flags")):
        if V2 in flags:
            written = str(flags[V2])
            return Asked(written=written, mode=meant(written), where=loaded.locate(("atc", section, V2)))
    if atc.precision_mode is None:
        return Asked(written=FORCE_FP16, mode=FORCE_FP16, where=BY_DEFAULT)
    where = loaded.locate(("atc", "precision_mode"))
    return Asked(written=atc.precision_mode, mode=meant(atc.precision_mode), where=where)


def meant(written: str) -> str:
    """Return the name that a mode has here."""
    return SAME.get(written, written)


def unemulated(mode: str, chip: str) -> str:
    """Say of a mode that cannot be emulated why there is no number; empty for one that can."""
    if mode in EMULATED:
        return ""
    if mode == KEEP:
        family = family_of(chip)
        if family in {"310", "310B", "310P", "910"}:
            return (
                f"{mode}: on {family} convolutions exist in fp16 only: an operator that has no fp32 kernel goes to the "
                "AI CPU, which is slow, or is refused by ATC. No number can be given"
            )
        return (
            f"{mode}: operators keep fp32; one that has no such kernel goes to the AI CPU or is refused. On 310, 310P "
            "and 910 that is every convolution. No number can be given"
        )
    if mode == MIXED:
        return (
            f"{mode}: which operators are lowered is in lists that an installed CANN holds (precision_reduce.flag), "
            "and operators of no list follow the one before them: nobody can know without. No number can be given"
        )
    return f"{mode}: is not emulated; those that are: {', '.join(EMULATED)} (which force_fp32 is too)"
