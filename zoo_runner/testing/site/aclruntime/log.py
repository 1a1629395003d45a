"""How the runtime reports: lines on the process's standard output, and ``RuntimeError`` with a code."""

from __future__ import annotations

import os
from typing import Final

INVALID_PARAM: Final = 1
FAILURE: Final = -1
INVALID_DEVICE: Final = 107001
"""AscendCL's code for a device number that the host does not have."""

DEBUG: Final = 1
INFO: Final = 2
ERROR: Final = 4
_NAMES: Final = {DEBUG: "DEBUG", INFO: "INFO", ERROR: "ERROR"}
_TEXTS: Final = {FAILURE: "ACL: general failure", INVALID_PARAM: "ACL: invalid parameter"}
_STDOUT: Final = 1


class Log:
    """Writes to file descriptor 1, as the C++ library does: redirecting ``sys.stdout`` does not stop it.

    Attributes:
        level: Lines below it are dropped; 2 (info) unless a session was opened with debug.
    """

    level = INFO

    def __call__(self, level: int, text: str) -> None:
        """Write one line with its level's name ahead."""
        if level >= self.level:
            write(f"[{_NAMES[level]}] {text}\n")


log = Log()


def write(text: str) -> None:
    """Write to the process's standard output without the level's name."""
    os.write(_STDOUT, text.encode())


def failure(code: int) -> RuntimeError:
    """Return the exception that the binding raises for a code."""
    return RuntimeError(f"[{code}][{_TEXTS.get(code, 'Error code unknown')}] ")
