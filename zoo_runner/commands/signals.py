"""Ending on request: Ctrl-C, the SIGTERM with which CI systems cancel jobs, and the SIGHUP of a closed terminal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

INTERRUPTED: Final = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""


class Ended(KeyboardInterrupt):
    """Another signal that ends the program as Ctrl-C does: tools are stopped, nothing half done is left."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


def handle_signals() -> None:
    """Take SIGTERM and SIGHUP for Ctrl-C, except where whoever started the program wants them ignored."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def exit_code(error: BaseException) -> int:
    """Return the exit code for an interruption, or for what cleaning up after it ran into."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, KeyboardInterrupt):
        cause = cause.__cause__ or cause.__context__
    return cause.exit_code if isinstance(cause, Ended) else INTERRUPTED


def _end(number: int, _frame: FrameType | None) -> None:
    raise Ended(number)
