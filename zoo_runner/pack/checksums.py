"""``SHA256SUMS``: what is in a pack, in the form that ``sha256sum -c`` takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_LINE: Final = re.compile(r"([0-9a-f]{64})  ([^\\\n]+)")


def sums_text(digests: Mapping[str, str]) -> str:
    """Return the file for digests by name; names have neither a backslash nor a line end."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def read_sums(text: str) -> dict[str, str]:
    """Return digests by name; of a text of another form, nothing."""
    rows = [_LINE.fullmatch(line) for line in text.splitlines()]
    return {row[2]: row[1] for row in rows if row} if all(rows) else {}
