"""What a failed ATC said, what that means, and what to try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from zoo_runner.backends.ascend.atc_advice import GENERIC, PYTHON_PACKAGE, Advice, advice_on
from zoo_runner.backends.ascend.cann_messages import CannError, errors_in, python_error, signal_name

FAILED: Final = "ATC run failed"


@dataclass(frozen=True, kw_only=True)
class AtcFailure:
    """What a failed conversion said.

    Attributes:
        code: ATC's error code, such as ``E10016``; empty when it gave none.
        message: Its words.
        advice: Meaning and remedy.
        because: The exception in ATC's Python, where there was one.
        cause: ATC's own guess at the cause, or nothing.
        solution: ATC's own advice, or nothing.
    """

    code: str
    message: str
    advice: Advice
    because: str = ""
    cause: str = ""
    solution: str = ""

    def __str__(self) -> str:
        """Tell it, a line for each thing."""
        lines = [f"it said: {self.code}: {self.message}" if self.code else f"it said: {self.message}"]
        lines += [f"because of: {self.because}"] if self.because and self.because not in self.message else []
        lines += [f"possible cause, by ATC: {self.cause}"] if self.cause else []
        lines += [f"solution, by ATC: {self.solution}"] if self.solution else []
        lines += [f"meaning: {self.advice.meaning}", f"try: {self.advice.remedy}"]
        return "".join(f"  {line}\n" for line in lines)


_LIBRARIES: Final = Advice(
    "a shared library that ATC needs was not found",
    "source CANN's set_env.sh in this shell; on a machine without NPU driver also add "
    "$ASCEND_TOOLKIT_HOME/<arch>-linux/devlib to LD_LIBRARY_PATH",
)
_KILLED: Final = Advice(
    "the compiler was stopped from outside or crashed",
    "the kernel stops processes when memory runs out (`dmesg`): free memory, or convert with a smaller batch",
)

_LOADER: Final = re.compile(r"^.*error while loading shared libraries.*$", re.MULTILINE)
_ENDED: Final = re.compile(r"^.*\b(?:Killed|Segmentation fault|Aborted)\b(?: \(core dumped\))?\s*$", re.MULTILINE)
_TAIL_LINES: Final = 3
_PYTHON_FAMILIES: Final = ("E4", "E8", "EB", "EC")
"""Errors of parts of CANN that are written in Python."""


def telling_error(output: str) -> CannError | None:
    """Return the error that says most: the first whose code is not just that of an inner error."""
    errors = errors_in(output)
    return next((error for error in errors if not error.inner), next(iter(errors), None))


def diagnose(output: str, exit_code: int) -> AtcFailure:
    """Find the error in what ATC printed.

    Args:
        output: Its output, or the end of it.
        exit_code: As ``subprocess`` gives it: negative for a signal; or of a shell around ATC: 128 and the signal.
    """
    ended = signal_name(exit_code)
    said = output[output.rfind(FAILED) :] if FAILED in output else "" if ended else output
    if error := telling_error(said) or (None if ended else telling_error(output)):
        return _coded(error, python_error(output))
    if loader := _LOADER.search(output):
        return AtcFailure(code="", message=loader[0].strip(), advice=_LIBRARIES)
    if ended:
        return AtcFailure(code="", message=f"ended by signal {ended}", advice=_KILLED)
    if python := python_error(output):
        return AtcFailure(code="", message=python, advice=PYTHON_PACKAGE)
    if killed := _ENDED.search(output):
        return AtcFailure(code="", message=killed[0].strip(), advice=_KILLED)
    last = [line.strip() for line in output.splitlines() if line.strip()][-_TAIL_LINES:]
    return AtcFailure(code="", message=" / ".join(last) or "(no output)", advice=GENERIC)


def _coded(error: CannError, python: str) -> AtcFailure:
    in_python = error.code.startswith(_PYTHON_FAMILIES) or error.inner
    return AtcFailure(
        code=error.code,
        message=error.text,
        advice=PYTHON_PACKAGE if in_python and _of_packages(python) else advice_on(error.code),
        because=python if in_python else "",
        cause=error.cause,
        solution=error.solution,
    )


def _of_packages(python: str) -> bool:
    """Say whether an exception is about a package: one that is missing, or a name that numpy no longer has."""
    return python.startswith(("ModuleNotFoundError", "ImportError")) or "'numpy' has no attribute" in python
