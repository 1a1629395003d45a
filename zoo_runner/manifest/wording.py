"""How values are shown in messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zoo_runner.errors import shortened

_LONGEST: Final = 60
MOST_LINES: Final = 100
"""Lines of one error; the rest are counted."""
_KINDS: Final = {bool: "boolean", int: "integer", float: "number", str: "string"}


def found(value: Any) -> str:
    """Describe a value of a manifest, as in ``'four' (string)``."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, Mapping):
        return f"a mapping with {shortened(', '.join(map(str, value)))}" if value else "an empty mapping"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"a list of {len(value)}"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    kind = _KINDS.get(type(value), type(value).__name__)
    return f"{text if len(text) <= _LONGEST else f'{text[:_LONGEST]}...'} ({kind})"


def lines_shown(lines: Sequence[str]) -> str:
    """Join what is wrong with a manifest, one a line: the first ones and how many more there are."""
    more = len(lines) - MOST_LINES
    return "\n".join(lines[:MOST_LINES]) + (f"\nand {more} more" if more > 0 else "")
