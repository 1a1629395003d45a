"""The flags that list gears: how they are written, and what ATC refuses of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from zoo_runner.testing.atc.errors import AtcError, invalid_value
from zoo_runner.testing.om_file import BATCH_GEARS, DIMS_GEARS, IMAGE_GEARS

_FLAGS: Final = (BATCH_GEARS, IMAGE_GEARS, DIMS_GEARS)
_ANY: Final = ", ".join(f"[--{flag}]" for flag in _FLAGS)
_LEAST: Final = 2
_MOST: Final = 100


@dataclass(frozen=True, kw_only=True)
class Gears:
    """The gears of a command.

    Attributes:
        flag: Which flag lists them.
        values: The values of each.
    """

    flag: str
    values: tuple[tuple[int, ...], ...]


def read_gears(flags: Mapping[str, str]) -> Gears | None:
    """Read the gears of a command; ``None`` where it has none.

    Raises:
        AtcError: E10009 for two kinds of gears, E10047 beside AIPP, E10004 without ``--input_shape``, E10001 and
            E10020 for another form, E10035 to E10039 for gears that do not fit together.
    """
    given = [flag for flag in (*_FLAGS, "input_shape_range") if flag in flags]
    if len(given) > 1:
        raise AtcError("E10009", f"{_ANY} and [--input_shape_range] are mutually exclusive.")
    if not given or given[0] not in _FLAGS:
        return None
    (flag,) = given
    if flag != BATCH_GEARS and "insert_op_conf" in flags:
        raise AtcError("E10047", f"[--{flag}] and [--insert_op_conf] are mutually exclusive.", "Remove either of them.")
    if not flags.get("input_shape"):
        raise AtcError("E10004", "Value for [--input_shape] is empty.", "Set a valid parameter value.")
    if flag == DIMS_GEARS and flags.get("input_format") != "ND":
        reason = "The value must be ND when [--dynamic_dims] is set."
        raise invalid_value("--input_format", flags.get("input_format", "NCHW"), reason)
    values = _values(flag, flags[flag])
    _check(values)
    return Gears(flag=flag, values=values)


def _values(flag: str, text: str) -> tuple[tuple[int, ...], ...]:
    rows = [[size] for size in text.split(",")] if flag == BATCH_GEARS else [row.split(",") for row in text.split(";")]
    try:
        values = tuple(tuple(int(size) for size in row) for row in rows)
    except ValueError:
        raise invalid_value(f"--{flag}", text, "it can only contain digits and separators.") from None
    if flag == IMAGE_GEARS and any(len(row) != len(("height", "width")) for row in values):
        form = "imagesize1_height,imagesize1_width;imagesize2_height,imagesize2_width"
        text = f"Value [{text}] for parameter [--{flag}] is invalid."
        raise AtcError("E10020", text, f'The value must be formatted as "{form}".')
    return values


def _check(values: Sequence[tuple[int, ...]]) -> None:
    if len(values) < _LEAST:
        raise AtcError("E10035", f"{_ANY} has [{len(values)}] profiles, which is less than the minimum [{_LEAST}].")
    if len(values) > _MOST:
        raise AtcError("E10036", f"{_ANY} has [{len(values)}] profiles, which is greater than the maximum [{_MOST}].")
    for row in values:
        if len(row) != len(values[0]):
            text = f"A profile has [{len(values[0])}] dimensions while another has [{len(row)}] dimensions."
            raise AtcError("E10037", f"The profiles of {_ANY} have inconsistent dimension counts. {text}")
        for size in row:
            if size < 1:
                raise AtcError("E10038", f"Dimension size [{size}] is invalid. The value must be greater than 0.")
    if len(set(values)) < len(values):
        raise AtcError("E10039", f"The {_ANY} argument have duplicate profiles.")
