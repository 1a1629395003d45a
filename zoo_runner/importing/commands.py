"""The commands of a recipe's blocks of code: words, flags, and variables with what the recipe sets them to."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoo_runner.importing.blocks import Code, Document

SHELLS: Final = frozenset({"", "bash", "sh", "shell", "console", "zsh", "cmd", "linux", "powershell", "bat"})
"""Names of blocks that may hold commands; other blocks hold other code, or what a command printed."""
_PROMPT: Final = re.compile(r"^\s*(?:\([\w.-]+\)\s*)?(?:[\w.-]+@[\w.-]+:[^\s$#]*\s?[$#]\s+|\$\s+|>>?\s+(?=[a-z]))")
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
VARIABLE: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}|\$([A-Za-z_][A-Za-z0-9_]*)")
_CONTINUED: Final = re.compile(r"\\\s*$")
_SEPARATORS: Final = frozenset({"&&", "||", ";", ";;", "|", "&", "\n"})
_BEFORE: Final = frozenset({"sudo", "nohup", "time", "then", "do", "else", "{", "(", "env", "export"})
_PROGRAM: Final = re.compile(r"[\w./~$]")
"""What the first word of a command looks like; lines of printed tables and of other languages look otherwise."""
_REDIRECTION: Final = re.compile(r"[0-9]?>&[0-9]|&>>?")
_SHOWS_TOOLS: Final = re.compile(r"\s*(?:\$ )?(?:atc\s+--|python3?\s+-m\s+ais_bench\b)")
_LONGEST_LINE: Final = 20_000
_MOST_WORDS: Final = 400
_MOST_VALUES: Final = 100


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        line: Where it begins, counted from 1.
        words: It, as the shell splits it, with variables as they are written.
        text: It, in one line, for people.
    """

    line: int
    words: tuple[str, ...]
    text: str

    @property
    def program(self) -> str:
        """What is started, without the folders."""
        return self.words[0].rpartition("/")[2] if self.words else ""

    def runs(self, module: str) -> bool:
        """Say whether it is ``python -m MODULE``, or starts a program or script of that name."""
        if self.program.startswith("python"):
            rest = self.words[1:]
            named = rest[1] if rest[:1] == ("-m",) and len(rest) > 1 else next(iter(rest), "")
        else:
            named = self.words[0] if self.words else ""
        return named.rpartition("/")[2].removesuffix(".py") == module

    @property
    def flags(self) -> Mapping[str, str]:
        """The values of ``--flag=value`` and ``--flag value``, by the flag without dashes; the last one counts."""
        found: dict[str, str] = {}
        words = [*self.words[1:], "--"]
        for word, after in pairwise(words):
            if re.match("--?[A-Za-z]", word):
                name, equals, value = word.lstrip("-").partition("=")
                found[name] = value if equals else "" if after.startswith("-") and after[1:2] != "1" else after
        return found


@dataclass(kw_only=True)
class Variables:
    """What a recipe sets variables to, wherever it does.

    Attributes:
        values: By name, in their order: of ``for bs in 1 4 8`` all of them.
        lines: Where each is set first.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def put(self, name: str, value: str, line: int) -> None:
        """Note a value."""
        known = self.values.setdefault(name, [])
        if len(known) < _MOST_VALUES and value not in known:
            known.append(value)
        self.lines.setdefault(name, line)

    def filled(self, text: str) -> tuple[str, tuple[str, ...]]:
        """Fill in the variables that have one value.

        Returns:
            The text, and the names of those that have none or several, which stay as they are.
        """
        left: dict[str, None] = {}

        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2]
            known = self.values.get(name, [])
            if len(known) == 1 and not VARIABLE.search(known[0]) and "$" not in known[0]:
                return known[0]
            left[name] = None
            return match[0]

        return VARIABLE.sub(value, text), tuple(left)


@dataclass(frozen=True, kw_only=True)
class Script:
    """All commands of a recipe, and its variables."""

    commands: tuple[Command, ...]
    variables: Variables


def script(document: Document) -> Script:
    """Read the commands of all blocks of code."""
    variables = Variables()
    commands: list[Command] = []
    for code in document.codes:
        if code.language in SHELLS or any(map(_SHOWS_TOOLS.match, code.lines)):
            for line, text in _joined(code):
                commands += _commands(line, text, variables)
    return Script(commands=tuple(commands), variables=variables)


def _joined(code: Code) -> Iterator[tuple[int, str]]:
    """Yield whole lines: with those that a backslash continues, or that begin with a flag, each with its first line."""
    start, open_ended = code.line, False
    parts: list[str] = []
    for place, written in enumerate(code.lines):
        bare = _PROMPT.sub("", written, count=1)
        goes_on = open_ended or (bool(parts) and bare.lstrip().startswith("--"))
        if not goes_on:
            if parts:
                yield start, " ".join(parts)
            start, parts = code.line + place, []
        open_ended = bool(_CONTINUED.search(bare))
        if text := _CONTINUED.sub("", bare).strip():
            parts.append(text)
        elif not goes_on:
            parts = []
    if parts:
        yield start, " ".join(parts)


def _commands(line: int, text: str, variables: Variables) -> Iterator[Command]:
    if text.startswith("#") or not _PROGRAM.match(text):
        return
    words: list[str] = []
    for word in (*_split(text), "\n"):
        if word not in _SEPARATORS:
            words.append(word)
            continue
        if left := _without_assignments(words[:_MOST_WORDS], line, variables):
            yield Command(line=line, words=tuple(left), text=" ".join(words[:_MOST_WORDS]))
        words = []


def _split(text: str) -> list[str]:
    """Split as a shell does; what it could not read, at spaces."""
    text = _REDIRECTION.sub(" ", text[:_LONGEST_LINE])
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        words = list(lexer)
    except ValueError:  # a quote without its end
        words = text.replace('"', "").replace("'", "").split()
    comment = next((place for place, word in enumerate(words) if word.startswith("#") and place), len(words))
    return words[:comment]


def _without_assignments(words: Sequence[str], line: int, variables: Variables) -> Sequence[str]:
    """Take off what stands before a command: settings of variables, which are noted, and ``do``, ``sudo``, ..."""
    if words[:1] == ["for"] and words[2:3] == ["in"]:
        for value in words[3:]:
            variables.put(words[1], value, line)
        return ()
    rest = list(words)
    while rest:
        if match := _ASSIGNMENT.fullmatch(rest[0]):
            variables.put(match[1], match[2], line)
        elif rest[0] not in _BEFORE:
            break
        rest.pop(0)
    return () if rest in (["done"], ["fi"], ["}"], [")"]) else rest
