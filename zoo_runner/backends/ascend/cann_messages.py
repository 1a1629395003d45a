"""What CANN's tools print when something goes wrong, taken apart.

One error has several lines, and the first differs by release; ``EZ9999`` stands for any code here::

    EZ9999: text
    EZ9999: [PID: 1] 2025-03-18-09:02:18.501.341 text
    EZ9999[PID: 1] 2025-03-18-09:02:18.501.341 (EZ9999):  text
    EZ9999[PID: 1] 2025-03-18-09:02:18.501.341 Symbolic_Name(EZ9999):  text
    EZ9999[PID: 1] 2025-03-18-09:02:18.501.341 (Symbolic_Name):  text

A first line that says no more than ``Inner Error!`` is followed by one that does, in one of these forms or as
``EZ9999  [InferShape] text``. Below, indented or not, text may go on; then come a possible cause, a solution and the
calls that led there, as far as there are any.
"""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, field
from typing import Final

_CODE: Final = r"(?<![\w-])(?P<code>E[A-Z0-9]\d{4})"
_PID: Final = r"\[PID:[^\]]{0,20}\]"
_TIME: Final = r"\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d[\d.]{0,20}"
_PAREN: Final = r"\([^()]{0,100}\)"
_HEADS: Final = (
    re.compile(rf"{_CODE}{_PID}\s*(?:{_TIME}\s+)?(?:\w{{0,100}}{_PAREN})?:\s*(?P<text>.*)"),
    re.compile(rf"{_CODE}(?:{_PAREN})?\s{{0,9}}:\s*(?:{_PID}\s*)?(?:{_TIME}\s+)?(?P<text>.*)"),
)
_MORE: Final = re.compile(r"\s*(?P<code>E[A-Z0-9]\d{4})\s{2,9}(?P<text>\S.*)")
_LABEL: Final = re.compile(
    r"\s*(?P<part>possible cause|solution|traceback)\s*(?:\([^)]*\)\s*)?:\s*(?P<text>.*)", re.IGNORECASE
)
_LEVEL: Final = re.compile(r"\s*\[(?:DEBUG|INFO|EVENT|WARNING|ERROR)\]")
_EMPTY: Final = re.compile(r"(?:inner|internal) error[!.]?|n/a\.?|", re.IGNORECASE)
_PLACE: Final = re.compile(r"\[(?:FUNC|FILE|LINE):[^\]]*\]")
_MOST_LINES: Final = 40
_LONGEST: Final = 600

_PYTHON: Final = re.compile(r"(?<![\w.])(?:[\w.]+(?:Error|Exception)): \S.*")


@dataclass(frozen=True, kw_only=True)
class CannError:
    """One error.

    Attributes:
        code: Such as ``E10016``.
        text: What is wrong.
        cause: The tool's own guess at the cause, or nothing.
        solution: Its own advice, or nothing.
        trace: The calls that led there, innermost first.
    """

    code: str
    text: str
    cause: str = ""
    solution: str = ""
    trace: tuple[str, ...] = ()

    @property
    def inner(self) -> bool:
        """Whether the code only says that something inside the tool failed."""
        return self.code.endswith("9999")


def errors_in(output: str) -> tuple[CannError, ...]:
    """Return the errors in what a tool printed, in its order."""
    found: list[_Lines] = []
    for line in output.splitlines():
        head = next((match for form in _HEADS if (match := form.search(line))), None)
        more = None if head or not found else _MORE.match(line)
        if head and not (found and found[-1].goes_on(head["code"])):
            found.append(_Lines(code=head["code"]))
            found[-1].parts["text"] = [head["text"]]
        elif head:
            found[-1].parts["text"] = [head["text"]]
        elif more and found[-1].goes_on(more["code"]):
            found[-1].parts["text"] = [more["text"]]
        elif found:
            found[-1].take(line)
    return tuple(lines.error() for lines in found)


def python_error(output: str) -> str:
    """Return the last line that Python wrote about an exception, such as a module that is missing; or nothing."""
    found = [match[0].strip() for line in output.splitlines() if (match := _PYTHON.search(line[:_LONGEST]))]
    return found[-1] if found else ""


def signal_name(exit_code: int) -> str:
    """Return the signal that ended a process, also one that a shell around it reports as 128 + n; or nothing."""
    number = -exit_code if exit_code < 0 else exit_code - 128
    return signal.Signals(number).name if number in set(signal.Signals) else ""


@dataclass
class _Lines:
    """The lines of one error, so far."""

    code: str
    part: str = "text"
    parts: dict[str, list[str]] = field(default_factory=dict)

    def goes_on(self, code: str) -> bool:
        """Say whether a first line with that code tells what this one has left open."""
        return code == self.code and self.part == "text" and not _told(self.parts["text"])

    def take(self, line: str) -> None:
        """Add a line below the first."""
        if _LEVEL.match(line):
            self.part = "over"
        if label := _LABEL.fullmatch(line):
            self.part = label["part"].lower()
            line = label["text"]
        lines = self.parts.setdefault(self.part, [])
        if len(lines) < _MOST_LINES:
            lines.append(line)

    def error(self) -> CannError:
        """Return the error that they tell."""
        trace = tuple(line for line in map(_shown, self.parts.get("traceback", [])) if line)
        return CannError(
            code=self.code,
            text=_told(self.parts["text"]) or next(iter(trace), "") or self.parts["text"][0].strip(),
            cause=_told(self.parts.get("possible cause", [])),
            solution=_told(self.parts.get("solution", [])),
            trace=trace,
        )


def _told(lines: list[str]) -> str:
    """Join lines to a text that says something, and is not too long."""
    text = " ".join(line for line in map(_shown, lines) if not _EMPTY.fullmatch(line))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _shown(line: str) -> str:
    return _PLACE.sub("", line[: 2 * _LONGEST]).strip()
