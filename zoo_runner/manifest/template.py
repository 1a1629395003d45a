"""Placeholders: ``{batch}`` and ``{soc}``, in the fields that say so."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

BATCH_AND_SOC: Final = ("batch", "soc")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")


def problems(text: str, allowed: Collection[str]) -> Iterator[str]:
    """Say what is wrong with the placeholders of a text."""
    known = " and ".join(f"{{{name}}}" for name in allowed)
    for name in _PLACEHOLDER.findall(text):
        if name not in allowed:
            yield f"expected no other placeholder than {known}, found {{{name}}}"
    if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
        yield f"expected braces only in the placeholder {known}, found {text!r}"


def fill(text: str, *, batch: int, soc: str = "") -> str:
    """Put the batch size and the chip's ``soc_version`` where a checked text has their placeholders."""
    return text.replace("{batch}", str(batch)).replace("{soc}", soc)
