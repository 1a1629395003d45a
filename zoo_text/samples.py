"""What a recogniser is scored on: images of lines of text, with what is written in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo_runner.plugin.interfaces import Sample


@dataclass(frozen=True, kw_only=True)
class TextSample(Sample):
    """One image of a line.

    Attributes:
        text: What is written there.
        dictionary: The file of the data set with what classes stand for; ``None`` where it is known otherwise.
    """

    text: str
    dictionary: Path | None = None
