"""The two output streams, as wide and as colourful as whoever reads them can take."""

from __future__ import annotations

import os
import sys
from enum import Enum
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from zoo_runner.report.characters import visible
from zoo_runner.terminal.lines import whole_words

LOG_WIDTH: Final = 180
"""Columns where there is no terminal to ask: wide enough that CI logs do not wrap tables."""


class Detail(str, Enum):
    """How much is shown."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"

    @classmethod
    def of(cls, *, quiet: bool, verbose: bool) -> Detail:
        """Return what two flags, of which at most one is set, come to."""
        return cls.QUIET if quiet else cls.VERBOSE if verbose else cls.NORMAL


def literal(text: str) -> str:
    """Return a text as markup that shows it as it stands."""
    return escape(visible(text))


class _Console(Console):
    """A console that keeps words whole at a terminal: a terminal by itself breaks lines wherever they are full."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; what is longer than a line is broken at spaces, and words that are longer still are not.

        A line that a user copies, such as a command, is printed with ``no_wrap``, and is one line.
        """
        (text,) = objects if len(objects) == 1 else (None,)
        if not (self.is_terminal and isinstance(text, str) and options.get("soft_wrap") and not options.get("no_wrap")):
            super().print(*objects, **options)
            return
        for line in whole_words(Text.from_markup(text, emoji=False), self.width):
            super().print(line, **options)


def console(*, stderr: bool = False) -> Console:
    """Return a console that writes plain lines unless it is at a terminal and ``NO_COLOR`` is not set.

    With ``FORCE_COLOR`` the lines of a log have colours too; bars they never have.
    """
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    coloured = bool(os.environ.get("FORCE_COLOR")) and not os.environ.get("NO_COLOR")
    return _Console(
        stderr=stderr,
        width=None if terminal else LOG_WIDTH,
        force_terminal=False if plain else None,
        color_system="standard" if plain and coloured else "auto",
        emoji=False,
        highlight=False,
    )
