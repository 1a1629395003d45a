"""What became of each part of a recipe: nothing of it is left out without a line that says so."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zoo_runner.errors import shortened
from zoo_runner.redaction import redacted

if TYPE_CHECKING:
    from zoo_runner.importing.commands import Command

LONGEST: Final = 160
"""Characters of a part that a remark shows."""
_NAMES: Final = r"token|passw(?:or)?d|pwd|secret|access[_-]?key|api[_-]?key"
_SECRET: Final = re.compile(
    rf"((?:(?<![A-Za-z])(?:\w*[_-])?(?:{_NAMES})\s*[=:\uff1a]\s*|--?[\w-]*(?:{_NAMES})\s+|(?:提取码|密码)\s*[=:\uff1a]?\s*))"
    r"[^\s=:\uff1a]+",
    re.IGNORECASE,
)
"""What a setting or flag of such a name is followed by."""


@dataclass(frozen=True, kw_only=True, order=True)
class Remark:
    """A part of the recipe that the manifest does not have.

    Attributes:
        line: Where it stands in the recipe, counted from 1.
        text: What it is, and why.
        warned: Whether it is probably a fault of the recipe, which the command says too.
    """

    line: int
    text: str
    warned: bool = False


@dataclass(kw_only=True)
class Account:
    """Parts of the recipe by line: those that the manifest has, and those that it does not.

    Attributes:
        carried: Lines of rows and links of which the manifest has all.
        taken: Commands that were read, by line and text; what is not carried over of them has remarks of its own.
        remarks: What it does not have, as keys, in the order in which it was met.
        unsaid: Keys with stand-ins, in the order in which they were met, and why for each.
    """

    carried: set[int] = field(default_factory=set)
    taken: set[tuple[int, str]] = field(default_factory=set)
    remarks: dict[Remark, None] = field(default_factory=dict)
    unsaid: dict[str, str] = field(default_factory=dict)

    def carry(self, line: int) -> None:
        """Note that the manifest says what a row or link says."""
        self.carried.add(line)

    def take(self, command: Command) -> None:
        """Note that a command was read."""
        self.taken.add((command.line, command.text))

    def leave(self, line: int, text: str, *, warned: bool = False) -> None:
        """Note what the manifest does not say, and why."""
        self.remarks[Remark(line=line, text=text, warned=warned)] = None

    def warn(self, line: int, text: str) -> None:
        """Note what is probably a fault of the recipe."""
        self.leave(line, text, warned=True)

    def stand_in(self, key: str, why: str) -> None:
        """Note a key of which the recipe does not say the value."""
        self.unsaid.setdefault(key, why)

    @property
    def warnings(self) -> list[Remark]:
        """The remarks on faults of the recipe, by line."""
        return sorted(each for each in self.remarks if each.warned)


def quoted(text: str) -> str:
    """Show a part of the recipe in a remark, in one line and without secrets."""
    return shortened(_SECRET.sub(r"\1***", redacted(" ".join(text.split()))), LONGEST)
