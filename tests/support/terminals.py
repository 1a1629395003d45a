"""What a program writes when its output is a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def at_a_terminal(start: Callable[[int], subprocess.Popen[Any]], *, height: int = 24, width: int = 80) -> str:
    """Return what a process, which has to succeed, writes to a terminal, with all control characters.

    Args:
        start: Starts the process with this file descriptor for its output.
        height: Lines of the terminal.
        width: Columns of the terminal.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    process = start(its)
    os.close(its)
    shown = b""
    with suppress(OSError):  # so Linux answers when the program has closed its end
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert process.wait(60) == 0, shown
    return shown.decode()
