"""The numbers of the page: each says which value of ``report.json`` it is, and that value to the last digit."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from markupsafe import Markup

    from zoo_runner.report.model import Report

Step: TypeAlias = "str | int"
ABSENT: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"


class Figures:
    """The values of a report, as ``report.json`` has them."""

    def __init__(self, report: Report) -> None:
        self._document: Any = json.loads(report.model_dump_json())

    def __call__(
        self, digits: int | None, *path: Step | tuple[Step, ...], sign: bool = False, least: bool = False
    ) -> Markup:
        """Return a value as an element of the page.

        Its ``data-field`` is the value's JSON Pointer (RFC 6901) in ``report.json``, its ``data-value`` the value
        itself, as JSON.

        Args:
            digits: Decimals that are shown; ``None`` shows all there are.
            path: Names and positions that lead to the value; several in a row may be one argument.
            sign: Whether a plus sign is shown.
            least: Whether zeros at the end are left out.
        """
        from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja, which is loaded only for a report

        steps = [step for part in path for step in (part if isinstance(part, tuple) else (part,))]
        value = self._document
        for step in steps:
            value = value[step]
        pointer = "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in steps)
        return Markup('<span class="num" data-field="{}" data-value="{}">{}</span>').format(
            pointer, json.dumps(value), shown(value, digits, sign=sign, least=least)
        )


def shown(value: float | str | None, digits: int | None = None, *, sign: bool = False, least: bool = False) -> str:
    """Write a number for people; NaN and infinity, which ``report.json`` has as words, stay words."""
    if value is None:
        return ABSENT
    if isinstance(value, str) or not math.isfinite(value):
        return str(value)
    mark = "+" if sign and value else ""
    text = f"{value:{mark}}" if digits is None else f"{value:{mark}.{digits}f}"
    if least and "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    if text.lstrip("+-").strip("0.") == "" and digits is not None:
        text = text.lstrip("+-")  # "-0.00" looks like a loss
    return text.replace("-", MINUS) if "e" not in text else text


def duration(seconds: float) -> str:
    """Write a length of time for people."""
    if not math.isfinite(seconds):
        return str(seconds)
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
