"""The file of a recipe: bounded bytes from somebody else, as text without what hides or ends lines."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zoo_runner.errors import UsageError
from zoo_runner.files.bounds import Bound
from zoo_runner.files.regular import OversizedFileError, read_regular
from zoo_runner.report.characters import CONTROL

LIMIT: Final = Bound("ZOO_RUNNER_RECIPE_LIMIT", 512_000)
"""Bytes of a recipe's file. The largest published ones have some 50 kB."""
_OTHER_LINE_ENDS: Final = re.compile("\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
"""What editors show as the end of a line; Markdown and YAML do not agree on all of them."""
_NO_CHARACTERS: Final = re.compile("[\ufeff\ufffe\uffff]|[\U0001fffe-\U0001ffff]")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The text of a recipe.

    Attributes:
        name: Of its file, without the folders.
        sha256: Of its bytes.
        lines: The text, line by line.
    """

    name: str
    sha256: str
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines."""
        return "\n".join(self.lines)

    def at(self, line: int) -> str:
        """Name a line, counted from 1, for messages."""
        return f"{self.name}:{line}"


def read(path: Path) -> Recipe:
    """Read the file of a recipe.

    Raises:
        UsageError: It cannot be read, has too many bytes, is no text, or is empty.
    """
    try:
        data = read_regular(path, LIMIT.value, LIMIT.remedy)
    except OversizedFileError as error:
        raise UsageError(f"{path}: {error.strerror}; is it the README.md of a recipe?") from None
    except OSError as error:
        raise UsageError(f"{path}: expected the README.md of a recipe, found none: {error.strerror}") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        found = f"found the byte 0x{data[error.start]:02x}"
        raise UsageError(f"{path}:{line}: expected Markdown in UTF-8, {found}; is it another kind of file?") from None
    if (place := text.find("\0")) >= 0:
        line = text.count("\n", 0, place) + 1
        raise UsageError(f"{path}:{line}: expected Markdown, found a NUL character; is it another kind of file?")
    if not text.strip():
        raise UsageError(f"{path}: expected the README.md of a recipe, found an empty file")
    plain = _NO_CHARACTERS.sub("", _OTHER_LINE_ENDS.sub(lambda end: "\n" if end[0][0] == "\r" else " ", text))
    lines = tuple(CONTROL.sub(" ", line) for line in plain.split("\n"))
    return Recipe(name=CONTROL.sub(" ", path.name), sha256=hashlib.sha256(data).hexdigest(), lines=lines)
