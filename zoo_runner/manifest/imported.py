"""The section ``imported`` of a manifest: the recipe that it was made of, and what that recipe does not say."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from zoo_runner.manifest import checks
from zoo_runner.manifest.section import Section, Words
from zoo_runner.manifest.tree import KeyPath

_SHA256: Final = r"^[0-9a-f]{64}$"


class Imported(Section):
    """Written by ``zoo-run import README.md -o M.yaml``: the file of the recipe, and what is still to be written.

    What ``unsaid`` names has a value only because a manifest must have one. No run takes place while it names anything.
    """

    file: Words = Field(description="name of the recipe's file, without its folders")
    sha256: Annotated[str, Field(pattern=_SHA256)] = Field(description="of that file, 64 lower-case hex digits")
    unsaid: Annotated[tuple[Words, ...], AfterValidator(checks.unique)] = Field(
        default=(),
        description="dotted keys that the recipe does not say: what stands there is a stand-in, and a run is refused "
        "until it is replaced and its key taken off this list",
    )

    @property
    def shown(self) -> str:
        """The recipe as reports name it."""
        return f"{self.file} (SHA-256 {self.sha256})"


def key_path(dotted: str) -> KeyPath:
    """Return the key path of an entry of ``unsaid``; positions in lists and batch sizes are numbers."""
    return tuple(int(part) if part.isascii() and part.isdecimal() else part for part in dotted.split("."))
