"""Numbers as tables of recipes have them: ``79.58%``, ``445.783 fps``, ``1,234.5``, ``top1: 0.7613 top5: 0.9286``."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

PERCENT: Final = "%"
OF_SAMPLES: Final = ("fps", "images/s", "samples/s")
"""Units that count samples; ``fps`` is what the zoo calls images per second."""
RATES: Final = (*OF_SAMPLES, "frames/s", "sentences/s", "qps")
"""Units of throughput. Of the last ones a sample may be several."""
TIMES: Final = ("ms", "s")
NOTHING: Final = frozenset(
    {"", "/", "-", "--", "---", "\\", "—", "\u2013", "无", "none", "na", "n/a", "nan", "null", "待测", "tbd"}
)
"""Cells that give no figure, in small letters."""
_NUMBER: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})(?:\.[0-9]{1,12})?"
_UNIT: Final = (
    r"%|fps|(?:imgs?|images?|pics?|张|幅)/(?:s|sec|秒)|(?:samples?|seqs?|sentences?|条|个|句)/(?:s|sec|秒)"
    r"|(?:frames?|帧)/(?:s|sec|秒)|qps|ms|毫秒|s|秒|db"
)
_QUANTITY: Final = re.compile(
    rf"(?<![\w.@])(?P<sign>[-+]?)(?P<number>{_NUMBER})(?![\w.]{{0,20}}[0-9])\s{{0,3}}(?P<unit>{_UNIT})?(?!\w)",
    re.IGNORECASE,
)
_TOP: Final = re.compile(r"\b(top|acc(?:uracy)?)\s*[-@_ ]?\s*(?:top)?\s*([15])\b(?!\.?[0-9])", re.IGNORECASE)
_BATCH: Final = re.compile(
    r"(?:(?:最优|best)?\s*(?:batch|bs)(?:[ _-]?size)?\s*[=:]?\s*)?([0-9]{1,6})(?:\s*\((?:最优|best)\)|\s*最优)?",
    re.IGNORECASE,
)
_MARGIN: Final = "±"
_ABOUT: Final = re.compile(
    r"(?:[~≈<>≤≥]=?|约|近|超过|超|大于|小于|不低于|不高于|至少|最多"
    r"|\b(?:about|approx\.?|up to|over|at (?:least|most)))\s{0,3}$",
    re.IGNORECASE,
)
"""What says, before a number, that the figure is not just that."""
_DECIMAL_COMMA: Final = re.compile(r"(?<![\w.,])[0-9]{1,12},[0-9]{1,2}(?![0-9.,])")
"""A number that is written as ``38,5``: of it nobody knows whether it is one or two."""
_AROUND: Final = " \t:=~≈><,;/|()[]+*≤≥"
"""What is no part of a name."""
_LONGEST: Final = 200
"""Characters of a cell that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number of a table.

    Attributes:
        value: As it is written.
        unit: ``%``, one of :data:`RATES` or :data:`TIMES`, or as it is written; empty without one.
        name: What stands before it, such as ``top1``; empty without one.
        doubt: What says that it is not just this number: ``≈`` before it, or words behind it, such as ``tokens/s``.
    """

    value: Decimal
    unit: str = ""
    name: str = ""
    doubt: str = ""


def plain(text: str) -> str:
    """Return a text with the letters, digits and signs of ASCII where it has wide or other forms of them."""
    return unicodedata.normalize("NFKC", text).strip()


def says_nothing(cell: str) -> bool:
    """Say whether a cell has no figure, as ``/`` and ``-``."""
    return plain(cell).lower() in NOTHING


def quantities(cell: str) -> tuple[Quantity, ...]:
    """Return the numbers of a cell, with their names and units; digits that are parts of names are none."""
    text = _TOP.sub(r"top\2", plain(cell)[:_LONGEST])
    if _DECIMAL_COMMA.search(text):
        return ()
    found: list[Quantity] = []
    end = 0
    for match in _QUANTITY.finditer(text):
        before = text[end : match.start()]
        name = before.strip(_AROUND)
        end = match.end()
        if found and name.endswith(_MARGIN):
            continue  # how far the figure before it may be off
        value = Decimal(match["number"].replace(",", ""))
        about = _ABOUT.search(before)
        found.append(
            Quantity(
                value=-value if match["sign"] == "-" else value,
                unit=_unit(match["unit"]),
                name=name,
                doubt=about[0].strip() if about else "",
            )
        )
    rest = text[end:].strip(_AROUND)
    if found and rest and not found[-1].doubt:
        is_unit = not found[-1].unit and re.fullmatch(_UNIT, rest, re.IGNORECASE) is not None
        found[-1] = replace(found[-1], unit=_unit(rest)) if is_unit else replace(found[-1], doubt=rest)
    return tuple(found)


def batch(cell: str) -> int | None:
    """Return a batch size; ``None`` for what is none, such as one in words."""
    match = _BATCH.fullmatch(plain(cell))
    return int(match[1]) if match and int(match[1]) > 0 else None


def unit_of(header: str) -> str:
    """Return the unit that the name of a column has, as in ``性能(fps)``; empty without one."""
    match = re.search(rf"(?<![a-z])({_UNIT})(?![a-z])", plain(header).lower())
    return _unit(match[1]) if match else ""


def _unit(written: str | None) -> str:
    unit = (written or "").lower()
    if re.fullmatch(r"(?:imgs?|images?|pics?|张|幅)/\w+", unit):
        return "images/s"
    if re.fullmatch(r"(?:samples?|条|个)/\w+", unit):
        return "samples/s"
    if re.fullmatch(r"(?:frames?|帧)/\w+", unit):
        return "frames/s"
    if re.fullmatch(r"(?:seqs?|sentences?|句)/\w+", unit):
        return "sentences/s"
    return {"毫秒": "ms", "秒": "s", "db": "dB"}.get(unit, unit)
