"""Characters that a screen or file cannot take as they are, and what stands for them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

SUBSTITUTES: Final = {"≥": ">=", "≤": "<=", "±": "+-", "…": "...", "→": "->", "—": "-", "─": "-", "│": "|"}
"""What to write where an encoding lacks a character; a question mark would not tell ≥ from ≤."""
ERRORS: Final = "zoo_runner.substitute"
"""Name of the ``errors`` setting that does so."""
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What moves the cursor, colours the screen, turns the direction of text or is no text at all; not line ends, tabs."""


def visible(text: str) -> str:
    """Write control characters out: a text from a manifest or tool must not change what is around it."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def substitute(error: UnicodeError) -> tuple[str, int]:
    """Stand in for characters that an encoding lacks (a handler for :func:`codecs.register_error`)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(SUBSTITUTES.get(each, "?") for each in error.object[error.start : error.end]), error.end


codecs.register_error(ERRORS, substitute)


def encodable(value: Any) -> Any:
    """Write out what UTF-8 cannot encode; what is not text has no such thing in it."""
    if isinstance(value, str) and not isinstance(value, Enum):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, Mapping):
        return {encodable(key): encodable(each) for key, each in value.items()}
    return tuple(map(encodable, value)) if isinstance(value, tuple | list) else value
